"use strict";
// Both languages side by side: each paragraph, and beneath or beside it the same in the
// other language, taken from that page. Both have the same blocks in each section.
{
  const button = document.querySelector(".book-both");
  const other = document.querySelector("a.language-switch");
  // What is read; code, its outputs and what scripts put there is the same in both.
  const READ = "p, ul, ol, blockquote, table, .pst-scrollable-table-container, details, .math";
  const MADE = ".book-time, .book-sources, .live-door, .book-place, .book-guessed, .book-progress";

  const blocks = (section) =>
    [...section.children].filter((e) => e.matches(READ) && !e.matches(MADE));

  // A block of the other page without what names it there.
  function twin(block, lang) {
    const copy = document.importNode(block, true);
    for (const named of [copy, ...copy.querySelectorAll("[id], [name]")]) {
      named.removeAttribute("id");
      named.removeAttribute("name");
    }
    const beside = document.createElement("div");
    Object.assign(beside, { className: "book-beside", lang });
    beside.append(copy);
    return beside;
  }

  async function show() {
    const html = await (await fetch(other.href)).text();
    if (button.ariaPressed !== "true") return; // no longer wanted
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const section of document.querySelectorAll("article section[id]")) {
      const theirs = page.getElementById(section.id);
      if (!theirs) continue;
      const pair = [blocks(section), blocks(theirs)];
      if (pair[0].length !== pair[1].length) continue;
      pair[0].forEach((block, i) => {
        // Formulas are the same; what waits for a guess is not told in another language.
        if (block.matches(".math, [hidden]")) return;
        block.after(twin(pair[1][i], page.documentElement.lang));
      });
    }
  }

  function hide() {
    for (const beside of document.querySelectorAll(".book-beside")) beside.remove();
  }

  button?.addEventListener("click", async () => {
    const on = button.ariaPressed !== "true";
    button.ariaPressed = on;
    hide();
    if (!on) return;
    try {
      await show();
    } catch {
      button.ariaPressed = false; // offline, or opened as a file
      const told = document.createElement("p");
      Object.assign(told, { className: "book-beside", role: "status", textContent: button.dataset.failed });
      document.querySelector("article h1").after(told);
    }
  });
}
