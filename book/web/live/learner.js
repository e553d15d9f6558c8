// Trains networks beside the page.
import { Run, scores } from "./learning.js";
import { open, serve } from "./runtime.js";
import { PIXELS, inflated, meanPsnr } from "./pictures.js";

const NEWS = 150; // ms between two reports
const LOOK = 25; // steps between two looks at digits that are not learned from
const graphs = new Map(); // network → {step, look}
const runs = new Map(); // name → Run
let shapes;
let unseen;
let digits;

const answers = {
  // pictures: deflated, uint8, `unseen` of them to measure on, then those to learn from.
  async prepare({ pictures, unseen: held, networks }) {
    const all = await inflated(pictures);
    unseen = all.subarray(0, held * PIXELS);
    digits = all.subarray(held * PIXELS);
    shapes = networks;
  },

  async load({ network, step, look, runtime }) {
    const first = await open(look, runtime);
    graphs.set(network, { step: await open(step), look: first });
  },

  // Also where one of that name was; weights: those to go on from, if not fresh ones.
  async begin({ run, network, settings, weights }) {
    if (runs.has(run)) runs.get(run).going = false;
    const begun = new Run(graphs.get(network), shapes[network], digits, unseen, settings);
    if (weights) begun.weights = weights;
    runs.set(run, begun);
    const noisy = begun.watched.slice(0, 8 * PIXELS);
    return { ...(await begun.look()), noisy, unaided: meanPsnr(begun.watched, unseen) };
  },

  go({ run }) {
    train(run, runs.get(run));
  },

  pause({ run }) {
    runs.get(run).going = false;
  },

  weights: ({ run }) => runs.get(run).weights,

  score: ({ network, weights }) => scores(graphs.get(network).look, weights, unseen),

  async denoise({ run, noisy }) {
    return (await runs.get(run).denoise(noisy)).denoised;
  },
};

// Lets messages in. (A timer would wait at least 4 ms.)
const { port1, port2 } = new MessageChannel();
const waiting = [];
port1.onmessage = () => waiting.shift()();
const breath = () =>
  new Promise((resolve) => {
    waiting.push(resolve);
    port2.postMessage(0);
  });

async function train(name, run) {
  if (run.going) return;
  run.going = true;
  const { steps } = run.settings;
  let losses = [];
  let last = performance.now();
  try {
    while (run.going && run.step < steps) {
      losses.push([run.step, await run.learn()]);
      const looked = run.step % LOOK === 0 || run.step === steps;
      const now = performance.now();
      if (looked || now - last > NEWS) {
        const seen = looked && run.going ? await run.look() : {};
        if (runs.get(name) !== run) return; // another has begun
        postMessage({ run: name, step: run.step, losses, ...seen });
        losses = [];
        last = now;
      }
      await breath();
    }
  } catch (error) {
    postMessage({ run: name, error: error.message ?? String(error) });
  }
  run.going = false;
}

serve(({ what, ...request }) => answers[what](request));
