"""How long until a network is good? The article's recipe, a tutorial's, ours."""

import json
import statistics
from functools import partial

import torch
import training_loops
from experiment import RESULTS, Experiment
from psnr_curves import alone, as_in_a_tutorial, with_our_step
from race import Track, race, summary
from torch import Tensor

from unetlib.recipe import ARTICLE_NOISE, BOOK

SEEDS = (0, 1, 2)
LENGTHS = (60, 80, 100, 120, 150, 200, 250, 300, 400, 600, 800)  # steps, for ours


@Experiment
def article_steps(target: float = 19.0, seed: int = 0, every: int = 250) -> dict:
    """Steps of the article's recipe, with noise added, to a PSNR at sigma 0.5.

    The PSNR is that of validation digits, looked at after each `every` steps, until it
    reaches `target` dB. The steps are taken by our step, which computes the same; the
    article's loop would take most of a day. How long they take does not matter here:
    the machine may do something else besides.
    """
    points = with_our_step(ARTICLE_NOISE, seed, target, every)
    return {
        "target_psnr_db": target,
        "seed": seed,
        "steps": points[-1][0],
        "psnr_db": {str(steps): round(db, 2) for steps, _, db in points},
    }


@partial(Experiment, reads=("article_steps",))
def time_to_psnr(target: float = 19.0, rounds: int = 7) -> dict:
    """Seconds of training steps to a PSNR at sigma 0.5, the median of the seeds.

    The PSNR, `target` dB, is that of a thousand validation digits; measuring it takes
    none of the time. Each training has a process of its own. The article's loop would
    take hours: its time is the number of steps that its recipe takes (`article_steps`
    counts them), times the time of a step of its loop, measured in `rounds` turns.
    """
    trainings = {
        "ours": ours(target),
        "tutorial": tutorial(target),
        "article": article(target, rounds),
    }
    seconds = {name: training["seconds"] for name, training in trainings.items()}
    return {
        "threads": Track.threads,
        "target_psnr_db": target,
        "seeds": SEEDS,
        **trainings,
        "times_faster": {
            name: seconds[name] / seconds["ours"] for name in ("tutorial", "article")
        },
    }


def ours(target: float) -> dict:
    """The book's recipe, as short as it may be: every seed must reach the target."""
    tried = []
    for steps in LENGTHS:
        ends = [
            alone(with_our_step, BOOK, seed, target, steps, steps)[-1] for seed in SEEDS
        ]
        tried.append({"steps": steps, "psnr_db": [end[2] for end in ends]})
        if min(end[2] for end in ends) >= target:
            seconds = [end[1] for end in ends]
            break
    else:
        raise RuntimeError(f"{LENGTHS[-1]} steps do not reach {target} dB; try more")
    return {
        "seconds": statistics.median(seconds),
        "of_each_seed": seconds,
        "steps": steps,
        "lengths_tried": tried,
    }


def tutorial(target: float) -> dict:
    """The tutorial's loop, looked at every ten steps."""
    curves = [alone(as_in_a_tutorial, seed, target, 10) for seed in SEEDS]
    seconds = [points[-1][1] for points in curves]
    return {
        "seconds": statistics.median(seconds),
        "of_each_seed": seconds,
        "steps": [points[-1][0] for points in curves],
        "median_steps": statistics.median(points[-1][0] for points in curves),
        "batch_size": BOOK.batch_size,
    }


def article(target: float, rounds: int) -> dict:
    """The steps that its recipe takes, times the time of a step of its loop."""
    counted = json.loads((RESULTS / "article_steps.json").read_text(encoding="utf-8"))
    if counted["target_psnr_db"] != target:
        raise ValueError(
            f"article_steps.json counts the steps to {counted['target_psnr_db']} dB, "
            f"wanted {target} dB; run article_steps --target {target} first"
        )
    loops = {"article": partial(training_loops.article, add_noise=noise)}
    step = summary(race(loops, Track(), rounds, 5)["article"], ARTICLE_NOISE.batch_size)
    return {
        "seconds": counted["steps"] * step["milliseconds_per_step"]["median"] / 1000,
        "extrapolated": "steps times the measured time of a step",
        "steps": counted["steps"],
        "step": step,
    }


def noise(clean: Tensor) -> Tensor:
    """`clean` on the article's scale (white is 255/512), each at a sigma of its own."""
    sigma = torch.rand(len(clean), 1, 1, 1)
    return clean + 255 / 512 * sigma * torch.randn_like(clean)
