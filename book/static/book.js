"use strict";
// Paper is light, whatever the screen is.
{
  const root = document.documentElement;
  let theme;
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
  });
  addEventListener("afterprint", () => { root.dataset.theme = theme; });
}

// The language switch: remember the reader's choice, and keep to the section in view.
(() => {
  const link = document.querySelector("a.language-switch");
  if (!link) return;
  const page = link.getAttribute("href");

  function sectionInView() {
    const sections = document.querySelectorAll("article section[id]");
    // The last one whose heading has reached the upper third of the window.
    const line = innerHeight / 3;
    const above = [...sections].filter((s) => s.getBoundingClientRect().top < line);
    // The first section is the whole page: its top needs no anchor.
    const last = above.at(-1);
    return last && last !== sections[0] ? `#${last.id}` : "";
  }

  function aim() {
    const keep = document.getElementById("search-results") ? location.search : "";
    link.href = page + keep + sectionInView();
  }

  // Before any way to follow it: a click, Enter, a middle click, "copy address".
  for (const event of ["pointerenter", "pointerdown", "focus", "click"]) {
    link.addEventListener(event, aim);
  }
  link.addEventListener("click", () => {
    try {
      localStorage.setItem("book-language", link.dataset.language);
    } catch {
      // Storage may be forbidden; the switch works without it.
    }
  });
})();
