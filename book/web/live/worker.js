// Runs the networks beside the page, so that the page never waits for them.
import * as ort from "./ort/ort.wasm.min.mjs";

ort.env.wasm.numThreads = 1; // more would need headers that static hosts do not send
ort.env.wasm.wasmPaths = new URL("ort/", import.meta.url).href;

const sessions = new Map(); // model → promise of its session

function session(model) {
  if (!sessions.has(model)) {
    const address = new URL(`models/${model}.onnx`, import.meta.url).href;
    const loading = ort.InferenceSession.create(address, { graphOptimizationLevel: "all" });
    loading.catch(() => sessions.delete(model)); // the next call tries again
    sessions.set(model, loading);
  }
  return sessions.get(model);
}

async function run({ model, noisy, inside }) {
  const network = await session(model);
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
    postMessage({ id, result: await run(request) });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
});
