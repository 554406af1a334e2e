"use strict";
// Language and theme of a page that holds everything it says in both languages.
(() => {
  const root = document.documentElement;
  const next = {"": "light", light: "dark", dark: ""};
  const isChinese = () => root.lang.startsWith("zh");
  document.getElementById("language").addEventListener("click", () => {
    root.lang = isChinese() ? "en" : "zh-Hant";
    for (const each of document.querySelectorAll("[data-label-en]"))
      each.setAttribute("aria-label", isChinese() ? each.dataset.labelZh : each.dataset.labelEn);
  });
  document.getElementById("theme").addEventListener("click", () => {
    const theme = next[root.dataset.theme || ""];
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
  });
  root.classList.remove("static");
})();
