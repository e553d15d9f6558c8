// The book's networks, as exported by `make models`, run by a worker.

const RUNTIME = "ort/ort-wasm-simd-threaded.wasm";

export class Denoiser {
  #fetch;
  #worker = null;
  #waiting = new Map(); // id of a request → how to settle its promise
  #last = 0;
  #networks = new Map(); // model → promise that settles when it has been loaded, or not
  #there = new Set(); // models that the worker has

  // fetch(names) resolves to {name: ArrayBuffer} of files of this folder.
  constructor(fetch) {
    this.#fetch = fetch;
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
    return this.#ask({ model, noisy, inside });
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
    const files = await this.#fetch(this.#worker ? [network] : [RUNTIME, network]);
    if (!this.#worker) this.#start();
    try {
      const request = { model, network: files[network], runtime: files[RUNTIME] };
      await this.#ask(request, Object.values(files));
    } catch (error) {
      this.#end(error); // the runtime does not start a second time
      throw error;
    }
    this.#there.add(model);
  }

  #start() {
    this.#worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.#worker.addEventListener("message", ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) resolve(result);
      else reject(explained(error));
    });
    this.#worker.addEventListener("error", (event) => {
      this.#end(explained(event.message || "the worker did not start"));
    });
  }

  #end(error) {
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#networks.clear();
    this.#there.clear();
  }

  // given: buffers of the request that need not stay here.
  #ask(request, given = []) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...request }, given);
    });
  }
}

// The page's policy does not bind the worker, but a server may send one along with it.
function explained(message) {
  const policy = /CSP|Content.Security.Policy/i.test(message);
  return Object.assign(new Error(message), policy && { reason: "policy" });
}
