"use strict";
// What the reader has read, solved and answered, kept in this browser and nowhere else.
{
  const KEY = "book-progress";
  // kind → what one entry looks like: a chapter, an exercise, a question of a quiz.
  const KINDS = { read: /^\d\d_\w+$/, solved: /^\d\d-\d$/, quiz: /^\d\d-\d$/ };
  const page = DOCUMENTATION_OPTIONS.pagename;
  const chapter = /^\d\d(?=_)/.exec(page)?.[0];
  const told = document.getElementById("book-words"); // not on the page that searches
  const { progress: words } = JSON.parse(told?.dataset.words ?? "{}");

  // {kind: Set of what is done} of a text; of what is no progress, undefined.
  function understood(text) {
    try {
      const found = JSON.parse(text);
      const sets = Object.entries(KINDS).map(([kind, pattern]) => {
        const all = found[kind];
        if (!Array.isArray(all) || !all.every((one) => pattern.test(one))) throw TypeError();
        return [kind, new Set(all)];
      });
      return Object.fromEntries(sets);
    } catch {
      return undefined;
    }
  }

  const nothing = () =>
    Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, new Set()]));

  const written = (done) =>
    JSON.stringify(Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, [...done[kind]].sort()])));

  function load() {
    let text = null;
    try {
      text = localStorage.getItem(KEY);
    } catch {
      // Storage may be forbidden; then nothing has been done.
    }
    return understood(text) ?? nothing();
  }

  function save(done) {
    try {
      localStorage.setItem(KEY, written(done));
    } catch {
      // Forbidden, or full.
    }
    show();
  }

  function mark(kind, name, is = true) {
    const done = load(); // another tab may have written, too
    done[kind][is ? "add" : "delete"](name);
    save(done);
  }

  // A box to tick, at the end of an element.
  function box(where, kind, name, said) {
    const label = document.createElement("label");
    label.className = "book-done";
    const tick = Object.assign(document.createElement("input"), { type: "checkbox" });
    Object.assign(tick.dataset, { kind, name });
    label.append(tick, ` ${said}`);
    where.append(label);
    tick.addEventListener("change", () => mark(kind, name, tick.checked));
  }

  // The first choice that is opened counts.
  function watchQuiz() {
    const tried = new Set();
    let question = 0;
    for (const part of document.querySelectorAll("#quiz > p, #quiz > details.choice")) {
      if (part.tagName === "P") {
        question += part.querySelector("strong") ? 1 : 0;
        continue;
      }
      const name = `${chapter}-${question}`;
      part.addEventListener("toggle", () => {
        if (!part.open || tried.has(name)) return;
        tried.add(name);
        if (part.textContent.includes("✓")) mark("quiz", name);
      });
    }
  }

  function show() {
    const done = load();
    for (const tick of document.querySelectorAll(".book-done input")) {
      tick.checked = done[tick.dataset.kind].has(tick.dataset.name);
    }
    for (const link of document.querySelectorAll(".bd-docs-nav a")) {
      const name = link.getAttribute("href").replace(".html", "");
      link.classList.toggle("book-read", done.read.has(name === "#" ? page : name));
    }
    for (const place of document.querySelectorAll("[data-progress]")) {
      const { progress, of } = place.dataset;
      place.textContent = [...done[progress]].filter((name) => name.startsWith(of)).length;
    }
  }

  // ---------- the page of all progress ----------

  function say(key, file) {
    document.querySelector(".book-progress output").textContent =
      words[key].replace("{file}", file);
  }

  function addTools(table) {
    const tools = document.createElement("p");
    tools.className = "book-progress";
    tools.innerHTML = "<button></button> <label><input type=file accept=.json><span></span></label> <button></button> <output></output>";
    const [keep, forget] = tools.querySelectorAll("button");
    const file = tools.querySelector("input");
    keep.textContent = words.export;
    tools.querySelector("span").textContent = words.import;
    forget.textContent = words.forget;
    table.after(tools);
    keep.addEventListener("click", () => {
      const link = document.createElement("a");
      const blob = new Blob([written(load())], { type: "application/json" });
      Object.assign(link, { href: URL.createObjectURL(blob), download: "book-progress.json" });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href));
    });
    file.addEventListener("change", async () => {
      const { name } = file.files[0];
      const found = understood(await file.files[0].text());
      file.value = "";
      if (!found) return say("misfit", name);
      const done = load();
      for (const kind of Object.keys(KINDS)) found[kind].forEach((one) => done[kind].add(one));
      save(done);
      say("merged", name);
    });
    forget.addEventListener("click", () => {
      if (confirm(words.sure)) save(nothing());
    });
  }

  if (chapter) {
    for (const section of document.querySelectorAll("section[id^=exercise-]")) {
      box(section, "solved", `${chapter}-${section.id.slice("exercise-".length)}`, words.solved);
    }
    box(document.querySelector("article > section"), "read", page, words.read);
    watchQuiz();
  }
  const table = document.querySelector("section#progress table");
  if (table) addTools(table);
  show();
  addEventListener("storage", ({ key }) => { if (key === KEY) show(); });
}
