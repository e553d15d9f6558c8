// Generating in the page. Markup: extensions/templates/generate.html.
import { readAddress, writeAddress } from "./address.js";
import { Denoiser } from "./denoiser.js";
import { DigitChoice } from "./digits.js";
import { offerOwn } from "./own.js";
import { LivePart } from "./part.js";
import { PIXELS, grey, nth, paint, paintRow, paintUpTo, psnr } from "./pictures.js";
import { normals, seeded } from "./random.js";
import { DAMAGES, eachAgrees, noiseLevels, pureNoise, sample, together } from "./sampling.js";

const KEY = "generate"; // in the address
const COLUMNS = 4;
const MADE = 16;
const ASKED = 12; // answers to one question
const HIGHEST = { mixer: 3 }; // noise level to begin in; the others have not seen more than
const ELSEWHERE = 1;
const DOUBT = 0.5; // standard deviation that is shown white

// page: the Demo of loader.js, which fetches files and tells the reader what happens.
export async function open(root, page) {
  const { "digits.bin": digits, "mean.bin": mean } = await page.fetch(["digits.bin", "mean.bin"]);
  return new Generator(root, page, digits, mean);
}

class Generator extends LivePart {
  constructor(root, page, digits, mean) {
    super(root, page);
    Object.assign(this, { making: 0, frames: [] });
    this.mean = grey(mean);
    this.denoiser = new Denoiser((names) => page.fetch(names));
    this.digit = new DigitChoice(root, digits, () => this.stop(), this.tellPen);
    offerOwn(this.controls.network, page);
    readAddress(KEY, this.controls, Object.keys(this.settings()));
    this.listen();
    this.show();
  }

  listen() {
    const { make, at, seed } = this.controls;
    this.form.addEventListener("input", ({ target }) => {
      if (target !== at) this.show();
    });
    // Another question, the same noise; where something has been made, it is made anew.
    this.form.addEventListener("change", ({ target }) => {
      if (target === at) return;
      const again = this.frames.length > 0 && target.name !== "task" && target.value !== "draw";
      this.stop();
      if (again) this.attempt(() => this.make());
    });
    make.addEventListener("click", () => {
      if (this.begun) seed.value = Number(seed.value) + 1;
      this.attempt(() => this.make());
    });
    at.addEventListener("input", () => this.showFrame(Number(at.value)));
  }

  settings() {
    const { task, network, steps, fresh, sigma, digit, seed } = this.controls;
    return {
      task: task.value,
      network: network.value,
      steps: Number(steps.value),
      fresh: Number(fresh.value),
      sigma: Number(sigma.value),
      digit: digit.value,
      seed: Number(seed.value),
    };
  }

  // Nothing is made before it is asked for; only the network is seen to be there.
  async tryAgain() {
    this.denoiser.forgive();
    if (this.unfinished) await this.make();
    else await this.denoiser.run(this.settings().network, this.mean);
  }

  // What was made before, or is being made, is no longer wanted.
  stop() {
    this.making += 1;
    this.unfinished = false;
    this.frames = [];
    this.show();
  }

  async make() {
    this.stop();
    const mine = this.making;
    const settings = this.settings();
    const question = this.ask(settings);
    if (!calm()) paintRow(this.find("noisy"), question[1], COLUMNS); // at once
    writeAddress(KEY, settings);
    this.begun = this.unfinished = true;
    this.controls.at.max = settings.steps;
    for await (const frame of sample(...question)) {
      if (mine !== this.making) return;
      this.frames.push(frame);
      if (!calm() || !frame.guess) this.showFrame(this.frames.length - 1);
    }
    this.unfinished = false;
    this.conclude(settings);
  }

  // The arguments of sample().
  ask({ task, network, steps, fresh, sigma, seed }) {
    const random = seeded(seed);
    const denoise = (y) => this.denoiser.run(network, y).then(({ denoised }) => denoised);
    const highest = HIGHEST[network] ?? ELSEWHERE;
    if (task === "new") {
      const start = pureNoise(MADE, highest, this.mean, random);
      return [denoise, start, noiseLevels(highest, steps), { eta: fresh, gamma: 1.3, random }];
    }
    this.clean = this.digit.picture();
    const options = { eta: fresh, gamma: 1, random };
    if (task === "noisy") {
      const noise = normals(PIXELS, random);
      this.left = this.clean.map((value, i) => value + sigma * noise[i]);
      return [denoise, repeated(this.left), noiseLevels(sigma, steps), options];
    }
    const { left, agree } = DAMAGES[task](this.clean, random);
    this.left = left;
    const start = pureNoise(ASKED, highest, this.mean, random);
    const agreeing = async (y, level) => eachAgrees(agree, await denoise(y), level);
    return [agreeing, start, noiseLevels(highest, steps), options];
  }

  // ---------- what is shown ----------

  show() {
    const { steps, fresh, sigma, at, make } = this.controls;
    const { task } = this.settings();
    this.find("steps").textContent = steps.value;
    this.find("fresh").textContent = Number(fresh.value).toFixed(1);
    this.find("sigma").textContent = Number(sigma.value).toFixed(1);
    this.root.querySelector('[data-setting="sigma"]').hidden = task !== "noisy";
    this.root.querySelector(".generate-digit").hidden = task === "new";
    this.digit.picture(); // shows the pad, or hides it
    this.find("question").textContent = this.page.words.questions[task];
    make.textContent = this.page.words[this.frames.length ? "anew" : "make"];
    at.disabled = this.frames.length === 0;
    if (this.frames.length) return;
    at.value = 0;
    this.announce("");
    this.find("at").textContent = "";
    this.find("answer").textContent = "";
    this.root.querySelector(".generate-summary").hidden = true;
    for (const name of ["noisy", "guess"]) wipe(this.find(name));
  }

  showFrame(number) {
    const { at, steps } = this.controls;
    const { y, guess, sigma } = this.frames[number];
    paintRow(this.find("noisy"), y, COLUMNS);
    paintRow(this.find("guess"), guess ?? y, COLUMNS);
    at.value = number;
    at.disabled = false;
    const values = { step: number, steps: steps.value, sigma: sigma.toFixed(2) };
    this.find("at").textContent = this.page.say("step", values);
  }

  // What twelve answers say together.
  conclude({ task, network }) {
    this.show();
    this.announce(this.page.say("made"));
    const weak = task === "new" && !(network in HIGHEST);
    this.find("answer").textContent = this.page.words.answers[weak ? "weak" : task];
    if (task === "new") return;
    const answers = this.frames.at(-1).y.map((value) => Math.min(1, Math.max(0, value)));
    const { mean, doubt } = together(answers);
    const pictures = { clean: this.clean, left: this.left, one: nth(answers, 0), mean };
    for (const [name, picture] of Object.entries(pictures)) paint(this.find(name), picture);
    paintUpTo(this.find("doubt"), doubt, DOUBT);
    const there = this.clean.some((value) => value > 0);
    for (const name of ["left", "one", "mean"]) {
      const decibels = psnr(pictures[name], this.clean).toFixed(1);
      this.find(`${name}-psnr`).textContent = there ? `${decibels} dB` : "";
    }
    this.root.querySelector(".generate-summary").hidden = false;
  }
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const wipe = (canvas) =>
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);

function repeated(picture) {
  const rows = new Float32Array(ASKED * PIXELS);
  for (let n = 0; n < ASKED; n++) rows.set(picture, n * PIXELS);
  return rows;
}
