"""How fast is the live denoiser of the page? Measured in a headless Chromium.

From a change of the slider to the new pictures: noise, inference, drawing, PSNR. The
networks take turns. Also: how long at most the page's own thread was busy at a stretch
while everything loaded (0: always less than 50 ms, which is what Chromium reports).
Writes book/results/live.json; build the site first.
"""

import statistics
import sys

from measured import RESULTS, circumstances, quartiles, write_result
from playwright.sync_api import Page, sync_playwright

ROOT = RESULTS.parents[1]
sys.path.append(str(ROOT / "tests"))  # the browser and the server that the tests use

from browser import launch  # noqa: E402
from website import SITE, serve  # noqa: E402

from unetlib.pretrained import PRETRAINED  # noqa: E402

ROUNDS = 5
UPDATES = 60  # a round, after as many that are not counted in the first
LOAD = """async () => {
  const tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries()))
    .observe({ type: "longtask", buffered: true });
  const demo = document.querySelector(".live-denoiser");
  const ready = new Promise((resolve) =>
    new MutationObserver(() => demo.dataset.state === "ready" && resolve())
      .observe(demo, { attributes: true }));
  const start = performance.now();
  document.querySelector("#explore").scrollIntoView();
  await ready;
  const seconds = (performance.now() - start) / 1000;
  await new Promise((resolve) => setTimeout(resolve, 200));
  const late = tasks.filter((task) => task.startTime >= start);
  return [seconds, Math.max(0, ...late.map((task) => task.duration))];
}"""
UPDATE = """async ([model, inside, updates]) => {
  const demo = document.querySelector(".live-denoiser");
  const { sigma, model: choice } = demo.querySelector("form").elements;
  demo.querySelector(".live-inside").open = inside;
  choice.value = model;
  const times = [];
  for (let i = 0; i < updates; i++) {
    const shown = new Promise((resolve) =>
      demo.addEventListener("live-shown", resolve, { once: true }));
    sigma.value = (0.37 * i) % 1;
    const start = performance.now();
    sigma.dispatchEvent(new Event("input", { bubbles: true }));
    await shown;
    times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve)); // let the page draw
  }
  return times;
}"""


def measure(page: Page) -> dict[str, list[float]]:
    """Milliseconds of every update, by network; once more with feature maps."""
    cases = {name: (name, False) for name in PRETRAINED}
    cases["skip, with feature maps"] = ("skip", True)
    times: dict[str, list[float]] = {case: [] for case in cases}
    for turn in range(ROUNDS + 1):
        for case, (model, inside) in cases.items():
            found = page.evaluate(UPDATE, [model, inside, UPDATES])
            times[case] += found if turn else []
    return times


def summary(times: list[float]) -> dict[str, float]:
    found = quartiles(times)
    return {
        "median_ms": round(found["median"], 2),
        "quartiles_ms": [round(found[f"quartile_{i}"], 2) for i in (1, 3)],
        "p95_ms": round(statistics.quantiles(times, n=20)[-1], 2),
        "updates_per_second": round(1000 / found["median"]),
        "n": len(times),
    }


def main() -> None:
    with sync_playwright() as playwright, serve(SITE) as address:
        browser = launch(playwright)
        page = browser.new_page()
        page.goto(f"{address}/en/00_welcome.html", wait_until="networkidle")
        seconds, longest = page.evaluate(LOAD)
        updates = {case: summary(times) for case, times in measure(page).items()}
        version = browser.version
        browser.close()
    write_result(
        "live",
        {
            "what": "one update of the live denoiser, from slider to pictures",
            "command": "python book/experiments/live.py",
            **circumstances(),
            "chromium": version,
            "load_seconds": round(seconds, 2),
            "longest_task_while_loading_ms": round(longest),
            "updates": updates,
        },
    )


if __name__ == "__main__":
    main()
