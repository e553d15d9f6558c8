// How a convolution of `skip` makes one pixel of one feature map: a 3×3 window on each of
// the pictures that it sees, nine products for each, and the sum of all.
import { paintMap } from "./pictures.js";
import { PixelChoice } from "./pixel.js";
import { joined } from "./weights.js";

const SLIDE = 250; // ms on each pixel

// Pictures are maps: {side, data}, one channel behind the other.
const channel = ({ side, data }, n) => data.subarray(n * side ** 2, (n + 1) * side ** 2);
const count = ({ side, data }) => data.length / side ** 2;

// A map of another side, whose pixel in column x of row y is value(channel, x, y).
function made(channels, side, value) {
  const data = new Float32Array(channels * side ** 2);
  for (let i = 0; i < data.length; i++) {
    const at = i % side ** 2;
    data[i] = value((i - at) / side ** 2, at % side, Math.floor(at / side));
  }
  return { side, data };
}

const pooled = (maps) =>
  made(count(maps), maps.side / 2, (n, x, y) => {
    const one = channel(maps, n);
    const first = 2 * y * maps.side + 2 * x;
    const below = first + maps.side;
    return Math.max(one[first], one[first + 1], one[below], one[below + 1]);
  });

const upsampled = (maps) =>
  made(count(maps), 2 * maps.side, (n, x, y) =>
    channel(maps, n)[Math.floor(y / 2) * maps.side + Math.floor(x / 2)]);

const concatenated = (a, b) => ({ side: a.side, data: joined([a.data, b.data]) });

// What the convolution of each block sees; `all` holds what the blocks put out.
const SEEN = {
  down1: (all) => all.noisy,
  down2: (all) => pooled(all.down1),
  bottleneck: (all) => pooled(all.down2),
  up2: (all) => concatenated(upsampled(all.bottleneck), all.down2),
  up1: (all) => concatenated(upsampled(all.up2), all.down1),
};

export class SlidingWindow {
  // page: the Demo of loader.js. denoiser: has the filters.
  constructor(root, page, denoiser) {
    Object.assign(this, { page, denoiser });
    this.root = root.querySelector(".live-window");
    [this.input, this.output] = this.root.querySelectorAll("figure canvas");
    this.cells = [...this.root.querySelectorAll("td")];
    this.said = this.root.querySelector("output");
    this.seen = this.root.querySelector(".live-seen");
    this.choices = [...this.seen.querySelectorAll("button")];
    this.choices.forEach((button) => button.addEventListener("click", () => {
      this.chosen = Number(button.value);
      this.show();
    }));
    this.button = this.root.querySelector("[name=slide]");
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

  // Map number n of a block.
  async open(block, n) {
    const { weight, bias } = await this.denoiser.filters(block);
    const size = weight.length / bias.length;
    this.weights = weight.subarray(n * size, (n + 1) * size);
    Object.assign(this, { block, n, bias: bias[n], chosen: undefined });
    this.root.hidden = false;
    this.update(this.all);
    this.root.scrollIntoView({ block: "nearest" });
  }

  // all: {noisy, and what each block puts out}, maps.
  update(all) {
    this.all = all;
    if (this.hidden) return;
    this.inputs = SEEN[this.block](all);
    this.map = channel(all[this.block], this.n);
    paintMap(this.output, this.map);
    this.pixel.resize(this.inputs.side);
    this.show();
  }

  // The nine [value, weight] for one of the pictures that it sees; 0 beyond the border.
  factors(n) {
    const { pixel: { x, y }, inputs: { side } } = this;
    const values = channel(this.inputs, n);
    return Array.from({ length: 9 }, (_, i) => {
      const [column, row] = [x + (i % 3) - 1, y + Math.floor(i / 3) - 1];
      const outside = Math.min(column, row) < 0 || Math.max(column, row) >= side;
      return [outside ? 0 : values[row * side + column], this.weights[9 * n + i]];
    });
  }

  show() {
    const sums = Array.from({ length: count(this.inputs) }, (_, n) =>
      this.factors(n).reduce((sum, [value, weight]) => sum + value * weight, 0));
    const order = [...sums.keys()].sort((a, b) => Math.abs(sums[b]) - Math.abs(sums[a]));
    const shown = this.chosen ?? order[0];
    paintMap(this.input, channel(this.inputs, shown));
    this.factors(shown).forEach(([value, weight], i) => {
      const factors = `${number(value)} × ${number(weight)}`;
      const product = number(value * weight);
      this.cells[i].replaceChildren(factors, document.createElement("br"), product);
    });
    this.showChoices(order, sums, shown);
    const values = {
      part: number(sums[shown]),
      n: sums.length,
      bias: number(this.bias),
      sum: number(sums.reduce((a, b) => a + b, this.bias)),
      value: number(this.map[this.pixel.number]),
    };
    this.said.textContent = this.page.say(sums.length > 1 ? "sums" : "sum", values);
  }

  // Of many, those that count most here.
  showChoices(order, sums, shown) {
    this.seen.hidden = sums.length === 1;
    if (this.seen.hidden) return;
    this.choices.forEach((button, i) => {
      const n = order[i];
      button.value = n;
      button.ariaPressed = n === shown;
      paintMap(button.firstChild, channel(this.inputs, n));
      button.lastChild.textContent = number(sums[n]);
    });
  }

  // Row by row over the picture, until the button is pressed again.
  slide() {
    if (this.sliding) return this.rest();
    this.button.textContent = this.page.words.rest;
    this.sliding = setInterval(() => {
      const { side, number: at } = this.pixel;
      const next = (at + 1) % side ** 2;
      this.pixel.move(next % side, Math.floor(next / side));
    }, SLIDE);
  }

  rest() {
    clearInterval(this.sliding);
    this.sliding = undefined;
    this.button.textContent = this.page.words.slide;
  }
}

const number = (value) => value.toFixed(2).replace("-", "−");
