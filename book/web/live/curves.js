// The curves of training runs: this one, and the one before.
import uPlot from "./uplot/uPlot.js";

export class Curves {
  // places: {psnr, loss, legend}, elements to draw in. guessed: what the guess is called.
  constructor({ legend, ...places }, guessed) {
    Object.assign(this, { places, legend, guessed });
    this.rows = { psnr: new Map(), loss: new Map() }; // step → [before, now]
    const redraw = () => this.build();
    new ResizeObserver(redraw).observe(places.psnr);
    new MutationObserver(redraw).observe(document.documentElement, {
      attributeFilter: ["data-theme"],
    });
  }

  // A run of so many steps, called `name`.
  begin(steps, name) {
    this.name = name;
    this.steps = Math.max(steps, ...this.rows.psnr.keys());
    this.line = undefined;
    this.build();
  }

  // The run that was becomes the one before.
  keep() {
    for (const rows of Object.values(this.rows)) {
      for (const [step, [, now]] of rows) {
        if (now === undefined) rows.delete(step);
        else rows.set(step, [now, undefined]);
      }
    }
    this.before = this.name;
  }

  // The PSNR that the reader expects.
  guess(line) {
    this.line = line;
    this.draw();
  }

  // [[step, value]] of each.
  add(losses, psnr) {
    const add = (rows, points) => {
      for (const [step, value] of points) rows.set(step, [rows.get(step)?.[0], value]);
    };
    add(this.rows.loss, losses);
    add(this.rows.psnr, psnr);
    this.draw();
  }

  data(rows, line) {
    const steps = [...rows.keys()].sort((a, b) => a - b);
    const column = (n) => steps.map((step) => rows.get(step)[n]);
    const found = [steps, column(0), column(1)];
    if (line === undefined) return found;
    if (steps.at(-1) !== this.steps) {
      steps.push(this.steps);
      found[1].push(undefined);
      found[2].push(undefined);
    }
    return [...found, steps.map(() => line)];
  }

  build() {
    for (const plot of Object.values(this.plots ?? {})) plot.destroy();
    const style = getComputedStyle(this.places.psnr);
    const colour = (name) => style.getPropertyValue(`--pst-color-${name}`).trim();
    const [ink, grid] = [colour("text-base"), colour("border")];
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid } };
    const line = { spanGaps: true, points: { show: false } };
    const series = [
      {},
      { ...line, stroke: colour("text-muted") },
      { ...line, stroke: colour("primary"), width: 2 },
    ];
    const make = (place, y, more) =>
      new uPlot({
        width: this.places[place].clientWidth,
        height: 200,
        scales: { x: { time: false, range: [0, this.steps] }, y },
        axes: [axis, { ...axis, size: 48 }],
        series: [...series, ...more],
        legend: { show: false },
        cursor: { show: false },
      }, [[], [], [], ...more.map(() => [])], this.places[place]);
    const guess = { ...line, stroke: colour("accent"), dash: [6, 4] };
    this.plots = { psnr: make("psnr", {}, [guess]), loss: make("loss", { distr: 3 }, []) };
    this.draw();
  }

  draw() {
    if (!this.plots) return;
    const { psnr, loss } = this.rows;
    this.plots.psnr.setData(this.data(psnr, this.line ?? null));
    this.plots.loss.setData(this.data(loss));
    const names = { now: this.name, before: this.before };
    if (this.line !== undefined) names.guess = this.guessed;
    const entries = Object.entries(names).filter(([, name]) => name);
    this.legend.replaceChildren(...entries.map(([kind, name]) => {
      const entry = Object.assign(document.createElement("span"), { textContent: name });
      entry.className = `train-line train-${kind}`;
      return entry;
    }));
  }
}
