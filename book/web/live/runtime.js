// onnxruntime-web, set up the same way in every worker.
import * as ort from "./ort/ort.wasm.min.js";

ort.env.wasm.numThreads = 1; // more would need headers that static hosts do not send
ort.env.wasm.wasmPaths = {
  mjs: new URL("ort/ort-wasm-simd-threaded.js", import.meta.url).href,
};

// network: an ONNX file's bytes. runtime: WebAssembly's, with the first network only.
export function open(network, runtime) {
  if (runtime) ort.env.wasm.wasmBinary = runtime;
  return ort.InferenceSession.create(network, { graphOptimizationLevel: "all" });
}

// data: a Float32Array. dims: none for a single number.
export const tensor = (data, ...dims) => new ort.Tensor("float32", data, dims);
export const number = (value) => tensor(Float32Array.of(value));

// Answer each message {id, ...request} with {id, result} or {id, error}.
export function serve(answer) {
  addEventListener("message", async ({ data: { id, ...request } }) => {
    try {
      postMessage({ id, result: await answer(request) });
    } catch (error) {
      postMessage({ id, error: error.message ?? String(error) });
    }
  });
}
