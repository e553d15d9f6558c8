// A worker that is asked and answers, see serve() in runtime.js.
export const RUNTIME = "ort/ort-wasm-simd-threaded.wasm"; // that all of them need

export class Colleague {
  #script;
  #worker = null;
  #waiting = new Map(); // id of a request → how to settle its promise
  #last = 0;

  // It starts with the first request. hear: told what the worker says unasked. lost:
  // told when it has ended, and with it all that it knew.
  constructor(script) {
    this.#script = script;
    this.hear = () => {};
    this.lost = () => {};
  }

  // given: buffers of the request that need not stay here.
  ask(request, given = []) {
    this.#worker ??= this.#start();
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...request }, given);
    });
  }

  // All that is asked fails; the next request starts another worker.
  end(error) {
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.lost();
  }

  #start() {
    const worker = new Worker(new URL(this.#script, import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }) => {
      if (data.id === undefined) return this.hear(data);
      const { resolve, reject } = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.error === undefined) resolve(data.result);
      else reject(explained(data.error));
    });
    worker.addEventListener("error", (event) => {
      this.end(explained(event.message || "the worker did not start"));
    });
    return worker;
  }
}

// The page's policy does not bind the worker, but a server may send one along with it.
function explained(message) {
  const policy = /CSP|Content.Security.Policy/i.test(message);
  return Object.assign(new Error(message), policy && { reason: "policy" });
}
