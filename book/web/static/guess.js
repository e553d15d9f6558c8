"use strict";
// Guess first: what comes out of a cell that a question precedes is folded until the
// reader has written down a guess, or does without one. Without scripts it stands open.
{
  const CLOSE = 0.02; // a number this close, relatively, is right
  const KEY = "book-answers"; // "open" for who does not want to guess
  const told = document.getElementById("book-words"); // not on the page that searches
  const { all } = JSON.parse(told?.dataset.words ?? "{}").questions ?? {};

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

  class Question {
    constructor(cell) {
      this.outputs = shown(cell);
      this.form = cell.querySelector(".book-guess");
      this.guessed = cell.querySelector(".book-guessed");
      const [first] = this.form.querySelectorAll("input");
      const [, skip] = this.form.querySelectorAll("button");
      this.form.addEventListener("submit", (event) => {
        event.preventDefault();
        const guess = new FormData(this.form).get("guess")?.trim();
        if (guess) this.compare(guess);
        else first.focus();
      });
      skip.addEventListener("click", () => this.reveal());
      for (const output of this.outputs) {
        output.addEventListener("beforematch", () => this.reveal()); // found in the page
      }
    }

    compare(guess) {
      const { said, answer, right, is } = this.guessed.dataset;
      const [one, other] = [guess, answer ?? ""].map((text) => Number(text.replaceAll(",", "")));
      const same = answer && (guess === answer || Math.abs(one - other) <= CLOSE * Math.abs(other));
      const verdict = same ? right : `${is}${answer}`;
      this.reveal();
      this.guessed.textContent = answer ? `${said}${guess} · ${verdict}` : `${said}${guess}`;
      this.guessed.focus();
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
    const label = Object.assign(document.createElement("label"), { className: "book-answers" });
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: open() });
    label.append(box, ` ${all}`);
    document.querySelector(".book-time").append(" · ", label);
    box.addEventListener("change", () => {
      choose(box.checked);
      for (const question of questions) question[box.checked ? "reveal" : "fold"]();
    });
    addEventListener("beforeprint", () => questions.forEach((question) => question.reveal()));
  }
}
