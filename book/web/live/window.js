// How the first convolution of `skip` makes one pixel of one feature map: its 3×3 window on
// the noisy picture, the nine products, their sum.
import { PIXELS, SIDE, paint, paintMap } from "./pictures.js";
import { PixelChoice } from "./pixel.js";

const FILTERS = "models/skip-filters.json";
const SLIDE = 250; // ms on each pixel

export class SlidingWindow {
  // page: the Demo of loader.js, which fetches files.
  constructor(root, page) {
    this.page = page;
    this.root = root.querySelector(".live-window");
    [this.input, this.output] = this.root.querySelectorAll("canvas");
    this.cells = [...this.root.querySelectorAll("td")];
    this.said = this.root.querySelector("output");
    this.button = this.root.querySelector("button");
    const frames = this.root.querySelectorAll(".live-frame");
    this.pixel = new PixelChoice(this.input, frames, () => this.show());
    this.button.addEventListener("click", () => this.slide());
  }

  hide() {
    this.root.hidden = true;
    this.rest();
  }

  get hidden() {
    return this.root.hidden;
  }

  // map: one of those of the first block, by number.
  async open(map) {
    this.filters ??= this.page.fetch([FILTERS])
      .then((files) => JSON.parse(new TextDecoder().decode(files[FILTERS])));
    const { weights, biases } = await this.filters;
    this.page.show("ready");
    this.map = map;
    this.weights = weights.slice(9 * map, 9 * map + 9);
    this.bias = biases[map];
    this.root.hidden = false;
    this.update(this.noisy, this.maps);
    this.root.scrollIntoView({ block: "nearest" });
  }

  // maps: the values of the first block.
  update(noisy, maps) {
    Object.assign(this, { noisy, maps });
    if (this.hidden) return;
    paint(this.input, noisy);
    paintMap(this.output, maps.subarray(PIXELS * this.map, PIXELS * (this.map + 1)));
    this.pixel.show();
    this.show();
  }

  show() {
    const { x, y } = this.pixel;
    let sum = this.bias;
    this.cells.forEach((cell, i) => {
      const [column, row] = [x + (i % 3) - 1, y + Math.floor(i / 3) - 1];
      const outside = Math.min(column, row) < 0 || Math.max(column, row) >= SIDE;
      const value = outside ? 0 : this.noisy[row * SIDE + column];
      const product = value * this.weights[i];
      sum += product;
      const factors = `${number(value)} × ${number(this.weights[i])}`;
      cell.replaceChildren(factors, document.createElement("br"), number(product));
    });
    const value = this.maps[PIXELS * this.map + this.pixel.number];
    const values = { bias: number(this.bias), sum: number(sum), value: number(value) };
    this.said.textContent = this.page.say("sum", values);
  }

  // Row by row over the picture, until the button is pressed again.
  slide() {
    if (this.sliding) return this.rest();
    this.button.textContent = this.page.words.rest;
    this.sliding = setInterval(() => {
      const next = (this.pixel.number + 1) % PIXELS;
      this.pixel.move(next % SIDE, Math.floor(next / SIDE));
    }, SLIDE);
  }

  rest() {
    clearInterval(this.sliding);
    this.sliding = undefined;
    this.button.textContent = this.page.words.slide;
  }
}

const number = (value) => value.toFixed(2).replace("-", "−");
