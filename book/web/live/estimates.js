// What can be said of a denoised picture without the clean one, see chapter 07.
import { PIXELS, nth } from "./pictures.js";
import { normals } from "./random.js";

const NUDGE = 1e-3;

// The noise level, read off what was taken away.
export function readSigma(noisy, denoised) {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < noisy.length; i++) {
    const taken = noisy[i] - denoised[i];
    sum += taken;
    squares += taken ** 2;
  }
  return Math.sqrt(squares / noisy.length - (sum / noisy.length) ** 2);
}

export function meanSquaredError(picture, clean) {
  let sum = 0;
  for (let i = 0; i < clean.length; i++) sum += (picture[i] - clean[i]) ** 2;
  return sum / clean.length;
}

// Stein's estimate of the mean squared error, for Gaussian noise of this sigma. denoise
// resolves to several pictures as it got them. Resolves to {denoised, error}.
export async function steinsEstimate(denoise, noisy, sigma) {
  const nudge = normals(PIXELS, Math.random);
  const pair = new Float32Array(2 * PIXELS);
  pair.set(noisy);
  pair.set(noisy.map((value, i) => value + NUDGE * nudge[i]), PIXELS);
  const both = await denoise(pair);
  const [denoised, nudged] = [nth(both, 0), nth(both, 1)];
  let followed = 0;
  for (let i = 0; i < PIXELS; i++) {
    followed += (nudge[i] * (nudged[i] - denoised[i])) / NUDGE;
  }
  const taken = meanSquaredError(denoised, noisy);
  const error = taken - sigma ** 2 + (2 * sigma ** 2 * followed) / PIXELS;
  return { denoised, error };
}
