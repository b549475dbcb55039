// What pages gain by a script: nothing of it is needed to read or to act.
"use strict";

(() => {
  const side = document.querySelector(".side");
  const button = document.querySelector(".menu-button");
  if (side && button) {
    side.classList.add("is-foldable");
    button.hidden = false;
    button.addEventListener("click", () => {
      const isOpen = side.classList.toggle("is-open");
      button.setAttribute("aria-expanded", String(isOpen));
    });
  }

  const showCopyButtons = (root) => {
    if (!navigator.clipboard) return;
    root.querySelectorAll("[data-copy]").forEach((one) => { one.hidden = false; });
  };
  showCopyButtons(document);
  document.addEventListener("htmx:load", (event) => showCopyButtons(event.target));

  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (!copy) return;
    await navigator.clipboard.writeText(copy.parentElement.querySelector("code").textContent);
    copy.classList.add("is-done");
    copy.firstChild.textContent = "✓ " + copy.firstChild.textContent.replace("✓ ", "");
  });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.ask;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  const isWriting = (element) => element.matches("input, textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
    const search = document.querySelector("[data-search]");
    if (search && (event.key === "f" || event.key === "/")) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });

  // A part of a page that is asked for again keeps what its reader has unfolded.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const open = [...event.detail.target.querySelectorAll("details")].map((one) => one.open);
    const restore = () => {
      const target = document.getElementById(event.detail.target.id);
      target?.querySelectorAll("details").forEach((one, at) => { if (open[at]) one.open = true; });
    };
    if (open.some(Boolean)) document.addEventListener("htmx:afterSwap", restore, { once: true });
  });
})();
