// The reader against the network, at one noisy picture. Markup: extensions/templates/duel.html.
import { Denoiser } from "./denoiser.js";
import { Pad } from "./pad.js";
import { LivePart } from "./part.js";
import { PIXELS, inflated, nth, paint, psnr } from "./pictures.js";
import { normals } from "./random.js";

const NETWORK = "skip";

// page: the Demo of loader.js, which fetches files and tells the reader what happens.
export async function open(root, page) {
  const { "real.bin": packed } = await page.fetch(["real.bin"]);
  return new Duel(root, page, await inflated(packed));
}

class Duel extends LivePart {
  constructor(root, page, digits) {
    super(root, page);
    Object.assign(this, { digits, won: 0, lost: 0 });
    this.denoiser = new Denoiser((names) => page.fetch(names));
    this.pad = new Pad(this.find("pad"), () => this.show(), this.tellPen);
    const { sigma, clear, compare, next } = this.controls;
    sigma.addEventListener("input", () => this.begin());
    next.addEventListener("click", () => this.begin());
    clear.addEventListener("click", () => {
      this.pad.clear();
      this.show();
    });
    compare.addEventListener("click", () => this.attempt(() => this.compare()));
    this.begin();
  }

  // The network is there before it is needed.
  async tryAgain() {
    this.denoiser.forgive();
    await this.denoiser.run(NETWORK, this.noisy);
  }

  begin() {
    const n = Math.floor((Math.random() * this.digits.length) / PIXELS);
    const noise = normals(PIXELS, Math.random);
    const sigma = Number(this.controls.sigma.value);
    this.clean = nth(this.digits, n);
    this.noisy = this.clean.map((value, i) => value + sigma * noise[i]);
    this.over = false;
    this.pad.clear();
    paint(this.find("noisy"), this.noisy);
    this.show();
  }

  async compare() {
    const yours = this.pad.picture();
    const { denoised } = await this.denoiser.run(NETWORK, this.noisy);
    const pictures = { yours, network: denoised, clean: this.clean };
    for (const [name, picture] of Object.entries(pictures)) paint(this.find(name), picture);
    const [mine, theirs] = [yours, denoised].map((picture) => psnr(picture, this.clean));
    this.find("yours-psnr").textContent = `${mine.toFixed(1)} dB`;
    this.find("network-psnr").textContent = `${theirs.toFixed(1)} dB`;
    if (mine > theirs) this.won += 1;
    else this.lost += 1;
    this.over = true;
    this.show();
  }

  show() {
    const { compare, next, clear } = this.controls;
    const empty = this.pad.picture().every((value) => value === 0);
    compare.disabled = empty || this.over;
    clear.disabled = this.over;
    next.hidden = !this.over;
    this.root.querySelector(".duel-answers").hidden = !this.over;
    const values = { won: this.won, lost: this.lost };
    this.find("said").textContent = this.over ? this.page.say("score", values) : "";
  }
}
