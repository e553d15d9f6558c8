// The denoiser without parameters, of chapter 07, at one pixel: which training digits vote
// for its value, and how much each counts.
import { PIXELS, SIDE, inflated, nth, paint } from "./pictures.js";
import { place } from "./pixel.js";

const REACH = 3; // pixels around the one in question: the window is 7×7
const SHOWN = 8; // digits with the most votes
const FILES = ["training/about.json", "training/digits.bin"];

// How much each of the digits counts at column x of row y of a noisy picture: as
// LocalPosteriorMean.weights of unetlib.baselines.
export function votes(noisy, digits, x, y, sigma) {
  const around = [];
  for (let row = Math.max(0, y - REACH); row <= Math.min(SIDE - 1, y + REACH); row++) {
    for (let column = Math.max(0, x - REACH); column <= Math.min(SIDE - 1, x + REACH); column++) {
      around.push(row * SIDE + column);
    }
  }
  const fits = new Float64Array(digits.length / PIXELS).map((_, n) => {
    let far = 0;
    for (const i of around) far += (noisy[i] - digits[n * PIXELS + i]) ** 2;
    return -far / (2 * sigma ** 2);
  });
  const best = fits.reduce((a, b) => Math.max(a, b));
  const shares = fits.map((fit) => Math.exp(fit - best));
  const sum = shares.reduce((a, b) => a + b);
  return shares.map((share) => share / sum);
}

export class Votes {
  // page: the Demo of loader.js, which fetches files.
  constructor(root, page) {
    this.page = page;
    this.root = root.querySelector(".live-votes");
    this.said = root.querySelector(".live-voted");
    this.button = root.querySelector("[name=votes]");
    this.figures = Array.from({ length: SHOWN }, () => {
      const figure = document.createElement("figure");
      figure.innerHTML =
        '<div class="live-framed"><canvas></canvas><span class="live-frame live-seven"></span></div><figcaption></figcaption>';
      return figure;
    });
  }

  // So many digits come when they are asked for, not before.
  async load() {
    const files = await this.page.fetch(FILES);
    const { unseen } = JSON.parse(new TextDecoder().decode(files[FILES[0]]));
    this.digits = (await inflated(files[FILES[1]])).subarray(unseen * PIXELS);
    this.page.show("ready");
    this.button.hidden = true;
    this.root.replaceChildren(...this.figures);
  }

  // answer: the network's for this pixel. Without noise there is nothing to vote on.
  show(noisy, pixel, sigma, answer) {
    if (!this.digits) return;
    const { x, y, number } = pixel;
    const shares = votes(noisy, this.digits, x, y, Math.max(sigma, 0.02));
    const order = Array.from(shares, (share, n) => [share, n]).sort(([a], [b]) => b - a);
    this.figures.forEach((figure, i) => {
      const [share, n] = order[i];
      const [canvas, frame] = figure.firstChild.children;
      paint(canvas, nth(this.digits, n));
      place(frame, pixel);
      figure.lastChild.textContent = `${(100 * share).toFixed(1)}%`;
    });
    const mean = shares.reduce((sum, share, n) => sum + share * this.digits[n * PIXELS + number], 0);
    const values = { mean: mean.toFixed(2), answer: answer.toFixed(2) };
    this.said.textContent = this.page.say("voted", values);
  }
}
