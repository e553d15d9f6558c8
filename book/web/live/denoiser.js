// The book's networks, as exported by `make models`, run by a worker.

export class Denoiser {
  #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  #waiting = new Map(); // id of a request → how to settle its promise
  #last = 0;

  constructor() {
    this.#worker.addEventListener("message", ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    });
    this.#worker.addEventListener("error", (event) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(event.message || "the worker did not start"));
      }
      this.#waiting.clear();
    });
  }

  // noisy: Float32Array of 28×28 on the scale where white is 1, not clamped.
  // Resolves to {denoised: the same, blocks: [{name, dims: [1, C, H, W], data}]};
  // blocks is empty unless `inside` is asked for. The first call loads the model.
  run(model, noisy, inside = false) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, model, noisy, inside });
    });
  }
}
