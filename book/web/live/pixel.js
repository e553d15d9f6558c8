// A pixel of a picture, chosen by pointer or arrow keys.
import { SIDE } from "./pictures.js";

// Columns and rows that a key moves by.
export const MOVES = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

// Put an element on a pixel of the picture that it lies on; side: of the picture.
export function place(frame, { x, y, side }) {
  frame.style.setProperty("--side", side);
  frame.style.left = `${(100 * x) / side}%`;
  frame.style.top = `${(100 * y) / side}%`;
}

export class PixelChoice {
  // chosen(): the reader has moved to another. frames: elements that lie on it.
  constructor(canvas, frames, chosen) {
    Object.assign(this, { x: SIDE / 2, y: SIDE / 2, side: SIDE, frames, chosen });
    canvas.addEventListener("pointerdown", ({ clientX, clientY }) => {
      const box = canvas.getBoundingClientRect();
      const pixel = (from, size) => Math.floor((from / size) * this.side);
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
    return this.y * this.side + this.x;
  }

  // The picture has another size: the pixel stays where it is in it.
  resize(side) {
    const [x, y] = [this.x, this.y].map((at) => Math.floor((at * side) / this.side));
    Object.assign(this, { x, y, side });
    this.show();
  }

  move(x, y) {
    const within = (value) => Math.min(this.side - 1, Math.max(0, value));
    Object.assign(this, { x: within(x), y: within(y) });
    this.show();
    this.chosen();
  }

  show() {
    for (const frame of this.frames) place(frame, this);
  }
}
