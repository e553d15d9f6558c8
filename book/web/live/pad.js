// A canvas to draw a digit on, by mouse, pen or finger.
import { asMnist } from "./pictures.js";

const PEN = 0.085; // of the pad's side: the stroke of an MNIST digit

export class Pad {
  #context;
  #size;

  // changed() is called while the reader draws.
  constructor(canvas, changed) {
    this.#size = canvas.width;
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
    Object.assign(this.#context, {
      lineCap: "round", lineJoin: "round", lineWidth: PEN * this.#size, strokeStyle: "#fff",
    });
    this.clear();
    let last = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      last = this.#line(canvas, null, event);
      changed();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      last = this.#line(canvas, last, event);
      changed();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => { last = null; });
    }
  }

  // Returns where the line ends, in the pad's own pixels.
  #line(canvas, from, event) {
    const box = canvas.getBoundingClientRect();
    const scale = this.#size / box.width;
    const to = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    this.#context.beginPath();
    this.#context.moveTo(...(from ?? to));
    this.#context.lineTo(...to);
    this.#context.stroke();
    return to;
  }

  clear() {
    this.#context.fillStyle = "#000";
    this.#context.fillRect(0, 0, this.#size, this.#size);
  }

  // The drawing as an MNIST digit: a picture, black where nothing is drawn.
  digit() {
    const { data } = this.#context.getImageData(0, 0, this.#size, this.#size);
    const ink = Float32Array.from({ length: this.#size ** 2 }, (_, i) => data[4 * i] / 255);
    return asMnist(ink, this.#size);
  }
}
