// Training: what unetlib's Batcher, TrainStep and fit do, on graphs of export_training.py.
import { number, tensor } from "./runtime.js";
import { PIXELS, SIDE, meanPsnr } from "./pictures.js";
import { normals, seeded } from "./random.js";
import { joined } from "./weights.js";

export const BATCH = 32; // pictures that a graph takes at a time
const LOOKED_AT = 0.5; // noise level of the pictures that the PSNR is measured on
export const RACED_AT = [0.25, 0.5, 1]; // and where networks are compared

// PyTorch's OneCycleLR, with its own defaults: up for three tenths, then down to almost 0.
export function oneCycle(step, steps, peak) {
  const top = 0.3 * steps - 1;
  const first = peak / 25;
  const between = (from, to, share) => to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share));
  if (step <= top) return between(first, peak, step / top);
  return between(peak, first / 1e4, (step - top) / (steps - 1 - top));
}

// What PyTorch begins with: weights and biases uniform between ±1/√(inputs of a channel).
export function fresh(shapes, random) {
  const rows = [];
  let bound;
  for (const [, shape] of shapes) {
    const size = shape.reduce((a, b) => a * b, 1);
    if (shape.length > 1) bound = 1 / Math.sqrt(size / shape[0]); // else the bias of the last
    rows.push(Float32Array.from({ length: size }, () => (2 * random() - 1) * bound));
  }
  return joined(rows);
}

// Cut the skip connections of a SkipUnet for good: what they bring counts nothing where it
// comes in, which is the last third of what `up1` and `up2` get.
export function cutSkips(shapes, weights) {
  let at = 0;
  for (const [key, [outputs, inputs = 1, ...window]] of shapes) {
    const size = window.reduce((a, b) => a * b, inputs);
    for (let n = 0; n < outputs; n++, at += size) {
      if (/^up\d\.0\.weight$/.test(key)) weights.fill(0, at + (2 * size) / 3, at + size);
    }
  }
}

const row = (values) => tensor(values, values.length);

// The same each time.
function withNoise(clean, sigma) {
  const noise = normals(clean.length, seeded(1));
  return clean.map((value, i) => value + sigma * noise[i]);
}

// noisy: any number of pictures. Resolves to {denoised, features}, of all of them.
async function denoise(look, weights, noisy) {
  const pictures = tensor(noisy, noisy.length / PIXELS, 1, SIDE, SIDE);
  const { denoised, features } = await look.run({ noisy: pictures, weights: row(weights) });
  return { denoised: denoised.data, features: features.data };
}

// The mean PSNR in dB at each level of RACED_AT.
export async function scores(look, weights, unseen) {
  const found = [];
  for (const sigma of RACED_AT) {
    const { denoised } = await denoise(look, weights, withNoise(unseen, sigma));
    found.push(meanPsnr(denoised, unseen));
  }
  return found;
}

// One training run.
export class Run {
  // graphs: {step, look}, sessions. shapes: [[key, shape]] of the parameters.
  // digits, unseen: Float32Arrays of pictures; to learn from, and to measure on.
  // settings: {noise: "none" | "same" | "fresh", sigma: [low, high], rate, steps, skips,
  //   digits: how many are learned from, seed}
  constructor(graphs, shapes, digits, unseen, settings) {
    Object.assign(this, { graphs, shapes, settings });
    this.digits = digits.subarray(0, settings.digits * PIXELS);
    this.random = seeded(settings.seed);
    this.weights = fresh(shapes, this.random);
    if (!settings.skips) cutSkips(shapes, this.weights);
    this.first = new Float32Array(this.weights.length);
    this.second = new Float32Array(this.weights.length);
    this.step = 0;
    if (settings.noise === "same") this.same = this.noise(settings.digits);
    this.unseen = unseen;
    this.watched = withNoise(unseen, LOOKED_AT);
  }

  // For so many pictures, each of a level of its own.
  noise(count) {
    const { sigma: [low, high] } = this.settings;
    const noise = normals(count * PIXELS, this.random);
    for (let n = 0; n < count; n++) {
      const sigma = low + (high - low) * this.random();
      for (let i = n * PIXELS; i < (n + 1) * PIXELS; i++) noise[i] *= sigma;
    }
    return noise;
  }

  batch() {
    const clean = new Float32Array(BATCH * PIXELS);
    const noisy = this.settings.noise === "fresh" ? this.noise(BATCH) : clean.slice();
    for (let n = 0; n < BATCH; n++) {
      const digit = Math.floor(this.random() * this.settings.digits);
      for (let i = 0; i < PIXELS; i++) {
        const value = this.digits[digit * PIXELS + i];
        clean[n * PIXELS + i] = value;
        noisy[n * PIXELS + i] += value + (this.same ? this.same[digit * PIXELS + i] : 0);
      }
    }
    return { noisy, clean };
  }

  // Take one step; resolves to its loss.
  async learn() {
    const { noisy, clean } = this.batch();
    const { rate, steps } = this.settings;
    return this.update(noisy, clean, oneCycle(this.step, steps, rate));
  }

  async update(noisy, clean, rate) {
    const { step } = this.graphs;
    const found = await step.run({
      noisy: tensor(noisy, BATCH, 1, SIDE, SIDE),
      clean: tensor(clean, BATCH, 1, SIDE, SIDE),
      lr: number(rate),
      step: number(this.step + 1),
      weights: row(this.weights),
      first: row(this.first),
      second: row(this.second),
      ...(step.inputNames.includes("skips") && { skips: number(this.settings.skips ? 1 : 0) }),
    });
    this.step += 1;
    this.weights = found.new_weights.data;
    this.first = found.new_first.data;
    this.second = found.new_second.data;
    return found.loss.data[0];
  }

  denoise = (noisy) => denoise(this.graphs.look, this.weights, noisy);

  // The mean PSNR of those digits, and what there is to see.
  async look(shown = 8) {
    const { denoised, features } = await this.denoise(this.watched);
    return {
      psnr: meanPsnr(denoised, this.unseen),
      denoised: denoised.slice(0, shown * PIXELS),
      filter: this.weights.slice(0, 9),
      feature: features.slice(0, PIXELS),
    };
  }
}
