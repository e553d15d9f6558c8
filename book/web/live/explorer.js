// The live denoiser: controls, pictures, PSNR. Its markup is extensions/templates/live.html.
import { readAddress, writeAddress } from "./address.js";
import { Denoiser } from "./denoiser.js";
import { DigitChoice } from "./digits.js";
import { offerOwn } from "./own.js";
import { LivePart } from "./part.js";
import { SIDE, addNoise, drawPattern, paint, paintMap, paintSigned, psnr } from "./pictures.js";
import { MOVES } from "./pixel.js";
import { Tracing } from "./tracing.js";
import { Unseen } from "./unseen.js";
import { SlidingWindow } from "./window.js";

const KEY = "live"; // in the address
const CHOSEN = ["digit", "sigma", "noise", "model"];
const MAPS = 8; // feature maps shown of each block
const REST = 600; // ms without a change before a screen reader is told the PSNR

// As typed: "0.5", "0,5" or, on a Chinese keyboard, "０．５". NaN if it is no number.
function readNumber(text) {
  const plain = text.normalize("NFKC").replace(",", ".").trim();
  return plain === "" ? NaN : Number(plain);
}

// page: the Demo of loader.js, which fetches files and tells the reader what happens.
export async function open(root, page) {
  const { "digits.bin": bytes } = await page.fetch(["digits.bin"]);
  return new Explorer(root, bytes, page);
}

const chosen = (controls) =>
  Object.fromEntries(CHOSEN.map((name) => [name, controls[name].value]));

// As SlidingWindow takes them.
const asMaps = (noisy, blocks) => ({
  noisy: { side: SIDE, data: noisy },
  ...Object.fromEntries(blocks.map(({ name, dims, data }) => [name, { side: dims[3], data }])),
});

class Explorer extends LivePart {
  constructor(root, digits, page) {
    super(root, page);
    this.denoiser = new Denoiser((names) => page.fetch(names));
    this.pattern = drawPattern();
    this.inside = root.querySelector(".live-inside");
    const failed = (error) => page.show("failed", error);
    this.tracing = new Tracing(root, page, this.denoiser, failed);
    this.window = new SlidingWindow(root, page, this.denoiser);
    this.unseen = new Unseen(root, failed);
    offerOwn(this.controls.model, page);
    this.digit = new DigitChoice(root, digits, () => this.refresh(), this.tellPen);
    readAddress(KEY, this.controls, CHOSEN);
    this.controls.number.value = Number(this.controls.sigma.value).toFixed(2);
    this.listen();
  }

  listen() {
    const { sigma, number, model, renew } = this.controls;
    const agree = () => { number.value = Number(sigma.value).toFixed(2); };
    sigma.addEventListener("input", agree);
    number.addEventListener("change", agree);
    number.addEventListener("input", () => {
      const typed = readNumber(number.value);
      if (typed >= Number(sigma.min) && typed <= Number(sigma.max)) sigma.value = typed;
    });
    number.addEventListener("keydown", (event) => {
      const step = { ArrowUp: "stepUp", ArrowDown: "stepDown" }[event.key];
      if (!step) return;
      event.preventDefault();
      sigma[step]();
      agree();
      this.refresh();
    });
    model.addEventListener("input", () => {
      this.page.cancel(); // another may be on its way, and no longer wanted
      this.denoiser.forgive();
    });
    renew.addEventListener("click", () => {
      this.pattern = drawPattern();
      this.refresh();
    });
    this.form.addEventListener("input", () => this.refresh());
    this.form.addEventListener("change", () => writeAddress(KEY, chosen(this.controls)));
    for (const details of [this.inside, this.unseen.root]) {
      details.addEventListener("toggle", () => this.refresh());
    }
  }

  refresh() {
    return this.attempt(() => this.update());
  }

  // As update(); a network that could not be loaded gets another chance.
  tryAgain() {
    this.denoiser.forgive();
    return this.update();
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
    try {
      while (this.stale) {
        this.stale = false;
        await this.show().catch((error) => {
          if (!this.stale) throw error; // else something newer is wanted
        });
      }
    } finally {
      pictures.setAttribute("aria-busy", false);
    }
  }

  async show() {
    const { sigma, noise, model } = this.controls;
    const clean = this.digit.picture();
    const noisy = addNoise(noise.value, clean, Number(sigma.value), this.pattern);
    const inside = this.inside.open;
    const running = this.denoiser.run(model.value, noisy, inside);
    if (!this.denoiser.has(model.value)) {
      this.wipe();
      this.showInput(clean, noisy);
    }
    const { denoised, blocks } = await running;
    this.showInput(clean, noisy);
    paint(this.find("denoised"), denoised);
    paintSigned(this.find("error"), denoised.map((value, i) => value - clean[i]));
    if (inside) {
      this.showInside(blocks);
      if (model.value !== "skip") this.window.hide();
      this.window.update(asMaps(noisy, blocks));
      await this.tracing.update(model.value, noisy, denoised, Number(sigma.value));
    }
    if (this.unseen.open) {
      const denoise = async (all) => (await this.denoiser.run(model.value, all)).denoised;
      const said = { clean, noisy, denoised, denoise, kind: noise.value };
      await this.unseen.update({ ...said, sigma: Number(sigma.value) });
    }
    this.showPsnr(clean, noisy, denoised, sigma.value);
    this.root.dispatchEvent(new CustomEvent("live-shown"));
  }

  showInput(clean, noisy) {
    paint(this.find("clean"), clean);
    paint(this.find("noisy"), noisy);
  }

  // No picture stands under the name of a network that did not make it.
  wipe() {
    clearTimeout(this.resting);
    for (const name of ["denoised", "error"]) {
      const canvas = this.find(name);
      canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    }
    for (const name of ["noisy", "denoised"]) this.find(`${name}-psnr`).textContent = "";
    this.find("blocks").replaceChildren();
    this.tracing.hide();
    this.window.hide();
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
      this.announce(this.page.say(there ? "announce" : "pad", { ...values, sigma }));
    }, REST);
  }

  // One row of feature maps for each block of the network, at its place in the U: the
  // encoder goes down on the left, the decoder up on the right.
  showInside(blocks) {
    const rows = this.find("blocks");
    const deepest = Math.min(...blocks.map(({ dims }) => dims[2]));
    const bottom = blocks.findIndex(({ dims }) => dims[2] === deepest);
    const places = new Map(); // cell of the U → how many are in it
    blocks.forEach(({ name, dims: [, channels, height, width], data }, i) => {
      const row = rows.children[i] ?? rows.appendChild(this.newRow(name));
      const [caption, maps] = row.children;
      caption.firstChild.textContent = name;
      caption.lastChild.textContent = ` ${channels}×${height}×${width}`;
      const area = height * width;
      [...maps.children].forEach((button, n) => {
        button.disabled = this.controls.model.value !== "skip";
        paintMap(button.firstChild, data.subarray(n * area, (n + 1) * area));
      });
      const side = height === deepest ? "1 / -1" : i < bottom ? "1" : "2";
      const cell = `${height} ${side}`;
      places.set(cell, (places.get(cell) ?? 0) + 1);
      const level = Math.log2(SIDE / height);
      row.style.setProperty("--row", 2 * level + places.get(cell));
      row.style.setProperty("--column", side);
    });
  }

  newRow(block) {
    const row = document.createElement("figure");
    row.innerHTML = "<figcaption><code></code><span></span></figcaption><div></div>";
    for (let n = 0; n < MAPS; n++) row.lastChild.append(this.opener(block, n));
    return row;
  }

  // A map of `skip` is a button: it shows how it is made. Of each row, one is a stop of
  // the tab key; arrow keys lead to the others.
  opener(block, n) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", title: this.page.words.window });
    button.tabIndex = n === 0 ? 0 : -1;
    button.append(document.createElement("canvas"));
    button.addEventListener("click", () => this.attempt(() => this.window.open(block, n)));
    button.addEventListener("keydown", ({ key }) => {
      const step = MOVES[key]?.[0];
      if (step) button.parentElement.children[n + step]?.focus();
    });
    return button;
  }
}
