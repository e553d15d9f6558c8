// Runs the networks beside the page, so that the page never waits for them.
import { open, serve, tensor } from "./runtime.js";

const networks = new Map(); // model → its session

async function load({ model, network, runtime }) {
  networks.set(model, await open(network, runtime));
}

async function run({ model, noisy, inside }) {
  const network = networks.get(model);
  const wanted = inside ? network.outputNames : ["denoised"];
  const { denoised, ...blocks } = await network.run(
    { noisy: tensor(noisy, 1, 1, 28, 28) }, wanted,
  );
  return {
    denoised: denoised.data,
    blocks: Object.entries(blocks).map(([name, { dims, data }]) => ({ name, dims, data })),
  };
}

serve((request) => (request.network ? load : run)(request));
