// Which noisy pixels count for a pixel of the denoised picture, in the live denoiser.
import { paint, paintSigned } from "./pictures.js";
import { PixelChoice } from "./pixel.js";
import { Votes } from "./votes.js";

export class Tracing {
  // page: the Demo of loader.js. failed: told what stopped it.
  constructor(root, page, denoiser, failed) {
    Object.assign(this, { page, denoiser });
    this.votes = new Votes(root, page);
    this.votes.button.addEventListener("click", () => {
      this.votes.load().then(() => this.show()).catch(failed);
    });
    this.root = root.querySelector(".live-trace");
    [this.target, this.counts] = this.root.querySelectorAll("canvas");
    this.field = this.root.querySelector(".live-field");
    const frames = this.root.querySelectorAll(".live-frame");
    this.pixel = new PixelChoice(this.target, frames, () => this.show().catch(failed));
  }

  hide() {
    this.root.hidden = true;
  }

  // It is about `skip`; for other networks there is none.
  async update(model, noisy, denoised, sigma) {
    if (model !== "skip") return this.hide();
    this.root.hidden = false;
    Object.assign(this, { noisy, denoised, sigma });
    paint(this.target, denoised);
    this.pixel.show();
    await this.show();
  }

  async show() {
    const { noisy, denoised, sigma, pixel: { number } } = this;
    this.votes.show(noisy, this.pixel, sigma, denoised[number]);
    const counts = await this.denoiser.trace(noisy, number);
    if (noisy !== this.noisy || number !== this.pixel.number) return; // not the latest
    paintSigned(this.counts, counts, Math.max(...counts.map(Math.abs)));
    const n = counts.filter((value) => value !== 0).length;
    this.field.textContent = this.page.say("field", { n });
  }
}
