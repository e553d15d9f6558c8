"use strict";
// Guess first: what comes out of a cell that a question precedes is folded until the
// reader has written down a guess, or does without one. Without scripts it stands open.
{
  const KEY = "book-answers"; // "open" for who does not want to guess
  const told = document.getElementById("book-words"); // not on the page that searches
  const { questions: said } = JSON.parse(told?.dataset.words ?? "{}");

  function open() {
    try {
      return localStorage.getItem(KEY) === "open";
    } catch {
      return false; // storage may be forbidden
    }
  }

  function choose(all) {
    try {
      if (all) localStorage.setItem(KEY, "open");
      else localStorage.removeItem(KEY);
    } catch {
      // Then it holds for this page.
    }
  }

  // What belongs to a cell's output: the output, and the caption of its figure.
  function shown(cell) {
    const next = cell.nextElementSibling;
    const outputs = [...cell.querySelectorAll(".cell_output")];
    return next?.id.startsWith("figure-") ? [...outputs, next] : outputs;
  }

  function make(name, more) {
    return Object.assign(document.createElement(name), more);
  }

  class Question {
    constructor(cell) {
      this.outputs = shown(cell);
      this.form = make("form", { className: "book-guess", autocomplete: "off" });
      const label = make("label", { textContent: `${said.yours} ` });
      this.field = make("input", { type: "text", name: "guess" });
      label.append(this.field);
      const compare = make("button", { textContent: said.compare });
      const skip = make("button", { type: "button", textContent: said.skip });
      this.form.append(label, compare, skip);
      this.form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (!this.field.value.trim()) return this.field.focus();
        this.reveal();
        this.guessed.textContent = `${said.guessed} ${this.field.value.trim()}`;
        this.guessed.focus();
      });
      skip.addEventListener("click", () => this.reveal());
      this.guessed = make("p", { className: "book-guessed", tabIndex: -1 });
      cell.querySelector(".cell_output").before(this.form, this.guessed);
      for (const output of this.outputs) {
        output.addEventListener("beforematch", () => this.reveal()); // found in the page
      }
    }

    fold() {
      for (const output of this.outputs) output.hidden = "until-found";
      this.form.hidden = false;
      this.guessed.textContent = "";
    }

    reveal() {
      for (const output of this.outputs) output.hidden = false;
      this.form.hidden = true;
    }
  }

  const questions = [...document.querySelectorAll(".cell.book-asked")].map((cell) => new Question(cell));
  // An address may name a figure: it is not hidden from who was sent to it.
  const named = document.getElementById(location.hash.slice(1));
  for (const question of questions) {
    const asked = !open() && !question.outputs.some((output) => output.contains(named));
    question[asked ? "fold" : "reveal"]();
  }

  if (questions.length) {
    const label = make("label", { className: "book-answers" });
    const box = make("input", { type: "checkbox", checked: open() });
    label.append(box, ` ${said.all}`);
    document.querySelector(".book-time").append(" · ", label);
    box.addEventListener("change", () => {
      choose(box.checked);
      for (const question of questions) question[box.checked ? "reveal" : "fold"]();
    });
    addEventListener("beforeprint", () => questions.forEach((question) => question.reveal()));
  }
}
