// Keeps a page up to date: asks every two seconds whether its document changed (ETag), and only
// then reads the page again and replaces the parts that differ. Without this file the page is as
// it was when it was opened.
"use strict";
(() => {
  const main = document.querySelector("main[data-api]");
  const note = document.getElementById("live");
  if (!main || !note) return;
  let etag = main.dataset.etag;
  let busy = false;

  const say = (text) => {
    if (note.textContent !== text) note.textContent = text;
  };

  // Returns whether the page is as it should be: a part that has the focus is left as it is.
  const replaceParts = (page) => {
    let all = true;
    document.title = page.title;
    for (const part of main.querySelectorAll("[data-part]")) {
      const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!fresh || fresh.isEqualNode(part)) continue;
      if (part.contains(document.activeElement)) all = false;
      else part.replaceWith(document.adoptNode(fresh));
    }
    return all;
  };

  const refresh = async () => {
    const headers = etag ? { "If-None-Match": etag } : {};
    const answer = await fetch(main.dataset.api, { headers, cache: "no-store" });
    if (answer.status === 304) return "live";
    if (answer.status === 503) return "the database does not answer, trying again";
    if (!answer.ok) return "this page is no longer live; reload it";
    const page = await fetch(window.location.href, { cache: "no-store" });
    if (!page.ok) return "the database does not answer, trying again";
    const fresh = new DOMParser().parseFromString(await page.text(), "text/html");
    etag = replaceParts(fresh) ? answer.headers.get("ETag") : null;
    return "live";
  };

  const poll = async () => {
    if (busy || document.hidden) return;
    busy = true;
    try {
      say(await refresh());
    } catch {
      say("the dashboard does not answer, trying again");
    } finally {
      busy = false;
    }
  };

  say("live");
  window.setInterval(poll, 2000);
  document.addEventListener("visibilitychange", poll);
})();
