// Training: what unetlib's Batcher, TrainStep and fit do, on graphs of export_training.py.
import { number, tensor } from "./runtime.js";
import { PIXELS, SIDE, normals, psnr } from "./pictures.js";
import { joined } from "./weights.js";

export const BATCH = 32; // pictures that a graph takes at a time
const LOOKED_AT = 0.5; // noise level of the pictures that the PSNR is measured on

// Numbers in [0, 1) that are the same for the same seed: mulberry32.
export function seeded(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

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
    this.first = new Float32Array(this.weights.length);
    this.second = new Float32Array(this.weights.length);
    this.step = 0;
    if (settings.noise === "same") this.same = this.noise(settings.digits);
    this.unseen = unseen;
    const noise = normals(unseen.length, seeded(1));
    this.watched = unseen.map((value, i) => value + LOOKED_AT * noise[i]);
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
    const found = await this.graphs.step.run(this.feed(this.graphs.step, {
      noisy: tensor(noisy, BATCH, 1, SIDE, SIDE),
      clean: tensor(clean, BATCH, 1, SIDE, SIDE),
      lr: number(rate),
      step: number(this.step + 1),
      first: tensor(this.first, this.first.length),
      second: tensor(this.second, this.second.length),
    }));
    this.step += 1;
    this.weights = found.new_weights.data;
    this.first = found.new_first.data;
    this.second = found.new_second.data;
    return found.loss.data[0];
  }

  feed(graph, values) {
    const skips = graph.inputNames.includes("skips") && {
      skips: number(this.settings.skips ? 1 : 0),
    };
    return { ...values, ...skips, weights: tensor(this.weights, this.weights.length) };
  }

  // noisy: any number of pictures. Resolves to {denoised, features}, of all of them.
  async denoise(noisy) {
    const rows = { denoised: [], features: [] };
    for (let at = 0; at < noisy.length; at += BATCH * PIXELS) {
      const some = new Float32Array(BATCH * PIXELS);
      some.set(noisy.subarray(at, at + some.length));
      const graph = this.graphs.look;
      const found = await graph.run(
        this.feed(graph, { noisy: tensor(some, BATCH, 1, SIDE, SIDE) }),
      );
      rows.denoised.push(found.denoised.data);
      rows.features.push(found.features.data);
    }
    const denoised = joined(rows.denoised).subarray(0, noisy.length);
    return { denoised, features: rows.features[0], channels: this.shapes[0][1][0] };
  }

  // In dB, of digits that it does not learn from.
  meanPsnr(pictures) {
    const count = pictures.length / PIXELS;
    const one = (all, n) => all.subarray(n * PIXELS, (n + 1) * PIXELS);
    let sum = 0;
    for (let n = 0; n < count; n++) sum += psnr(one(pictures, n), one(this.unseen, n));
    return sum / count;
  }

  // The mean PSNR of those digits, and what there is to see.
  async look(shown = 8) {
    const { denoised, features, channels } = await this.denoise(this.watched);
    return {
      psnr: this.meanPsnr(denoised),
      denoised: denoised.slice(0, shown * PIXELS),
      filter: this.weights.slice(0, 9),
      feature: features.slice(0, features.length / BATCH / channels),
    };
  }
}
