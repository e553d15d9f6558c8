// The digit that the reader picks or draws. Markup: extensions/templates/live-digit.html.
import { Pad } from "./pad.js";
import { PIXELS, grey, nth, paint } from "./pictures.js";

export class DigitChoice {
  // bytes: of digits.bin, the test digits 0 to 9, one picture each. drawn() is called while
  // the reader draws; tell: see Pad.
  constructor(root, bytes, drawn, tell) {
    const all = grey(bytes);
    this.digits = Array.from({ length: all.length / PIXELS }, (_, i) => nth(all, i));
    this.root = root;
    this.controls = root.querySelector("form").elements;
    this.pad = new Pad(root.querySelector('[data-part="pad"]'), drawn, tell);
    root.querySelectorAll(".live-thumb").forEach((canvas, i) => paint(canvas, this.digits[i]));
    this.controls.clear.addEventListener("click", () => {
      this.pad.clear();
      drawn();
    });
  }

  // The picture; black where nothing has been drawn yet.
  picture() {
    const { digit } = this.controls;
    const drawing = digit.value === "draw";
    this.root.classList.toggle("live-drawing", drawing);
    return drawing ? this.pad.digit() : this.digits[digit.value];
  }
}
