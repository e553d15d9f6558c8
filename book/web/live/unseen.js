// What the live denoiser can tell without the clean picture, beside what is true.
import { meanSquaredError, readSigma, steinsEstimate } from "./estimates.js";
import { addNoise, drawPattern } from "./pictures.js";

const MANY = 64; // pictures that a mean is taken over
const AT_ONCE = 4; // that come between two looks at the numbers

export class Unseen {
  // failed: told what stopped it.
  constructor(root, failed) {
    this.root = root.querySelector(".live-unseen");
    this.button = this.root.querySelector("button");
    this.button.addEventListener("click", () => this.ask().catch(failed));
  }

  get open() {
    return this.root.open;
  }

  // Something else is shown. shown: {clean, noisy, denoised, sigma, kind, denoise}, the
  // last resolves to several pictures as the network gets them.
  async update(shown) {
    this.shown = shown;
    const { clean, noisy, denoised, sigma, kind, denoise } = shown;
    const gaussian = kind === "gaussian";
    this.button.disabled = !gaussian;
    this.tell("sigma", readSigma(noisy, denoised).toFixed(2), sigma.toFixed(2));
    this.tell("many", "", "");
    this.count(0);
    const { error } = gaussian ? await steinsEstimate(denoise, noisy, sigma) : {};
    if (this.shown === shown) {
      this.tell("one", error?.toFixed(4), meanSquaredError(denoised, clean).toFixed(4));
    }
  }

  // The same digit under other noise, again and again.
  async ask() {
    const { shown } = this;
    const { clean, sigma, denoise } = shown;
    let [estimated, truth] = [0, 0];
    for (let n = 1; n <= MANY; n++) {
      const noisy = addNoise("gaussian", clean, sigma, drawPattern());
      const { denoised, error } = await steinsEstimate(denoise, noisy, sigma);
      if (this.shown !== shown) return;
      estimated += error;
      truth += meanSquaredError(denoised, clean);
      if (n % AT_ONCE) continue;
      this.count(n);
      this.tell("many", (estimated / n).toFixed(4), (truth / n).toFixed(4));
    }
  }

  count(n) {
    this.root.querySelector("[data-part=count]").textContent = n;
  }

  tell(row, estimate, truth) {
    const [first, second] = this.root.querySelectorAll(`[data-part="unseen-${row}"] td`);
    first.textContent = estimate ?? "–";
    second.textContent = truth;
  }
}
