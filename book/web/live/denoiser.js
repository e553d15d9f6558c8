// The book's networks, as exported by `make models`, run by a worker.
import { Colleague, RUNTIME } from "./colleague.js";

export class Denoiser {
  #fetch;
  #worker = new Colleague("worker.js");
  #networks = new Map(); // model → promise that settles when it has been loaded, or not
  #there = new Set(); // models that the worker has

  // fetch(names) resolves to {name: ArrayBuffer} of files of this folder.
  constructor(fetch) {
    this.#fetch = fetch;
    this.#worker.lost = () => {
      this.#networks.clear();
      this.#there.clear();
    };
  }

  // noisy: Float32Array of 28×28 on the scale where white is 1, not clamped.
  // Resolves to {denoised: the same, blocks: [{name, dims: [1, C, H, W], data}]};
  // blocks is empty unless `inside` is asked for. The first call loads the model; if that
  // fails, all calls do, until forgive().
  async run(model, noisy, inside = false) {
    if (!this.has(model)) {
      if (!this.#networks.has(model)) this.#networks.set(model, this.#load(model));
      await this.#networks.get(model);
    }
    return this.#worker.ask({ model, noisy, inside });
  }

  // Whether a model is loaded.
  has(model) {
    return this.#there.has(model);
  }

  // Let models that failed to load be loaded again.
  forgive() {
    this.#networks.clear();
  }

  async #load(model) {
    const network = `models/${model}.onnx`;
    const first = this.#there.size === 0;
    const files = await this.#fetch(first ? [RUNTIME, network] : [network]);
    try {
      const request = { model, network: files[network], runtime: files[RUNTIME] };
      await this.#worker.ask(request, Object.values(files));
    } catch (error) {
      this.#worker.end(error); // the runtime does not start a second time
      throw error;
    }
    this.#there.add(model);
  }
}
