// Which digit is real? Markup: extensions/templates/guess.html.
import { Denoiser } from "./denoiser.js";
import { LivePart } from "./part.js";
import { PIXELS, grey, inflated, nth, paint } from "./pictures.js";
import { noiseLevels, pureNoise, sample } from "./sampling.js";

const ROUNDS = 10;
const NETWORK = "mixer";
const [HIGHEST, STEPS] = [3, 20]; // as in chapter 09
const BLACK = 0.05; // what is less than this: the paper of real digits has no shades

// page: the Demo of loader.js, which fetches files and tells the reader what happens.
export async function open(root, page) {
  const files = await page.fetch(["real.bin", "mean.bin"]);
  const real = await inflated(files["real.bin"]);
  return new Guessing(root, page, real, grey(files["mean.bin"]));
}

class Guessing extends LivePart {
  constructor(root, page, real, mean) {
    super(root, page);
    Object.assign(this, { real, mean });
    this.denoiser = new Denoiser((names) => page.fetch(names));
    this.buttons = [...root.querySelectorAll("[name=pick]")];
    this.buttons.forEach((button, side) => {
      button.addEventListener("click", () => this.pick(side));
    });
    this.next = root.querySelector("[name=next]");
    this.next.addEventListener("click", () => this.go());
  }

  // A game begins as soon as its digits have been made.
  async tryAgain() {
    this.denoiser.forgive();
    if (!this.made) await this.begin();
  }

  async begin() {
    const start = pureNoise(ROUNDS, HIGHEST, this.mean, Math.random);
    const denoise = async (y) => (await this.denoiser.run(NETWORK, y)).denoised;
    const options = { eta: 1, gamma: 1.3, random: Math.random };
    this.show("making");
    let made;
    for await (const { guess } of sample(denoise, start, noiseLevels(HIGHEST, STEPS), options)) {
      made = guess ?? made;
    }
    this.made = made.map((value) => (value < BLACK ? 0 : value));
    Object.assign(this, { round: 0, right: 0 });
    this.drawn = shuffled(this.real.length / PIXELS).slice(0, ROUNDS);
    this.ask();
  }

  ask() {
    this.realSide = Math.random() < 0.5 ? 0 : 1;
    const pair = [nth(this.made, this.round), nth(this.made, this.round)];
    pair[this.realSide] = nth(this.real, this.drawn[this.round]);
    pair.forEach((picture, side) => paint(this.find(`picture-${side}`), picture));
    this.show("asked");
  }

  pick(side) {
    const right = side === this.realSide;
    this.round += 1;
    this.right += right;
    this.show(right ? "right" : "wrong");
  }

  go() {
    return this.round < ROUNDS ? this.ask() : this.attempt(() => this.begin());
  }

  // state: making, asked, right or wrong.
  show(state) {
    const { words } = this.page;
    const answered = state === "right" || state === "wrong";
    const over = answered && this.round === ROUNDS;
    for (const [side, button] of this.buttons.entries()) {
      button.disabled = state !== "asked";
      const real = side === this.realSide;
      button.classList.toggle("live-real", answered && real);
      const kind = real ? words.kinds.real : words.kinds.made;
      button.querySelector("span").textContent = answered ? kind : words.sides[side];
    }
    this.next.hidden = !answered;
    this.next.textContent = over ? words.again : words.next;
    const values = { round: this.round + 1, played: this.round, right: this.right };
    const said = [this.page.say(state, values)];
    if (over) said.push(this.page.say(this.right >= 9 ? "sharp" : "blunt", values));
    this.find("said").textContent = said.join(words.gap);
    this.find("score").textContent = this.round ? this.page.say("score", values) : "";
    if (answered) this.next.focus();
  }
}

// 0 to count - 1 in another order.
function shuffled(count) {
  const order = Array.from({ length: count }, (_, i) => [Math.random(), i]);
  return order.sort(([a], [b]) => a - b).map(([, i]) => i);
}
