// Which noisy pixels count for a pixel of the denoised picture, in the live denoiser.
import { SIDE, paint, paintSigned } from "./pictures.js";

const MOVES = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

export class Tracing {
  // failed: told what stopped it.
  constructor(root, denoiser, failed) {
    Object.assign(this, { denoiser, at: { x: 14, y: 14 } });
    this.root = root.querySelector(".live-trace");
    [this.target, this.counts] = this.root.querySelectorAll("canvas");
    this.target.addEventListener("pointerdown", ({ clientX, clientY }) => {
      const box = this.target.getBoundingClientRect();
      const place = (from, size) => Math.floor((from / size) * SIDE);
      this.move(place(clientX - box.left, box.width), place(clientY - box.top, box.height))
        .catch(failed);
    });
    this.target.addEventListener("keydown", (event) => {
      const step = MOVES[event.key];
      if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault(); // the page does not scroll
      this.move(this.at.x + step[0], this.at.y + step[1]).catch(failed);
    });
  }

  hide() {
    this.root.hidden = true;
  }

  // It is about `skip`; for other networks there is none.
  async update(model, noisy, denoised) {
    if (model !== "skip") return this.hide();
    this.root.hidden = false;
    this.noisy = noisy;
    paint(this.target, denoised);
    await this.show();
  }

  move(x, y) {
    const within = (value) => Math.min(SIDE - 1, Math.max(0, value));
    this.at = { x: within(x), y: within(y) };
    return this.show();
  }

  async show() {
    const { x, y } = this.at;
    for (const frame of this.root.querySelectorAll(".live-frame")) {
      frame.style.left = `${(100 * x) / SIDE}%`;
      frame.style.top = `${(100 * y) / SIDE}%`;
    }
    const { noisy, at } = this;
    const counts = await this.denoiser.trace(noisy, y * SIDE + x);
    if (noisy !== this.noisy || at !== this.at) return; // something newer is on its way
    paintSigned(this.counts, counts, Math.max(...counts.map(Math.abs)));
  }
}
