// The live denoiser: controls, pictures, PSNR. Its markup is extensions/templates/live.html.
import { Denoiser } from "./denoiser.js";
import { Pad } from "./pad.js";
import {
  PIXELS, addNoise, drawPattern, paint, paintMap, paintSigned, psnr,
} from "./pictures.js";

const MAPS = 8; // feature maps shown of each block
const REST = 600; // ms without a change before a screen reader is told the PSNR
const denoiser = new Denoiser(); // one for all explorers of the page
const digits = loadDigits();

// The test digits 0 to 9, one picture each.
async function loadDigits() {
  const answer = await fetch(new URL("digits.bin", import.meta.url));
  if (!answer.ok) throw new Error(`digits.bin: ${answer.status}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const all = Float32Array.from(bytes, (byte) => byte / 255);
  return Array.from({ length: all.length / PIXELS }, (_, i) =>
    all.subarray(i * PIXELS, (i + 1) * PIXELS));
}

export class Explorer {
  // Resolves when the first pictures are there. report(root, state, detail) tells the
  // reader that something is "loading", "ready" or "failed".
  static async start(root, report) {
    const explorer = new Explorer(root, await digits, report);
    await explorer.update();
    root.classList.add("live-started");
  }

  constructor(root, all, report) {
    this.root = root;
    this.digits = all;
    this.report = report;
    this.pattern = drawPattern();
    this.controls = root.querySelector("form").elements;
    this.inside = root.querySelector(".live-inside");
    this.pad = new Pad(this.find("pad"), () => this.refresh());
    root.querySelectorAll(".live-thumb").forEach((canvas, i) => paint(canvas, all[i]));
    this.listen();
  }

  find(name) {
    return this.root.querySelector(`[data-part="${name}"]`);
  }

  listen() {
    const { sigma, number, renew, clear } = this.controls;
    const agree = () => { number.value = Number(sigma.value).toFixed(2); };
    sigma.addEventListener("input", agree);
    number.addEventListener("change", agree);
    number.addEventListener("input", () => {
      if (number.value !== "" && number.checkValidity()) sigma.value = number.value;
    });
    renew.addEventListener("click", () => {
      this.pattern = drawPattern();
      this.refresh();
    });
    clear.addEventListener("click", () => {
      this.pad.clear();
      this.refresh();
    });
    const form = this.root.querySelector("form");
    form.addEventListener("input", () => this.refresh());
    form.addEventListener("submit", (event) => event.preventDefault());
    this.inside.addEventListener("toggle", () => this.refresh());
  }

  async refresh() {
    // Another network may have to be fetched first.
    const slow = setTimeout(() => this.report(this.root, "loading"), 200);
    try {
      await this.update();
      this.report(this.root, "ready");
    } catch (error) {
      this.report(this.root, "failed", error.message);
    } finally {
      clearTimeout(slow);
    }
  }

  // Show what the controls say. While one picture is on its way, any number of changes
  // ask for one more: a fast drag may skip values, and always ends on the last.
  update() {
    this.stale = true;
    this.running ??= this.showUntilFresh().finally(() => { this.running = null; });
    return this.running;
  }

  async showUntilFresh() {
    const pictures = this.root.querySelector(".live-pictures");
    pictures.setAttribute("aria-busy", true);
    while (this.stale) {
      this.stale = false;
      await this.show();
    }
    pictures.setAttribute("aria-busy", false);
  }

  async show() {
    const { digit, sigma, noise, model } = this.controls;
    const drawn = digit.value === "draw";
    this.root.classList.toggle("live-drawing", drawn);
    const clean = drawn ? this.pad.digit() : this.digits[digit.value];
    const noisy = addNoise(noise.value, clean, Number(sigma.value), this.pattern);
    const inside = this.inside.open;
    const { denoised, blocks } = await denoiser.run(model.value, noisy, inside);
    paint(this.find("clean"), clean);
    paint(this.find("noisy"), noisy);
    paint(this.find("denoised"), denoised);
    paintSigned(this.find("error"), denoised.map((value, i) => value - clean[i]));
    if (inside) this.showInside(blocks);
    this.showPsnr(clean, noisy, denoised, sigma.value);
    this.root.dispatchEvent(new CustomEvent("live-shown"));
  }

  showPsnr(clean, noisy, denoised, sigma) {
    // An empty pad is no picture to compare with.
    const there = clean.some((value) => value > 0);
    const decibels = (picture) => psnr(picture, clean).toFixed(1).replace("Infinity", "∞");
    const values = there ? { noisy: decibels(noisy), denoised: decibels(denoised) } : {};
    for (const name of ["noisy", "denoised"]) {
      this.find(`${name}-psnr`).textContent = there ? `${values[name]} dB` : "";
    }
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      const words = this.root.dataset.announce;
      this.root.querySelector(".live-announce").textContent = there
        ? words.replace(/\{(\w+)\}/g, (_, name) => ({ ...values, sigma })[name])
        : "";
    }, REST);
  }

  // One row of feature maps for each block of the network.
  showInside(blocks) {
    const rows = this.find("blocks");
    blocks.forEach(({ name, dims: [, channels, height, width], data }, i) => {
      const row = rows.children[i] ?? rows.appendChild(this.newRow());
      const [caption, maps] = row.children;
      caption.firstChild.textContent = name;
      caption.lastChild.textContent = ` ${channels}×${height}×${width}`;
      const area = height * width;
      [...maps.children].forEach((canvas, n) => {
        paintMap(canvas, data.subarray(n * area, (n + 1) * area));
      });
    });
  }

  newRow() {
    const row = document.createElement("figure");
    row.innerHTML = "<figcaption><code></code><span></span></figcaption><div></div>";
    for (let n = 0; n < MAPS; n++) row.lastChild.append(document.createElement("canvas"));
    return row;
  }
}
