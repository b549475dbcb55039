// What pages gain by a script: nothing of it is needed to read or to act.
"use strict";

// Returns what gives the focus to the same thing in the part that comes in place of `old`: where it is gone,
// to that part as a whole, so that the keyboard goes on from there and never presses something else.
window.focusKept = (old) => {
  const focused = document.activeElement;
  if (!old.contains(focused)) return () => {};
  const name = (one) => [one.tagName, one.textContent.trim(), one.form?.getAttribute("action"), one.getAttribute("href")].join();
  const places = (part) => [...part.querySelectorAll("a, button, summary, [tabindex]")];
  const alike = (part) => places(part).filter((one) => name(one) === name(focused));
  const at = alike(old).indexOf(focused);
  return (fresh) => {
    const same = alike(fresh)[at];
    if (!same) fresh.tabIndex = -1;
    (same ?? fresh).focus({ preventScroll: true });
  };
};

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

  // A part of a page that is asked for again keeps what its reader has unfolded, and the focus.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const old = event.detail.target;
    const open = [...old.querySelectorAll("details")].map((one) => one.open);
    const refocus = window.focusKept(old);
    const restore = () => {
      const fresh = document.getElementById(old.id);
      fresh?.querySelectorAll("details").forEach((one, at) => { if (open[at]) one.open = true; });
      if (fresh) refocus(fresh);
    };
    document.addEventListener("htmx:afterSwap", restore, { once: true });
  });
})();
