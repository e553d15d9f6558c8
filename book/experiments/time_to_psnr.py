"""How long until a network is good? The article's recipe, a tutorial's, ours.

Whatever a recipe leaves open is chosen on some validation digits and from some seeds;
what came of it is measured on other digits and from other seeds. So nothing is chosen
by what decides.
"""

import json
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import torch
import training_loops
from experiment import RESULTS, Experiment
from psnr_curves import alone, as_in_a_tutorial, with_our_step
from race import Track, race, summary
from torch import Tensor

from unetlib.recipe import ARTICLE_NOISE, BOOK

CHOOSING_SEEDS = (0, 1)
DECIDING_SEEDS = (2, 3, 4, 5, 6)
LENGTHS = (120, 160, 200, 240, 280, 320, 400, 500, 600, 800)  # steps, for ours
LRS = (5e-4, 1e-3, 2e-3, 4e-3)  # for the tutorial's
EVERY = 20  # steps between two looks at the tutorial's
LIMIT = 400  # steps of the tutorial's, where one learning rate does not get there

Points = list[tuple[int, float, float]]  # (steps, seconds, dB)


@Experiment
def article_steps(
    target: float = 19.0, seeds: tuple[int, ...] = (0, 1, 2), every: int = 250
) -> dict:
    """Steps of the article's recipe, with noise added, to a PSNR at sigma 0.5.

    The PSNR is that of the digits that decide in `time_to_psnr`, looked at after each
    `every` steps, until it reaches `target` dB: the recipe leaves nothing to choose.
    The steps are taken by our step, which computes the same; the article's loop would
    take most of a day. How long they take does not matter here: each seed has a core
    to itself, and the machine may do something else besides. Hours.
    """
    work = partial(_article_curve, target=target, every=every)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        curves = dict(zip(seeds, pool.map(work, seeds), strict=True))
    return {
        "target_psnr_db": target,
        "seeds": seeds,
        "steps_of_each_seed": [points[-1][0] for points in curves.values()],
        "steps": statistics.median(points[-1][0] for points in curves.values()),
        "psnr_db": {
            str(seed): {str(steps): round(db, 2) for steps, _, db in points}
            for seed, points in curves.items()
        },
    }


def _article_curve(seed: int, target: float, every: int) -> Points:
    return with_our_step(
        ARTICLE_NOISE, seed, "deciding", target=target, every=every, threads=1
    )


@partial(Experiment, reads=("article_steps",))
def time_to_psnr(
    target: float = 19.0,
    lengths: tuple[int, ...] = LENGTHS,
    lrs: tuple[float, ...] = LRS,
    rounds: int = 7,
) -> dict:
    """Seconds of training until a recipe's PSNR at sigma 0.5 reaches a target.

    Half of the validation digits are for choosing, half for deciding, and the seeds are
    others. For ours the length of the schedule is chosen: the shortest of `lengths` by
    which every choosing seed reaches `target` dB. For the tutorial's the learning rate
    and the length are: those that take the fewest steps. What that cost stands under
    "choosing". Then each trains so long from every deciding seed, and "reached" says
    how many got there: seconds and steps are theirs, measuring takes none of the time.
    Each training has a process of its own. The article's loop would take hours: its
    time is the number of steps that its recipe takes (`article_steps` counts them),
    times the time of a step of its loop, measured in `rounds` turns.
    """
    trainings = {
        "ours": ours(target, lengths),
        "tutorial": tutorial(target, lrs),
        "article": article(target, rounds),
    }
    seconds = {name: training["seconds"] for name, training in trainings.items()}
    return {
        "threads": Track.threads,
        "target_psnr_db": target,
        "choosing_seeds": CHOOSING_SEEDS,
        "deciding_seeds": DECIDING_SEEDS,
        **trainings,
        "times_faster": {
            name: seconds[name] / seconds["ours"] for name in ("tutorial", "article")
        },
    }


def ours(target: float, lengths: Sequence[int]) -> dict:
    """The book's recipe, as short as its schedule may be."""
    train, tried = partial(with_our_step, BOOK), []
    for steps in lengths:
        ends = [train_to(train, steps, seed, "choosing") for seed in CHOOSING_SEEDS]
        tried.append({"steps": steps, "psnr_db": [end[2] for end in ends]})
        tried[-1]["seconds"] = sum(end[1] for end in ends)
        if all(end[2] >= target for end in ends):
            break
    else:
        raise RuntimeError(f"{lengths[-1]} steps do not reach {target} dB; try more")
    return {"lr": BOOK.lr, **decided(train, steps, target), **chosen_from(tried)}


def tutorial(target: float, lrs: Sequence[float]) -> dict:
    """The tutorial's loop, with the learning rate that gets there first."""
    tried = []
    for lr in lrs:
        train = partial(as_in_a_tutorial, lr=lr)
        curves = [
            alone(train, seed, "choosing", target=target, every=EVERY, limit=LIMIT)
            for seed in CHOOSING_SEEDS
        ]
        ends = [points[-1] for points in curves]
        tried.append({"lr": lr, "steps": max(end[0] for end in ends)})
        tried[-1]["psnr_db"] = [end[2] for end in ends]
        tried[-1]["seconds"] = sum(end[1] for end in ends)
    there = [row for row in tried if all(db >= target for db in row["psnr_db"])]
    if not there:
        raise RuntimeError(f"no learning rate of {lrs} reaches {target} dB")
    best = min(there, key=lambda row: row["steps"])
    train = partial(as_in_a_tutorial, lr=best["lr"])
    found = decided(train, best["steps"], target)
    return {"lr": best["lr"], **found, **chosen_from(tried)}


def train_to(
    train: Callable[..., Points], steps: int, seed: int, digits: str
) -> tuple[int, float, float]:
    """(steps, seconds, dB on those digits) of a training of just so many steps."""
    once = {"target": float("inf"), "every": steps, "limit": steps}
    return alone(train, seed, digits, **once)[-1]


def decided(train: Callable[..., Points], steps: int, target: float) -> dict:
    """What a recipe, of which nothing is open any more, does on the deciding digits."""
    ends = [train_to(train, steps, seed, "deciding") for seed in DECIDING_SEEDS]
    return {
        "seconds": statistics.median(end[1] for end in ends),
        "of_each_seed": [end[1] for end in ends],
        "steps": steps,
        "batch_size": BOOK.batch_size,
        "psnr_db": statistics.median(end[2] for end in ends),
        "psnr_db_of_each_seed": [end[2] for end in ends],
        "reached": sum(end[2] >= target for end in ends),
        "of": len(ends),
    }


def chosen_from(tried: list[dict]) -> dict:
    """What choosing cost, in seconds of training steps."""
    seconds = sum(row["seconds"] for row in tried)
    trainings = len(tried) * len(CHOOSING_SEEDS)
    return {"choosing": {"seconds": seconds, "trainings": trainings, "tried": tried}}


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
        "seeds": counted["seeds"],
        "step": step,
    }


def noise(clean: Tensor) -> Tensor:
    """`clean` on the article's scale (white is 255/512), each at a sigma of its own."""
    sigma = torch.rand(len(clean), 1, 1, 1)
    return clean + 255 / 512 * sigma * torch.randn_like(clean)
