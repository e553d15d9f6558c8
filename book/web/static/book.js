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

// The section that the reader has come to, as #id; "" at the top of the page.
function sectionInView() {
  const sections = document.querySelectorAll("article :is(section, dt)[id]");
  const top = (section) => section.getBoundingClientRect().top;
  // At its end a page cannot scroll on to what the address names.
  const named = document.getElementById(location.hash.slice(1));
  const atEnd = scrollY + innerHeight > document.documentElement.scrollHeight - 5;
  if (named && atEnd && top(named) >= 0) return location.hash;
  // What starts first in the upper third of the window, else what fills it.
  const above = [...sections].filter((section) => top(section) < innerHeight / 3);
  const here = above.find((section) => top(section) >= 0) ?? above.at(-1);
  // The first section is the whole page: its top needs no anchor.
  return here && here !== sections[0] ? `#${here.id}` : "";
}

// The language switches: remember the reader's choice, and keep to the section in view.
for (const link of document.querySelectorAll("a.language-switch")) {
  const page = link.getAttribute("href");

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
}

// Where the reader stopped, offered on the first page. It stays in this browser.
{
  const offer = document.querySelector(".book-place");
  const { lang } = document.documentElement;

  function keep() {
    const section = sectionInView();
    if (!section) return;
    const name = document.querySelector(`.page-toc a[href="${section}"]`)?.textContent;
    const place = { page: DOCUMENTATION_OPTIONS.pagename, section, name, lang };
    try {
      localStorage.setItem("book-place", JSON.stringify(place));
    } catch {
      // Storage may be forbidden; then nothing is offered.
    }
  }

  function show() {
    let place = null;
    try {
      place = JSON.parse(localStorage.getItem("book-place"));
    } catch {
      // Forbidden, or not what keep() wrote.
    }
    const page = `${place?.page}.html`;
    const chapter = document.querySelector(`.bd-docs-nav a[href="${CSS.escape(page)}"]`);
    offer.hidden = !chapter;
    if (!chapter) return;
    const link = offer.querySelector("a");
    link.href = page + place.section;
    // The section's name is known in the language in which it was read.
    const names = [chapter.textContent, place.lang === lang && place.name];
    link.textContent = names.filter(Boolean).map((name) => name.trim()).join(" · ");
  }

  if (offer) {
    addEventListener("pageshow", show);
    offer.querySelector("button").addEventListener("click", () => {
      localStorage.removeItem("book-place");
      offer.hidden = true;
    });
  } else if (document.querySelector(".book-time")) {  // a chapter
    addEventListener("pagehide", keep);
    addEventListener("visibilitychange", () => { if (document.hidden) keep(); });
  }
}

// Escape closes the menu of places to run a chapter: Sphinx keeps the key to itself.
addEventListener("keydown", ({ key }) => {
  if (key === "Escape") document.querySelector(":popover-open")?.hidePopover();
}, { capture: true });

// Formulas that are wider than the window scroll: the keyboard must reach them.
const formulas = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const formula of document.querySelectorAll("div.math")) formulas.observe(formula);

// The words that a search has found, marked until the reader leaves or presses Escape.
// Nothing is stored: a result's address names them, and loses them here.
{
  const url = new URL(location);
  const found = url.searchParams.getAll("found");
  if (found.length && globalThis.Highlight) {
    url.searchParams.delete("found");
    history.replaceState(history.state, "", url);
    const literal = (word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const whole = (word) => /^\p{Script=Han}/u.test(word) ? word
      : `(?<![\\p{L}\\p{N}_])${literal(word).replaceAll(" ", "\\s+")}(?![\\p{L}\\p{N}_])`;
    const words = new RegExp(found.map(whole).join("|"), "giu");
    // Across elements: code is coloured piece by piece.
    const nodes = [], starts = [];
    let text = "";
    const article = document.querySelector("article");
    const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      nodes.push(walker.currentNode);
      starts.push(text.length);
      text += walker.currentNode.data;
    }
    const ranges = [...text.matchAll(words)].map(({ 0: { length }, index }) => {
      const range = new Range();
      const from = starts.findLastIndex((start) => start <= index);
      const to = starts.findLastIndex((start) => start < index + length);
      range.setStart(nodes[from], index - starts[from]);
      range.setEnd(nodes[to], index + length - starts[to]);
      return range;
    });
    CSS.highlights.set("found", new Highlight(...ranges));
    addEventListener("keydown", ({ key }) => {
      if (key === "Escape") CSS.highlights.delete("found");
    });
  }
}
