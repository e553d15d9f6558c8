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

// The language switches: remember the reader's choice, and keep to the section in view.
for (const link of document.querySelectorAll("a.language-switch")) {
  const page = link.getAttribute("href");

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

// Search: Sphinx's full-text results open at the top of a page and quote its beginning.
// Here they lead to the part of it that was meant.
(() => {
  if (!document.getElementById("search-results")) return;
  const query = new URLSearchParams(location.search).get("q") ?? "";
  const phrase = query.trim().toLowerCase();
  const summarise = Search.makeSearchSummary;

  // Each section, glossary term or signature, with the text up to the next of them.
  function partsOf(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const parts = [];
    const all = NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT;
    const walker = page.createTreeWalker(page.querySelector("article"), all);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.matches?.("section[id], dt[id]")) {
        const name = (node.querySelector("h1, h2, h3, h4") ?? node).textContent;
        parts.push({ id: node.id, name: name.toLowerCase(), text: "" });
      } else if (node.matches?.(".headerlink, script, style")) node.textContent = "";
      else if (node.data && parts.length) parts.at(-1).text += node.data;
    }
    return parts;
  }

  // The part called what was typed; else the one that has it as it stands, or has the
  // most of its words, or has them the most often.
  function best(parts, words) {
    for (const part of parts) {
      const text = part.text.toLowerCase();
      const times = words.map((word) => text.split(word).length - 1);
      const total = times.reduce((sum, n) => sum + n, 0);
      const called = part.name.includes(phrase) ? phrase.length / part.name.length : 0;
      part.rank = [called, text.includes(phrase), times.filter(Boolean).length, total];
    }
    const order = (a, b) => b.rank.map((n, i) => n - a.rank[i]).find(Boolean) ?? 0;
    return parts.sort(order)[0];
  }

  Search.makeSearchSummary = (html, words, anchor) => {
    if (anchor) return summarise(html, words, anchor);
    const part = best(partsOf(html), [...words]);
    const alone = document.createElement("div");
    alone.setAttribute("role", "main");
    alone.textContent = part.text;
    const summary = summarise(alone.outerHTML, words);
    // Sphinx puts the summary beside its link in a moment.
    queueMicrotask(() => { summary.parentElement.querySelector("a").hash = part.id; });
    return summary;
  };
})();
