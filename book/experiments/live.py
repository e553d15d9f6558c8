"""How fast the live denoiser answers, and what comes of training in the page."""

import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from experiment import RESULTS, Experiment
from race import quartiles

from unetlib.pretrained import OFFERED

GENERATE = """async (times) => {
  const part = document.querySelector(".live-generator");
  const { make, at } = part.querySelector("form").elements;
  const picture = part.querySelector('[data-part="noisy"]');
  const said = part.querySelector(".live-announce");
  const frame = () => new Promise(requestAnimationFrame);
  const found = [];
  for (let turn = 0; turn < times; turn++) {
    tasks.length = 0;
    const before = picture.toDataURL();
    const start = performance.now();
    make.click();
    await frame();
    while (picture.toDataURL() === before) await frame();
    const first = performance.now() - start;
    while (!said.textContent) await frame();
    const whole = performance.now() - start;
    found.push([first, whole, Math.max(0, ...tasks.map((task) => task.duration))]);
  }
  return found;
}"""
LONG_TASKS = """() => {
  globalThis.tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries()))
    .observe({ type: "longtask", buffered: true });
}"""
TRAIN = """async ([experiment, seed]) => {
  const part = document.querySelector(".live-trainer");
  const { elements } = part.querySelector("form");
  const find = (name) => part.querySelector(`[data-part="${name}"]`);
  const until = async (met) => {
    while (!met()) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  part.querySelector(`[value="${experiment}"]`).click();
  elements.seed.value = seed;
  elements.seed.dispatchEvent(new Event("input", { bubbles: true }));
  await until(() => find("step").textContent.startsWith("Step 0"));
  tasks.length = 0;
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const decibels = () => parseFloat(find("now").textContent);
  let reached;
  elements.unguessed.click();
  await until(() => {
    if (decibels() >= 19) reached ??= seconds();
    return find("verdict").textContent;
  });
  const longest = Math.max(0, ...tasks.map((task) => task.duration));
  return [decibels(), seconds(), reached, longest];
}"""

if TYPE_CHECKING:  # other experiments run where there is no such package
    from playwright.sync_api import Browser, Page

ROOT = RESULTS.parents[1]
# With the browser and the server that tests use, and what those import.
TESTS = [str(ROOT / folder) for folder in ("tests/site", "tests", "book/tools")]
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


@contextmanager
def chromium() -> Iterator[tuple["Browser", str]]:
    """A headless one, and the address at which it finds the site, which is built."""
    sys.path.extend(TESTS)
    from browser import launch
    from playwright.sync_api import sync_playwright
    from website import SITE, serve

    with sync_playwright() as playwright, serve(SITE) as address:
        browser = launch(playwright)
        yield browser, address
        browser.close()


def start(browser: "Browser", address: str) -> "Page":
    """A page whose one live part runs; its long tasks are noted from now on."""
    page = browser.new_page()
    page.goto(address)
    page.locator(".live-go").click()
    page.wait_for_selector(".live-part[data-state=ready]")
    page.evaluate(LONG_TASKS)
    return page


@Experiment
def live(rounds: int = 5, updates: int = 60) -> dict:
    """Milliseconds of an update of the live denoiser, from slider to pictures.

    Noise, inference, drawing and PSNR, in a headless Chromium; the networks take turns.
    Also: how long at most the page's own thread was busy at a stretch while everything
    loaded (0: always less than 50 ms, which is what Chromium reports). Build the site
    first.
    """
    with chromium() as (browser, address):
        page = browser.new_page()
        page.goto(f"{address}/en/00_welcome.html", wait_until="networkidle")
        seconds, longest = page.evaluate(LOAD)
        times = update_times(page, rounds, updates)
        version = browser.version
    return {
        "chromium": version,
        "load_seconds": round(seconds, 2),
        "longest_task_while_loading_ms": round(longest),
        "updates": {case: summary(values) for case, values in times.items()},
    }


@Experiment
def trained_in_page(seeds: int = 3) -> dict:
    """PSNR in dB after each experiment of the page that trains, and how long it takes.

    In a headless Chromium. `to_19_db_seconds`: of the one that begins the page; None
    where it did not come so far. `longest_task_ms`: as in `live`, while it trained.
    Build the site first.
    """
    found: dict[str, list] = {}
    with chromium() as (browser, address):
        page = start(browser, f"{address}/en/train.html")
        for name in page.eval_on_selector_all(
            "[name=experiment]", "(buttons) => buttons.map((button) => button.value)"
        ):
            found[name] = [page.evaluate(TRAIN, [name, seed]) for seed in range(seeds)]
            print(name, found[name], flush=True)
        version = browser.version
    begun = next(iter(found.values()))
    return {
        "chromium": version,
        "seeds": seeds,
        "psnr_db": {
            name: spread([run[0] for run in runs]) for name, runs in found.items()
        },
        "seconds": spread([run[1] for run in begun]),
        "to_19_db_seconds": [run[2] and round(run[2], 1) for run in begun],
        "longest_task_ms": round(
            max(run[3] for runs in found.values() for run in runs)
        ),
    }


@Experiment
def generated_in_page(times: int = 20) -> dict:
    """Milliseconds until the page that generates has made 16 digits in 20 steps.

    From the press of the button until the first picture is seen, and until the last
    step, in a headless Chromium. `longest_task_ms`: as in `live`. Build the site first.
    """
    with chromium() as (browser, address):
        page = start(browser, f"{address}/en/generate.html")
        page.evaluate(GENERATE, 1)
        found = page.evaluate(GENERATE, times)
        version = browser.version
    first, whole, longest = zip(*found, strict=True)
    return {
        "chromium": version,
        "digits": 16,
        "steps": 20,
        "first_ms": spent(first),
        "whole_ms": spent(whole),
        "longest_task_ms": round(max(longest)),
    }


@Experiment
def memory_in_page(steps: int = 2000, generations: int = 200) -> dict:
    """Megabytes that the browser's processes hold, as the live parts go on.

    `training`: after every tenth of `steps` steps of `SkipUnet(8)`; `generating`: after
    every tenth of `generations` times 16 digits in 3 steps. Build the site first.
    """
    with chromium() as (browser, address):
        version = browser.version
        page = start(browser, f"{address}/en/train.html?train=steps%3D3000")
        page.locator("[name=unguessed]").click()
        training = []
        for tenth in range(1, 11):
            page.wait_for_function(
                "(step) => Number(/\\d+/.exec("
                "document.querySelector('[data-part=step]').textContent)) >= step",
                arg=steps * tenth // 10,
                timeout=0,
            )
            training.append(megabytes())
        page.close()
        page = start(browser, f"{address}/en/generate.html?generate=steps%3D3")
        generating = []
        for _ in range(10):
            page.evaluate(GENERATE, generations // 10)
            generating.append(megabytes())
    return {
        "chromium": version,
        "training": {"steps": steps, "megabytes": training},
        "generating": {"times": generations, "megabytes": generating},
    }


def megabytes() -> int:
    """Of memory that all processes of the browser have to themselves."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/smaps_rollup"):
        try:
            if b"chrom" not in (status.parent / "cmdline").read_bytes():
                continue
            lines = status.read_text().splitlines()
        except OSError:  # it has ended
            continue
        own = (line.split()[1] for line in lines if line.startswith("Private_"))
        total += sum(map(int, own))
    return round(total / 1000)


def spread(values: list[float]) -> dict[str, float]:
    return {
        "mean": round(statistics.mean(values), 2),
        "sd": round(statistics.stdev(values), 2),
    }


def update_times(page: "Page", rounds: int, updates: int) -> dict[str, list[float]]:
    """Milliseconds of every update, by network; once more with feature maps.

    As many as in a round come before the first, and do not count.
    """
    cases = {name: (name, False) for name in OFFERED}
    cases["skip, with feature maps"] = ("skip", True)
    times: dict[str, list[float]] = {case: [] for case in cases}
    for turn in range(rounds + 1):
        for case, (model, inside) in cases.items():
            found = page.evaluate(UPDATE, [model, inside, updates])
            times[case] += found if turn else []
    return times


def summary(times: list[float]) -> dict[str, float]:
    found = spent(times)
    return found | {"updates_per_second": round(1000 / found["median_ms"])}


def spent(times: list[float]) -> dict[str, float]:
    found = quartiles(times)
    return {
        "median_ms": round(found["median"], 2),
        "quartiles_ms": [round(found[f"quartile_{i}"], 2) for i in (1, 3)],
        "p95_ms": round(statistics.quantiles(times, n=20)[-1], 2),
        "n": len(times),
    }
