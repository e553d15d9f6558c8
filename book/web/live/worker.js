// Runs the networks beside the page, so that the page never waits for them.
import { PIXELS, SIDE } from "./pictures.js";
import { open, serve, tensor } from "./runtime.js";

const networks = new Map(); // model → {session, given: what it gets besides pictures}

// weights: of the reader's own network, whose graph has them as an input.
async function load({ model, network, runtime, weights }) {
  const session = await open(network, runtime);
  const given = weights && { weights: tensor(weights, weights.length) };
  networks.set(model, { session, given });
}

// noisy: pictures, one behind the other.
async function run({ model, noisy, inside }) {
  const { session, given } = networks.get(model);
  const wanted = inside ? session.outputNames.filter((name) => !name.includes(".")) : ["denoised"];
  const { denoised, ...blocks } = await session.run({ noisy: all(noisy), ...given }, wanted);
  return {
    denoised: denoised.data,
    blocks: Object.entries(blocks).map(([name, { dims, data }]) => ({ name, dims, data })),
  };
}

// By how much each pixel of one picture counts for this pixel of its denoised one.
async function trace({ model, noisy, pixel }) {
  const chosen = new Float32Array(PIXELS);
  chosen[pixel] = 1;
  const feed = { noisy: all(noisy), pixel: all(chosen) };
  return (await networks.get(model).session.run(feed)).counts.data;
}

// What the convolution of a block multiplies with.
async function filters({ model, block }) {
  const names = ["weight", "bias"].map((kind) => `${block}.${kind}`);
  const feed = { noisy: all(new Float32Array(PIXELS)) };
  const found = await networks.get(model).session.run(feed, names);
  const [weight, bias] = names.map((name) => found[name].data);
  return { weight, bias };
}

const all = (pictures) => tensor(pictures, pictures.length / PIXELS, 1, SIDE, SIDE);

serve((request) => {
  if (request.network) return load(request);
  if (request.block) return filters(request);
  return request.pixel === undefined ? run(request) : trace(request);
});
