// The live denoiser: controls, pictures, PSNR. Its markup is extensions/templates/live.html.
import { Denoiser } from "./denoiser.js";
import { Pad } from "./pad.js";
import {
  PIXELS, addNoise, drawPattern, paint, paintMap, paintSigned, psnr,
} from "./pictures.js";

const MAPS = 8; // feature maps shown of each block
const REST = 600; // ms without a change before a screen reader is told the PSNR

// The test digits 0 to 9, one picture each.
function readDigits(bytes) {
  const all = Float32Array.from(new Uint8Array(bytes), (byte) => byte / 255);
  return Array.from({ length: all.length / PIXELS }, (_, i) =>
    all.subarray(i * PIXELS, (i + 1) * PIXELS));
}

// As typed: "0.5", "0,5" or, on a Chinese keyboard, "０．５". NaN if it is no number.
function readNumber(text) {
  const plain = text.normalize("NFKC").replace(",", ".").trim();
  return plain === "" ? NaN : Number(plain);
}

// page: the Demo of loader.js, which fetches files and tells the reader what happens.
export async function open(root, page) {
  const { "digits.bin": bytes } = await page.fetch(["digits.bin"]);
  return new Explorer(root, readDigits(bytes), page);
}

class Explorer {
  constructor(root, all, page) {
    this.root = root;
    this.digits = all;
    this.page = page;
    this.denoiser = new Denoiser((names) => page.fetch(names));
    this.pattern = drawPattern();
    this.controls = root.querySelector("form").elements;
    this.inside = root.querySelector(".live-inside");
    const tellPen = (key, place) => this.announce(page.say(key, place));
    this.pad = new Pad(this.find("pad"), () => this.refresh(), tellPen);
    root.querySelectorAll(".live-thumb").forEach((canvas, i) => paint(canvas, all[i]));
    this.listen();
  }

  find(name) {
    return this.root.querySelector(`[data-part="${name}"]`);
  }

  listen() {
    const { sigma, number, model, renew, clear } = this.controls;
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
    try {
      await this.update();
      this.page.show("ready");
    } catch (error) {
      this.page.show("failed", error);
    }
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
    const { digit, sigma, noise, model } = this.controls;
    const drawn = digit.value === "draw";
    this.root.classList.toggle("live-drawing", drawn);
    const clean = drawn ? this.pad.digit() : this.digits[digit.value];
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
    if (inside) this.showInside(blocks);
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

  // For a screen reader.
  announce(words) {
    this.root.querySelector(".live-announce").textContent = words;
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
