// A pixel of a picture, chosen by pointer or arrow keys.
import { SIDE } from "./pictures.js";

const MOVES = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

// Put an element on a pixel of the picture that it lies on.
export function place(frame, { x, y }) {
  frame.style.left = `${(100 * x) / SIDE}%`;
  frame.style.top = `${(100 * y) / SIDE}%`;
}

export class PixelChoice {
  // chosen(): the reader has moved to another. frames: elements that lie on it.
  constructor(canvas, frames, chosen) {
    Object.assign(this, { x: SIDE / 2, y: SIDE / 2, frames, chosen });
    canvas.addEventListener("pointerdown", ({ clientX, clientY }) => {
      const box = canvas.getBoundingClientRect();
      const pixel = (from, size) => Math.floor((from / size) * SIDE);
      this.move(pixel(clientX - box.left, box.width), pixel(clientY - box.top, box.height));
    });
    canvas.addEventListener("keydown", (event) => {
      const step = MOVES[event.key];
      if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault(); // the page does not scroll
      this.move(this.x + step[0], this.y + step[1]);
    });
  }

  get number() {
    return this.y * SIDE + this.x;
  }

  move(x, y) {
    const within = (value) => Math.min(SIDE - 1, Math.max(0, value));
    Object.assign(this, { x: within(x), y: within(y) });
    this.show();
    this.chosen();
  }

  show() {
    for (const frame of this.frames) place(frame, this);
  }
}
