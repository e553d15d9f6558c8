// Training in the page: settings, curves, pictures. Markup: extensions/templates/train.html.
import { readAddress, writeAddress } from "./address.js";
import { Curves } from "./curves.js";
import { keepOwn } from "./own.js";
import { Pad } from "./pad.js";
import { LivePart } from "./part.js";
import { drawPattern, nth, paint, paintMap, paintRow, paintSigned } from "./pictures.js";
import { hide, reveal } from "./png.js";
import { Race } from "./race.js";
import { Trainer } from "./training.js";
import { pack, unpack } from "./weights.js";

const KEY = "train"; // in the address
const NOISY = 0.5; // noise level of what the reader draws
// What differs from the settings that the page begins with.
const EXPERIMENTS = {
  fresh: {},
  article: { noise: "none" },
  same: { noise: "same", digits: 8 },
  rate: { rate: 0.3 },
  skips: { skips: false },
};

// page: the Demo of loader.js, which fetches files and tells the reader what happens.
export function open(root, page) {
  return new Training(root, page, new Trainer((names) => page.fetch(names)));
}

class Training extends LivePart {
  constructor(root, page, trainer) {
    super(root, page);
    this.trainer = trainer;
    const places = ["psnr", "loss", "legend"].map((name) => [name, this.find(name)]);
    this.curves = new Curves(Object.fromEntries(places), page.words.guessed);
    this.race = new Race(this.find("race"));
    this.pattern = drawPattern();
    this.pad = new Pad(this.find("pad"), () => this.denoiseDrawing(), this.tellPen);
    this.beginning = this.settings();
    this.readAddress();
    this.listen();
  }

  listen() {
    const { experiment, guess, start, unguessed, restart, save, share, load, race, clear } = this.controls;
    experiment.forEach((button) => button.addEventListener("input", () => this.choose(button.value)));
    this.root.querySelector(".train-settings").addEventListener("input", () => this.change());
    guess.addEventListener("input", () => this.guess());
    for (const button of [start, unguessed]) button.addEventListener("click", () => this.toggle());
    restart.addEventListener("click", () => this.attempt(() => this.renew()));
    save.addEventListener("click", () => this.attempt(() => this.save()));
    share.addEventListener("click", () => this.attempt(() => this.share()));
    race.addEventListener("input", () => this.attempt(() => this.compete([...race.files])));
    this.root.addEventListener("dragover", (event) => event.preventDefault());
    this.root.addEventListener("drop", (event) => {
      event.preventDefault(); // the page stays
      const files = [...event.dataTransfer.files];
      if (this.ready && files.length) this.attempt(() => this.compete(files));
    });
    load.addEventListener("input", () => this.attempt(() => this.load(load.files[0])));
    clear.addEventListener("click", () => {
      this.pad.clear();
      this.denoiseDrawing();
    });
    this.root.querySelector(".train-draw")
      .addEventListener("toggle", () => this.denoiseDrawing());
    this.trainer.listen((news) => this.hear(news));
  }

  // ---------- settings ----------

  settings() {
    const { network, skips, noise, sigma, digits, rate, steps, seed } = this.controls;
    return {
      network: network.value,
      skips: skips.checked,
      noise: noise.value,
      sigma: sigma.value,
      digits: Number(digits.value),
      rate: Number(rate.value),
      steps: Number(steps.value),
      seed: Number(seed.value),
    };
  }

  set(values) {
    for (const [name, value] of Object.entries(values)) {
      const control = this.controls[name];
      if (control.type === "checkbox") control.checked = value;
      else control.value = value;
    }
  }

  choose(experiment) {
    this.set({ ...this.beginning, ...EXPERIMENTS[experiment] });
    this.change(experiment);
  }

  // The reader wants something else: a new run, as soon as the other has come to a stop.
  change(experiment, weights) {
    const { experiment: buttons, skips, network } = this.controls;
    if (!experiment) buttons.forEach((button) => { button.checked = false; });
    this.experiment = experiment;
    skips.disabled = network.value === "unet";
    writeAddress(KEY, this.settings());
    this.attempt(() => this.renew(weights));
  }

  // An address that leads to these settings may have led here.
  readAddress() {
    readAddress(KEY, this.controls, Object.keys(this.beginning));
    const now = JSON.stringify(this.settings());
    this.experiment = Object.keys(EXPERIMENTS).find((name) =>
      now === JSON.stringify({ ...this.beginning, ...EXPERIMENTS[name] }));
    this.controls.experiment.forEach((button) => {
      button.checked = button.value === this.experiment;
    });
  }

  // ---------- a run ----------

  // Begin, unless that has been done.
  async tryAgain() {
    if (!this.ready) await this.renew();
  }

  // A fresh network. The run before stays on the curves, if it has taken a step.
  async renew(weights) {
    const settings = this.settings();
    const [low, high = low] = settings.sigma.split("-").map(Number);
    if (this.step > 0) this.keep();
    this.find("verdict").textContent = "";
    const begun = await this.trainer.begin({ ...settings, sigma: [low, high] }, weights);
    if (JSON.stringify(settings) !== JSON.stringify(this.settings())) return;
    Object.assign(this, { ready: true, running: false, step: 0 });
    this.curves.begin(settings.steps, this.name());
    paintRow(this.find("noisy"), begun.noisy);
    this.see({ step: 0, losses: [], ...begun });
    this.controls.guess.value = this.controls.guess.defaultValue;
    this.guessed = undefined;
    const values = { noisy: begun.unaided.toFixed(1), steps: settings.steps };
    this.find("question").textContent = this.page.say(`question-${this.experiment}`, values);
    this.show();
  }

  // Of the experiment; else what differs from where the page begins.
  name() {
    const { experiments, controls, options, skips, chosen } = this.page.words;
    if (this.experiment) return experiments[this.experiment];
    const now = this.settings();
    const changed = Object.keys(now).filter((key) => now[key] !== this.beginning[key]);
    const said = changed.map((key) => {
      if (key === "skips") return `${skips} ×`;
      return `${controls[key] ?? this.page.words[key]} ${options[now[key]] ?? now[key]}`;
    });
    return said.join(" · ") || chosen;
  }

  keep() {
    const before = this.find("before");
    before.width = this.find("denoised").width;
    before.height = this.find("denoised").height;
    before.getContext("2d").drawImage(this.find("denoised"), 0, 0);
    before.closest("figure").hidden = false;
    this.curves.keep();
  }

  guess() {
    this.guessed = Number(this.controls.guess.value);
    this.curves.guess(this.guessed);
    this.show();
  }

  toggle() {
    this.running = !this.running;
    this.attempt(() => (this.running ? this.trainer.go() : this.trainer.pause()));
    this.show();
  }

  hear({ error, ...news }) {
    if (error) {
      this.running = false;
      this.page.show("failed", new Error(error));
    } else {
      this.see(news);
    }
    this.show();
  }

  // news: {step, losses, psnr, denoised, filter, feature}, the last four now and then.
  see({ step, losses, psnr, denoised, filter, feature }) {
    this.step = step;
    this.curves.add(losses, psnr === undefined ? [] : [[step, psnr]]);
    if (psnr === undefined) return;
    this.reached = psnr;
    paintRow(this.find("denoised"), denoised);
    paintSigned(this.find("filter"), filter, Math.max(...filter.map(Math.abs)));
    paintMap(this.find("feature"), feature);
    this.denoiseDrawing();
    if (step === this.settings().steps) this.finish();
  }

  finish() {
    this.running = false;
    this.attempt(() => this.keepOwn());
    const expected = this.page.words.expected[this.experiment];
    const values = {
      psnr: this.reached.toFixed(1),
      guess: this.guessed?.toFixed(1),
      mean: expected?.mean.toFixed(1),
      sd: expected?.sd.toFixed(1),
    };
    const said = [this.guessed === undefined ? "reached" : "verdict"];
    if (expected) said.push("expected", `answer-${this.experiment}`);
    const sentences = said.map((key) => this.page.say(key, values));
    this.find("verdict").textContent = sentences.join(this.page.words.gap);
  }

  show() {
    const { start, unguessed, guess } = this.controls;
    const { words } = this.page;
    const over = this.step === this.settings().steps;
    const begun = this.step > 0 || this.running;
    start.disabled = over || !(begun || this.guessed !== undefined);
    start.textContent = this.running ? words.pause : begun ? words.goOn : words.start;
    unguessed.hidden = begun || this.guessed !== undefined;
    guess.disabled = begun;
    this.find("guess").textContent =
      this.guessed === undefined ? "?" : `${this.guessed.toFixed(1)} dB`;
    const values = { step: this.step, steps: this.settings().steps };
    this.find("step").textContent = this.page.say("step", values);
    this.find("now").textContent = this.reached ? `${this.reached.toFixed(1)} dB` : "";
  }

  // ---------- weights, and the reader's own digit ----------

  // For the other live parts.
  async keepOwn() {
    const { network } = this.settings();
    keepOwn({ network, psnr: this.reached, weights: await this.trainer.weights() });
  }

  // The weights, as a file that unetlib reads, too.
  async file() {
    const shapes = this.trainer.shapes(this.settings().network);
    return pack(shapes, await this.trainer.weights());
  }

  async save() {
    download(new Blob([await this.file()]), `${this.settings().network}.safetensors`);
  }

  // A picture of eight digits that it has denoised, with the weights inside.
  async share() {
    const canvas = this.find("denoised");
    const picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    const name = `${this.settings().network}-${this.reached.toFixed(1)}dB.png`;
    download(hide(await picture.arrayBuffer(), await this.file()), name);
  }

  // {network, weights} of a file or picture; undefined where it holds none, which is said.
  async read(file) {
    const held = reveal(await file.arrayBuffer());
    const found = held && unpack(held, this.trainer.networks);
    if (found?.network) return found;
    this.announce(this.page.say("misfit", { file: file.name }));
    this.find("verdict").textContent = this.page.say("misfit", { file: file.name });
    return undefined;
  }

  async load(file) {
    const found = await this.read(file);
    this.controls.load.value = "";
    if (!found) return;
    this.set({ network: found.network });
    this.change(undefined, found.weights);
  }

  // Networks of others, beside the one that is here.
  async compete(files) {
    for (const file of files) {
      const found = await this.read(file);
      if (!found) continue;
      this.race.enter(file.name, await this.trainer.score(found.network, found.weights));
    }
    const weights = await this.trainer.weights();
    const ours = await this.trainer.score(this.settings().network, weights);
    this.race.enter(this.page.words.rows.denoised, ours);
    this.controls.race.value = "";
  }

  async denoiseDrawing() {
    if (!this.ready || !this.root.querySelector(".train-draw").open) return;
    const clean = this.pad.digit();
    const noisy = clean.map((value, i) => value + NOISY * this.pattern.normal[i]);
    paint(this.find("drawn"), noisy);
    paint(this.find("cleaned"), nth(await this.trainer.denoise(noisy), 0));
  }
}

function download(blob, name) {
  const link = document.createElement("a");
  Object.assign(link, { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}
