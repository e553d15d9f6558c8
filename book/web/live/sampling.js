// New pictures from a denoiser, as unetlib.generation makes them; see chapter 09. And what
// chapter 08 restores by one. Several pictures travel in one row, one behind the other.
import { PIXELS, SIDE } from "./pictures.js";
import { normals } from "./random.js";

// From `highest` to 0.05, and 0: so many steps + 1 numbers, falling.
export function noiseLevels(highest, steps) {
  const [lowest, rho] = [0.05, 7];
  const [high, low] = [highest, lowest].map((sigma) => sigma ** (1 / rho));
  const level = (_, i) => (high + (i / Math.max(1, steps - 1)) * (low - high)) ** rho;
  return [...Array.from({ length: steps }, level), 0];
}

// To begin with: so many pictures of noise, as bright as digits are on average.
export const pureNoise = (count, sigma, mean, random) =>
  normals(count * PIXELS, random).map((value, i) => mean[i % PIXELS] + sigma * value);

// Take the noise from `noisy` step by step. denoise(y, sigma) resolves to what y may have
// been; levels, eta and gamma as in unetlib; random: see normals().
// Yields {sigma, y, guess} for each level, in the end without a guess.
export async function* sample(denoise, noisy, levels, { eta, gamma, random }) {
  let y = noisy;
  let before;
  for (let k = 0; k < levels.length - 1; k++) {
    const [sigma, lower] = [levels[k], levels[k + 1]];
    const guess = await denoise(y, sigma);
    yield { sigma, y, guess };
    const seen = y.map((value, i) => (value - guess[i]) / sigma);
    const past = before ?? seen;
    const target = lower * Math.sqrt(1 - eta ** 2 * (1 - (lower / sigma) ** 2));
    y = y.map((value, i) =>
      value - (sigma - target) * (gamma * seen[i] + (1 - gamma) * past[i]));
    if (lower > target) {
      const fresh = Math.sqrt(lower ** 2 - target ** 2);
      const noise = normals(y.length, random);
      y = y.map((value, i) => value + fresh * noise[i]);
    }
    before = seen;
  }
  yield { sigma: levels.at(-1), y };
}

// ---------- damage, and pictures that agree with what is left ----------

const SHRUNK = 2; // pixels on a side that become one
const BLUR = 2; // standard deviation in pixels; it goes round at the border
const FAINT = 0.02; // noise level that the blurred picture has besides

// What may have happened to a picture `clean`. Each gives what is left of it, as a picture,
// and agree(guess, sigma): the picture next to a guess of that noise level that agrees.
export const DAMAGES = {
  erased(clean) {
    const known = (i) => i < PIXELS / 2; // its upper half
    return {
      left: clean.map((value, i) => (known(i) ? value : 0.5)),
      agree: (guess) => guess.map((value, i) => (known(i) ? clean[i] : value)),
    };
  },

  shrunk(clean) {
    const left = blocks(clean);
    return {
      left,
      agree(guess) {
        const now = blocks(guess);
        return guess.map((value, i) => value + left[i] - now[i]);
      },
    };
  },

  blurred(clean, random) {
    const noise = normals(PIXELS, random);
    const blurry = waves(waves(clean).map((value, i) => value * KEPT[i]));
    const left = blurry.map((value, i) => value + FAINT * noise[i]);
    const data = waves(left);
    return {
      left,
      agree(guess, sigma) {
        const trust = (FAINT / sigma) ** 2; // in the guess
        const wave = waves(guess).map((value, i) =>
          (KEPT[i] * data[i] + trust * value) / (KEPT[i] ** 2 + trust));
        return waves(wave);
      },
    };
  },
};

// agree() of several pictures, each by itself.
export function eachAgrees(agree, guesses, sigma) {
  const rows = new Float32Array(guesses.length);
  for (let at = 0; at < guesses.length; at += PIXELS) {
    rows.set(agree(guesses.subarray(at, at + PIXELS), sigma), at);
  }
  return rows;
}

// Every pixel becomes the mean of its block.
function blocks(picture) {
  const first = (i) => i - (i % SHRUNK);
  return picture.map((_, i) => {
    const [row, column] = [first(Math.floor(i / SIDE)), first(i % SIDE)];
    let sum = 0;
    for (let y = row; y < row + SHRUNK; y++) {
      for (let x = column; x < column + SHRUNK; x++) sum += picture[y * SIDE + x];
    }
    return sum / SHRUNK ** 2;
  });
}

// The Hartley transform of rows and columns: a Fourier transform in real numbers, and its
// own inverse. A blur that is alike on both sides multiplies each wave by a number.
const CAS = Float32Array.from({ length: PIXELS }, (_, i) => {
  const turn = (2 * Math.PI * Math.floor(i / SIDE) * (i % SIDE)) / SIDE;
  return (Math.cos(turn) + Math.sin(turn)) / Math.sqrt(SIDE);
});

const waves = (picture) => product(product(CAS, picture), CAS);

function product(a, b) {
  const found = new Float32Array(PIXELS);
  for (let i = 0; i < SIDE; i++) {
    for (let k = 0; k < SIDE; k++) {
      const factor = a[i * SIDE + k];
      for (let j = 0; j < SIDE; j++) found[i * SIDE + j] += factor * b[k * SIDE + j];
    }
  }
  return found;
}

// What the blur leaves of each wave.
const KEPT = (() => {
  const near = Array.from({ length: SIDE }, (_, i) => Math.min(i, SIDE - i));
  const bell = near.map((d) => Math.exp(-(d ** 2) / (2 * BLUR ** 2)));
  const sum = bell.reduce((a, b) => a + b);
  const left = near.map((_, k) =>
    bell.reduce((a, b, d) => a + b * Math.cos((2 * Math.PI * k * d) / SIDE), 0) / sum);
  return Float32Array.from({ length: PIXELS }, (_, i) =>
    left[Math.floor(i / SIDE)] * left[i % SIDE]);
})();

// ---------- what several answers say together ----------

// The mean of several pictures, and the standard deviation of each pixel.
export function together(pictures) {
  const count = pictures.length / PIXELS;
  const mean = new Float32Array(PIXELS);
  const doubt = new Float32Array(PIXELS);
  for (let i = 0; i < pictures.length; i++) mean[i % PIXELS] += pictures[i] / count;
  for (let i = 0; i < pictures.length; i++) {
    doubt[i % PIXELS] += (pictures[i] - mean[i % PIXELS]) ** 2 / (count - 1);
  }
  return { mean, doubt: doubt.map(Math.sqrt) };
}
