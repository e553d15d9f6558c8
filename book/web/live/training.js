// The worker that trains, as the page sees it.
import { Colleague, RUNTIME } from "./colleague.js";

const RUN = "run";

export class Trainer {
  #fetch;
  #worker = new Colleague("learner.js");
  #there = new Set();

  // fetch(names) resolves to {name: ArrayBuffer} of files of this folder.
  constructor(fetch) {
    this.#fetch = fetch;
    this.#worker.lost = () => this.#there.clear();
  }

  async #prepare() {
    const files = ["training/about.json", "training/digits.bin"];
    const [about, pictures] = Object.values(await this.#fetch(files));
    const { unseen, networks } = JSON.parse(new TextDecoder().decode(about));
    this.networks = networks;
    await this.#worker.ask({ what: "prepare", pictures, unseen, networks });
  }

  shapes(network) {
    return this.networks[network];
  }

  listen(hear) {
    this.#worker.hear = hear;
  }

  // What the worker lacks is loaded first, also after one that has ended.
  async #have(network) {
    if (this.#there.size === 0) await this.#prepare();
    if (this.#there.has(network)) return;
    const names = ["step", "look"].map((what) => `training/${network}-${what}.onnx`);
    if (this.#there.size === 0) names.push(RUNTIME);
    const files = await this.#fetch(names);
    const [step, look, runtime] = names.map((name) => files[name]);
    await this.#worker.ask({ what: "load", network, step, look, runtime });
    this.#there.add(network);
  }

  // Resolves to what the network gives before it has learned anything.
  async begin({ network, ...settings }, weights) {
    await this.#have(network);
    return this.#worker.ask({ what: "begin", run: RUN, network, settings, weights });
  }

  // PSNR in dB, see RACED_AT.
  async score(network, weights) {
    await this.#have(network);
    return this.#worker.ask({ what: "score", network, weights });
  }

  go = () => this.#worker.ask({ what: "go", run: RUN });
  pause = () => this.#worker.ask({ what: "pause", run: RUN });
  weights = () => this.#worker.ask({ what: "weights", run: RUN });
  denoise = (noisy) => this.#worker.ask({ what: "denoise", run: RUN, noisy });
}
