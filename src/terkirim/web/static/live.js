// Keeps the overview up to date over a line of server-sent events, and says when that is lost.
"use strict";

(() => {
  const box = document.querySelector("[data-live]");
  if (!box || !window.EventSource) return;
  const notice = box.querySelector("[data-live-notice]");
  const mark = box.querySelector("[data-live-mark]");
  const SILENT = 25000, AGAIN = 5000, SAID_FOR = 6000; // milliseconds; the server beats every ten seconds
  let line = null, isLost = false, heardAt = Date.now(), later = null, silence = null;

  const say = (text) => {
    notice.hidden = text === "";
    notice.textContent = text;
  };
  const lost = () => {
    mark.hidden = true;
    if (!isLost) say(notice.dataset.lost);
    isLost = true;
  };
  const well = () => {
    heardAt = Date.now();
    mark.hidden = false;
    if (!isLost) return;
    isLost = false;
    say(notice.dataset.back);
    window.setTimeout(() => { if (!isLost) say(""); }, SAID_FOR);
  };

  // What is the same stays, so that nobody hears it read out again; a focus stays where it was.
  const put = (html) => {
    const made = document.createElement("template");
    made.innerHTML = html;
    [...made.content.children].forEach(putOne);
  };
  const putOne = (fresh) => {
    const old = document.getElementById(fresh.id);
    if (!old || old.isEqualNode(fresh)) return;
    const refocus = window.focusKept(old);
    old.replaceWith(fresh);
    refocus(fresh);
  };

  const close = () => {
    line?.close();
    line = null;
    window.clearTimeout(later);
    window.clearInterval(silence);
  };
  const over = () => {
    close();
    window.location.reload();
  };

  // A line that was refused: because the session is over, or because the gateway is away.
  const askAgain = async () => {
    try {
      const answer = await fetch(window.location.href, { redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect") return over();
    } catch { /* it is away; the next try tells */ }
    return open();
  };

  const open = () => {
    close();
    if (document.hidden) return;
    line = new EventSource(box.dataset.live);
    line.addEventListener("part", (event) => { well(); put(event.data); });
    line.addEventListener("beat", well);
    line.addEventListener("away", () => { heardAt = Date.now(); lost(); });
    line.addEventListener("gone", over);
    line.addEventListener("error", () => {
      lost();
      if (line?.readyState === EventSource.CLOSED) later = window.setTimeout(askAgain, AGAIN);
    });
    silence = window.setInterval(() => {
      if (Date.now() - heardAt > SILENT) { lost(); open(); }
    }, AGAIN);
  };

  // A window that nobody sees needs no line.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else { heardAt = Date.now(); open(); }
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();
})();
