// A canvas to draw a digit on, by mouse, pen, finger or keyboard.
import { asMnist, scaled } from "./pictures.js";
import { MOVES } from "./pixel.js";

const PEN = 0.085; // of the pad's side: the stroke of an MNIST digit
const DOT = 0.01; // pixels: a line of no length would not be drawn, and a tap leave no dot
const GRID = 28; // steps of the keyboard's pen across the pad

export class Pad {
  #context;
  #size;

  // changed() is called while the reader draws; tell(what, {x, y}) when the keyboard has
  // moved the pen, "move", or put it "down" or "up": in column x of row y, from 1 to GRID.
  constructor(canvas, changed, tell) {
    this.#size = canvas.width;
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
    Object.assign(this.#context, {
      lineCap: "round", lineJoin: "round", lineWidth: PEN * this.#size, strokeStyle: "#fff",
    });
    this.clear();
    this.#drawByPointer(canvas, changed);
    this.#drawByKeyboard(canvas, changed, tell);
  }

  // One pointer draws at a time: no second finger, and no palm beside the pen.
  #drawByPointer(canvas, changed) {
    let pen = null; // the pointer's id
    let last;
    const draw = (event) => {
      const box = canvas.getBoundingClientRect();
      const scale = this.#size / box.width;
      const to = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      this.#line(last ?? to, to);
      last = to;
      changed();
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || pen !== null) return;
      canvas.setPointerCapture(event.pointerId);
      pen = event.pointerId;
      last = null;
      draw(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId === pen) draw(event);
    });
    // However a stroke ends, lifted or taken away, its pointer is no longer captured.
    canvas.addEventListener("lostpointercapture", (event) => {
      if (event.pointerId === pen) pen = null;
    });
  }

  // Arrow keys move the pen, in steps of an MNIST pixel; the space bar puts it down and
  // lifts it.
  #drawByKeyboard(canvas, changed, tell) {
    const cursor = canvas.nextElementSibling;
    const at = { x: GRID / 2, y: GRID / 2 };
    let down = false;
    const place = () => [at.x, at.y].map((n) => ((n - 0.5) / GRID) * this.#size);
    const show = (what) => {
      cursor.classList.toggle("live-down", down);
      cursor.style.left = `${((at.x - 0.5) / GRID) * 100}%`;
      cursor.style.top = `${((at.y - 0.5) / GRID) * 100}%`;
      tell(what, at);
    };
    const lift = () => {
      down = false;
      cursor.classList.remove("live-down");
    };
    canvas.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      if (!(move || event.key === " ") || event.ctrlKey || event.altKey || event.metaKey) {
        return;
      }
      event.preventDefault(); // the page does not scroll
      const from = place();
      if (move) {
        at.x = Math.min(GRID, Math.max(1, at.x + move[0]));
        at.y = Math.min(GRID, Math.max(1, at.y + move[1]));
      } else if (event.repeat) {
        return;
      } else {
        down = !down;
      }
      if (down) {
        this.#line(from, place());
        changed();
      }
      show(move ? "move" : down ? "down" : "up");
    });
    canvas.addEventListener("blur", lift);
  }

  // Both ends in the pad's own pixels.
  #line(from, to) {
    this.#context.beginPath();
    this.#context.moveTo(...from);
    this.#context.lineTo(to[0] + DOT, to[1]);
    this.#context.stroke();
  }

  clear() {
    this.#context.fillStyle = "#000";
    this.#context.fillRect(0, 0, this.#size, this.#size);
  }

  // The drawing as an MNIST digit: a picture, black where nothing is drawn.
  digit = () => asMnist(this.#ink(), this.#size);

  // The drawing where it is, as a picture.
  picture = () => scaled(this.#ink(), this.#size);

  #ink() {
    const { data } = this.#context.getImageData(0, 0, this.#size, this.#size);
    return Float32Array.from({ length: this.#size ** 2 }, (_, i) => data[4 * i] / 255);
  }
}
