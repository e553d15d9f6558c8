// Pictures are Float32Arrays of SIDE × SIDE pixels, black 0, white 1.

import { normals } from "./random.js";

export const SIDE = 28;
export const PIXELS = SIDE * SIDE;

// One of several, from 0; without a copy.
export const nth = (pictures, n) => pictures.subarray(n * PIXELS, (n + 1) * PIXELS);

// ---------- files: uint8, one picture after another ----------

export const grey = (bytes) => Float32Array.from(new Uint8Array(bytes), (byte) => byte / 255);

export async function inflated(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return grey(await new Response(stream).arrayBuffer());
}

// ---------- noise, by the formulas of unetlib/noise.py ----------

// One draw of randomness: kept while sigma moves, so that only the strength changes.
export function drawPattern() {
  const normal = normals(PIXELS, Math.random);
  const uniform = Float32Array.from({ length: PIXELS }, Math.random);
  return { normal, uniform };
}

const NOISES = {
  gaussian: (clean, sigma, { normal }) => clean.map((c, i) => c + sigma * normal[i]),
  salt_and_pepper: (clean, sigma, { uniform }) =>
    clean.map((c, i) => {
      if (uniform[i] < sigma / 2) return 0;
      return uniform[i] > 1 - sigma / 2 ? 1 : c;
    }),
  speckle: (clean, sigma, { normal }) => clean.map((c, i) => c + sigma * c * normal[i]),
};

export function addNoise(kind, clean, sigma, pattern) {
  return NOISES[kind](clean, sigma, pattern);
}

// In dB, peak 1, the picture clamped to [0, 1] first; Infinity where they are equal.
export function psnr(picture, clean) {
  let sum = 0;
  for (let i = 0; i < clean.length; i++) {
    sum += (Math.min(1, Math.max(0, picture[i])) - clean[i]) ** 2;
  }
  return -10 * Math.log10(sum / clean.length);
}

// Of several, each beside its own clean picture, or all beside the same.
export function meanPsnr(pictures, clean) {
  let sum = 0;
  const [count, truths] = [pictures.length / PIXELS, clean.length / PIXELS];
  for (let n = 0; n < count; n++) sum += psnr(nth(pictures, n), nth(clean, n % truths));
  return sum / count;
}

// ---------- a drawing becomes a digit as MNIST's are ----------

const INK = 0.02; // weaker than this is no ink
const BOX = 20; // MNIST scales a digit into a box of 20 × 20 and then moves it, by whole
const CENTRE = 14; // pixels, until its centre of mass lies in this row and column

// ink: Float32Array of size × size in [0, 1]. Returns a picture, black where nothing is
// drawn. The proportions stay.
export function asMnist(ink, size) {
  const digit = new Float32Array(PIXELS);
  const { left, right, top, bottom, x, y } = extent(ink, size);
  if (right < left) return digit;
  // A dot stays a dot: what is smaller than a quarter of the pad is not blown up.
  const step = Math.max(right - left + 1, bottom - top + 1, size / 4) / BOX;
  const firstColumn = Math.round(CENTRE + 0.5 - (x - left) / step);
  const firstRow = Math.round(CENTRE + 0.5 - (y - top) / step);
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const fromX = left + (column - firstColumn) * step;
      const fromY = top + (row - firstRow) * step;
      digit[row * SIDE + column] = meanInk(ink, size, fromX, fromY, step);
    }
  }
  return digit;
}

// The same, but as large as it is and where it is.
export function scaled(ink, size) {
  const step = size / SIDE;
  return Float32Array.from({ length: PIXELS }, (_, i) =>
    meanInk(ink, size, (i % SIDE) * step, Math.floor(i / SIDE) * step, step));
}

// Where the ink is: its box, and its centre of mass (x, y).
function extent(ink, size) {
  const box = { left: size, right: -1, top: size, bottom: -1, x: 0, y: 0 };
  let mass = 0;
  for (let i = 0; i < ink.length; i++) {
    if (ink[i] < INK) continue;
    const column = i % size;
    const row = (i - column) / size;
    box.left = Math.min(box.left, column);
    box.right = Math.max(box.right, column);
    box.top = Math.min(box.top, row);
    box.bottom = Math.max(box.bottom, row);
    box.x += ink[i] * (column + 0.5);
    box.y += ink[i] * (row + 0.5);
    mass += ink[i];
  }
  box.x /= mass;
  box.y /= mass;
  return box;
}

// The mean over a square of the drawing; outside it there is no ink.
function meanInk(ink, size, fromX, fromY, step) {
  let sum = 0;
  let count = 0;
  for (let row = Math.round(fromY); row < Math.round(fromY + step); row++) {
    for (let column = Math.round(fromX); column < Math.round(fromX + step); column++) {
      count++;
      const inside = row >= 0 && row < size && column >= 0 && column < size;
      if (inside) sum += ink[row * size + column];
    }
  }
  return sum / count;
}

// ---------- drawing on canvases ----------

const STEPS = 256;
const GREY = Array.from({ length: STEPS }, (_, i) => [i, i, i, 255]);
// Blue below 0, white at 0, red above: the ends and quarters of matplotlib's RdBu_r.
const ENDS = [
  [5, 48, 97, 255], [67, 147, 195, 255], [247, 247, 247, 255], [214, 96, 77, 255],
  [103, 0, 31, 255],
];
const DIVERGING = Array.from({ length: STEPS }, (_, i) => {
  const at = (i / (STEPS - 1)) * (ENDS.length - 1);
  const below = Math.min(ENDS.length - 2, Math.floor(at));
  return ENDS[below].map((c, k) => c + (at - below) * (ENDS[below + 1][k] - c));
});

// Black is 0 and white 1; what lies outside is clamped, for the screen only.
export const paint = (canvas, picture) => paintArea(canvas, picture, GREY, 0, 1);

// Blue is -limit and red limit.
export const paintSigned = (canvas, values, limit = 1) =>
  paintArea(canvas, values, DIVERGING, -limit, limit);

// White is `limit`.
export const paintUpTo = (canvas, values, limit) =>
  paintArea(canvas, values, GREY, 0, limit);

// A feature map, on a grey scale of its own.
export const paintMap = (canvas, map) =>
  paintArea(canvas, map, GREY, Math.min(...map), Math.max(...map));

const GAP = 2; // pixels between pictures

// Several pictures, in rows of so many; all in one where no number is given.
export function paintRow(canvas, pictures, columns = pictures.length / PIXELS) {
  const lines = Math.ceil(pictures.length / PIXELS / columns);
  const [width, height] = [columns, lines].map((count) => count * (SIDE + GAP) - GAP);
  const all = new Float32Array(width * height).fill(0.5);
  for (let i = 0; i < pictures.length; i++) {
    const [n, y, x] = [Math.floor(i / PIXELS), Math.floor(i / SIDE) % SIDE, i % SIDE];
    const [line, column] = [Math.floor(n / columns), n % columns];
    all[(line * (SIDE + GAP) + y) * width + column * (SIDE + GAP) + x] = pictures[i];
  }
  paintArea(canvas, all, GREY, 0, 1, width);
}

// values: row by row, of a square where no width is given.
function paintArea(canvas, values, palette, low, high, width = Math.sqrt(values.length)) {
  const height = values.length / width;
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, { width, height });
  }
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const scale = (STEPS - 1) / (high - low || 1);
  for (let i = 0; i < values.length; i++) {
    const step = Math.round((values[i] - low) * scale);
    image.data.set(palette[Math.min(STEPS - 1, Math.max(0, step))], 4 * i);
  }
  context.putImageData(image, 0, 0);
}
