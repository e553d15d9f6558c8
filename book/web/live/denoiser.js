// The book's networks, as exported by `make models`, run by a worker; and the reader's own.
import { Colleague, RUNTIME } from "./colleague.js";
import { OWN, own } from "./own.js";

const TRACE = "skip-trace";

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

  // noisy: Float32Array of N × 28 × 28 on the scale where white is 1, not clamped.
  // Resolves to {denoised: the same, blocks: [{name, dims: [N, C, H, W], data}]};
  // blocks is empty unless `inside` is asked for. The first call loads the model; if that
  // fails, all calls do, until forgive().
  async run(model, noisy, inside = false) {
    await this.#have(model);
    return this.#worker.ask({ model, noisy, inside });
  }

  // By how much each of the 784 pixels of one noisy picture counts for one pixel, given by
  // its number, of what `skip` makes of it: the derivatives.
  async trace(noisy, pixel) {
    await this.#have(TRACE);
    return this.#worker.ask({ model: TRACE, noisy, pixel });
  }

  // {weight, bias} of the convolution in a block of `skip`, as PyTorch has them.
  async filters(block) {
    await this.#have("skip");
    return this.#worker.ask({ model: "skip", block });
  }

  // Whether a model is loaded.
  has(model) {
    return this.#there.has(model);
  }

  async #have(model) {
    if (this.has(model)) return;
    if (!this.#networks.has(model)) this.#networks.set(model, this.#load(model));
    await this.#networks.get(model);
  }

  // Let models that failed to load be loaded again.
  forgive() {
    this.#networks.clear();
  }

  async #load(model) {
    const trained = model === OWN ? own() : undefined;
    const network = trained ? `training/${trained.network}-look.onnx` : `models/${model}.onnx`;
    const first = this.#there.size === 0;
    const files = await this.#fetch(first ? [RUNTIME, network] : [network]);
    try {
      const request = { model, network: files[network], runtime: files[RUNTIME] };
      await this.#worker.ask({ ...request, weights: trained?.weights }, Object.values(files));
    } catch (error) {
      this.#worker.end(error); // the runtime does not start a second time
      throw error;
    }
    this.#there.add(model);
  }
}
