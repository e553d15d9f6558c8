// Runs the networks beside the page, so that the page never waits for them.
import * as ort from "./ort/ort.wasm.min.js";

ort.env.wasm.numThreads = 1; // more would need headers that static hosts do not send
ort.env.wasm.wasmPaths = {
  mjs: new URL("ort/ort-wasm-simd-threaded.js", import.meta.url).href,
};

const networks = new Map(); // model → its session

// runtime: WebAssembly, with the first network only.
async function load({ model, network, runtime }) {
  if (runtime) ort.env.wasm.wasmBinary = runtime;
  const options = { graphOptimizationLevel: "all" };
  networks.set(model, await ort.InferenceSession.create(network, options));
}

async function run({ model, noisy, inside }) {
  const network = networks.get(model);
  const wanted = inside ? network.outputNames : ["denoised"];
  const input = new ort.Tensor("float32", noisy, [1, 1, 28, 28]);
  const { denoised, ...blocks } = await network.run({ noisy: input }, wanted);
  return {
    denoised: denoised.data,
    blocks: Object.entries(blocks).map(([name, { dims, data }]) => ({ name, dims, data })),
  };
}

addEventListener("message", async ({ data: { id, ...request } }) => {
  try {
    postMessage({ id, result: await (request.network ? load : run)(request) });
  } catch (error) {
    postMessage({ id, error: error.message ?? String(error) });
  }
});
