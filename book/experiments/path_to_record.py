"""From the article's recipe to the speedrun's record, one change at a time."""

import statistics
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import fields, replace
from functools import partial
from itertools import accumulate, pairwise
from multiprocessing import get_context

import numpy as np
import torch
import training_loops
from denoising import with_noise
from experiment import Experiment, recorded
from psnr_curves import Training
from race import Track, Turns, quartiles, race
from records.blind.half_size import BATCH, LR, HalfSize
from torch import Tensor, nn

from unetlib.batcher import to_tensor
from unetlib.data import load_mnist, split
from unetlib.metrics import mse
from unetlib.model import SkipUnet, count_parameters
from unetlib.pretrained import load_pretrained
from unetlib.recipe import ARTICLE_NOISE, BOOK

TARGET = 19.0  # dB
CHOOSING_SEEDS = (0, 1)
DECIDING_SEEDS = (2, 3, 4, 5, 6)
EVERY = 20  # steps between two looks, where the learning rate is constant
LIMIT = 1500  # steps at most, where the rate is constant
PICTURES = 160_000  # that such a training sees at most
NEVER = 10_000  # steps, stands for a training that does not get there
LENGTHS = [round(60 * 1.15**n) for n in range(18)]  # of schedules: 60 to 646 steps
CORES = 2


class NotLooking(HalfSize):
    """It takes every input for one of the same strength, sigma 0.5."""

    def forward(self, x: Tensor, sigma: Tensor | None = None) -> Tensor:
        return super().forward(x, torch.full_like(x[:, :, :1, :1], 0.5))


def without_mixing(kind: type[HalfSize] = NotLooking) -> HalfSize:
    network = kind()
    network.bottleneck[-1] = nn.Identity()
    return network


def silent() -> HalfSize:
    """It begins with pictures that are black, not random."""
    network = HalfSize()
    nn.init.zeros_(network.refine[-1].weight)
    return network


def most_ink(images: np.ndarray) -> np.ndarray:
    """The half with the most of it."""
    ink = images.mean(axis=(1, 2))
    return images[ink >= np.median(ink)]


def hardest(images: np.ndarray) -> np.ndarray:
    """The half in which `skip`, as shipped, leaves most error, at sigma 0.5."""
    clean = to_tensor(images, "cpu") / 255
    pairs = zip(with_noise(clean, 0.5).split(500), clean.split(500), strict=True)
    denoise = load_pretrained("skip")
    error = torch.cat([mse(denoise(noisy), digits) for noisy, digits in pairs]).numpy()
    return images[error >= np.median(error)]


def changed(training: Training, changes: dict) -> Training:
    """Fields of the training, and others, which are its recipe's."""
    own = {field.name for field in fields(Training)}
    of_recipe = {name: value for name, value in changes.items() if name not in own}
    rest = {name: value for name, value in changes.items() if name in own}
    return replace(training, recipe=replace(training.recipe, **of_recipe), **rest)


# White is 1, which an output without Tanh may exceed, and the loss is a mean: Adam's
# steps are the same whatever the loss is multiplied by.
PLAIN = {"scale": 1 / 255, "loss_reduction": "mean", "loss_factor": 1.0}
# Each changes what it names of the training before it; `lr` is chosen anew each time,
# beginning at this one or the last.
CHANGES: dict[str, dict] = {
    "lr": {"lr": 1e-3},
    "batch-32": {"batch_size": 32},
    "skips": {"network": SkipUnet, **PLAIN},
    "one-cycle": {"one_cycle": True, "lr": 4e-3},  # its mean is lower
    "narrow": {"network": partial(SkipUnet, 12)},
    "half-size": {"network": without_mixing},
    "mixing": {"network": NotLooking},
    "strength": {"network": HalfSize},
    "beta2": {"beta2": 0.99},
    "batch-16": {"batch_size": BATCH},
    "clip": {"clip_norm": 0.03},
}
START = Training(ARTICLE_NOISE)
_, *stops = accumulate(CHANGES.values(), changed, initial=START)
PATH = dict(zip(CHANGES, stops, strict=True))
# Where it ends: the record's network, at its learning rate, by our step.
END = changed(stops[-1], {"lr": LR})
STEPS = 215  # by which END is over the line
# Beside the path: what tutorials do, and the book's recipe as it is.
OTHERS = {
    "tutorial": changed(START, PLAIN | {"lr": 1e-3, "batch_size": BOOK.batch_size}),
    "book": Training(BOOK),
}
# Around its end: without what it has, and with what else one might think of.
TRIED: dict[str, dict] = {
    "no-mixing": {"network": partial(without_mixing, HalfSize)},
    "no-strength": {"network": NotLooking},
    "beta2-0.999": {"beta2": 0.999},
    "constant-lr": {"one_cycle": False},
    "half-lr": {"lr": LR / 2},
    "twice-lr": {"lr": 2 * LR},
    "no-clip": {"clip_norm": None},
    "batch-8": {"batch_size": BATCH // 2},
    "batch-32": {"batch_size": 2 * BATCH},
    "growing-batch": {"grows": True},
    "ema": {"ema": 0.95},
    "silent-start": {"network": silent},
    "absolute": {"loss_function": "absolute"},
    "residual": {"prediction": "residual"},
    "weighted": {"sigma_weight": 0.5},
    "log-uniform": {"sigma": (0.02, 1.0), "sigma_distribution": "log-uniform"},
    "middle-sigmas": {"sigma": (0.25, 0.75)},
    "most-ink": {"choose": most_ink},
    "hardest": {"choose": hardest},
    # The block that mixes is for 7×7 only.
    "small-first": {"network": partial(without_mixing, HalfSize), "small_first": True},
}
TRYING_SEEDS = range(10, 20)
ALONE = "one-thread"  # the last change: of how a step is computed, so of its time only


def steps_needed(
    training: Training, lr: float, seed: int, half: str, target: float, first: int
) -> int:
    """After how many steps its PSNR is `target`; the shortest of LENGTHS by which it
    is, where the learning rate falls to 0: looked for from the one after `first` steps.

    That longer schedules end higher is taken for granted. NEVER: it does not get there.
    """
    training = changed(training, {"lr": lr})

    def reached(steps: int) -> bool:
        points = training.curve(seed, half, every=steps, limit=steps)
        return points[-1][2] >= target

    if not training.recipe.one_cycle:
        limit = min(LIMIT, PICTURES // training.recipe.batch_size)
        looks = {"target": target, "every": EVERY, "limit": limit}
        steps, _, db = training.curve(seed, half, **looks)[-1]
        return steps if db >= target else NEVER
    at = min(range(len(LENGTHS)), key=lambda n: abs(LENGTHS[n] - first))
    if reached(LENGTHS[at]):
        while at and reached(LENGTHS[at - 1]):
            at -= 1
        return LENGTHS[at]
    return next((n for n in LENGTHS[at + 1 :] if reached(n)), NEVER)


def in_parallel(pool: Executor, work: Callable, over: Iterable[tuple]) -> list:
    return [future.result() for future in [pool.submit(work, *x) for x in over]]


def choose_lr(
    pool: Executor, training: Training, target: float, first: int
) -> tuple[float, int, dict]:
    """The one that takes the fewest steps, of those a factor of 2 apart."""
    tried: dict[float, float] = {}
    lr = training.recipe.lr
    while True:
        new = [x for x in (lr / 2, lr, 2 * lr) if x not in tried]
        runs = [
            (training, x, seed, "choosing", target, first)
            for x in new
            for seed in CHOOSING_SEEDS
        ]
        steps = iter(in_parallel(pool, steps_needed, runs))
        tried |= {x: statistics.mean(next(steps) for _ in CHOOSING_SEEDS) for x in new}
        best = min(tried, key=tried.get)
        if tried[best] >= min(2 * LIMIT, 2 * LENGTHS[-1]):
            raise RuntimeError(
                f"no learning rate of {sorted(tried)} gets to {target} dB"
            )
        if best == lr:
            return lr, round(tried[lr]), tried
        lr = best


@Experiment
def article_steps(
    target: float = TARGET, seeds: tuple[int, ...] = (0, 1, 2), every: int = 250
) -> dict:
    """Steps of the article's recipe, with noise added, to a PSNR at sigma 0.5.

    The PSNR is that of the digits that decide in `path_steps`, looked at after each
    `every` steps, until it reaches `target` dB: the recipe leaves nothing to choose.
    The steps are taken by our step, which computes the same; the article's loop would
    take most of a day. How long they take does not matter here: all seeds learn at
    once, each by one thread, and the machine may do something else besides. Hours.
    """
    looks = {"target": target, "every": every}
    work = partial(START.curve, half="deciding", **looks)
    with ProcessPoolExecutor(len(seeds), get_context("spawn")) as pool:
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


@Experiment
def path_steps(target: float = TARGET) -> dict:
    """Steps to a PSNR at sigma 0.5, from recipe to recipe, one change at a time.

    For each the learning rate is chosen anew, among those a factor of 2 apart, by two
    seeds and half of the validation digits; only the book's recipe keeps its own.
    "steps" are what five other seeds take by the other half: nothing is chosen by what
    decides. Where the rate is constant, that is the first look, every 20 steps, at
    which the mean PSNR has reached `target` dB; where it rises and falls, the shortest
    schedule, of lengths 1.15 apart, that ends there. All by our step, on one core each;
    how long it takes does not matter.
    """
    result: dict = {
        "target_psnr_db": target,
        "choosing_seeds": CHOOSING_SEEDS,
        "deciding_seeds": DECIDING_SEEDS,
    }
    training, first = START, LENGTHS[len(LENGTHS) // 2]
    with ProcessPoolExecutor(CORES, get_context("spawn")) as pool:
        for name, changes in CHANGES.items():
            training = changed(training, changes)
            result[name] = counted(pool, training, target, first)
            training = changed(training, {"lr": result[name]["lr"]})
            first = result[name]["steps"]
            print(name, result[name], flush=True)
        for name, training in OTHERS.items():
            result[name] = counted(pool, training, target, first, name != "book")
            print(name, result[name], flush=True)
    return result


def counted(
    pool: Executor, training: Training, target: float, first: int, choose: bool = True
) -> dict:
    """The steps of the seeds that decide, by the learning rate chosen before."""
    lr, tried = training.recipe.lr, {}
    if choose:
        lr, first, tried = choose_lr(pool, training, target, first)
    runs = [(training, lr, s, "deciding", target, first) for s in DECIDING_SEEDS]
    steps = in_parallel(pool, steps_needed, runs)
    return {
        "lr": lr,
        "batch_size": training.recipe.batch_size,
        "parameters": count_parameters(training.build()),
        "steps": round(statistics.median(steps)),
        "of_each_seed": steps,
        "reached": sum(one < NEVER for one in steps),
        "tried": {f"{lr:g}": round(mean) for lr, mean in tried.items()},
    }


def ours(track: Track, turns: Turns, training: Training, threads: int) -> None:
    """Its steps, without end."""
    torch.set_num_threads(threads)
    images = split(load_mnist()[0])[0].images
    step, batches = training.begin(images, 0, training_loops.STEPS_WITHOUT_END)
    while True:
        turns(step(*next(batches)))


def noise(clean: Tensor, white: float) -> Tensor:
    """`clean`, where white is that, each at a sigma of its own."""
    sigma = torch.rand(len(clean), 1, 1, 1)
    return clean + white * sigma * torch.randn_like(clean)


def tutorial(track: Track, turns: Turns) -> None:
    """A DataLoader and the eager step in float32, with noise."""
    own, add_noise = replace(track, batch_size=BOOK.batch_size), partial(noise, white=1)
    training_loops.tutorial(own, turns, add_noise=add_noise)


@partial(Experiment, reads=("article_steps", "path_steps"))
def path(rounds: int = 7, pictures: int = 1600) -> dict:
    """Seconds to 19 dB from the article's recipe to the record's network, step by step.

    The steps of `article_steps` and `path_steps`, times that of a step, with its batch
    and noise, on two cores: the median of `rounds` turns of so many `pictures`, for
    which those with the same batch size take turns. `times`: the seconds before a
    change over those after it. The tutorial's steps are those of a DataLoader and an
    eager step in float32.
    """
    article, by_change = recorded("article_steps"), recorded("path_steps")
    if article["target_psnr_db"] != by_change["target_psnr_db"]:
        raise ValueError(
            "article_steps.json and path_steps.json count the steps to "
            f"{article['target_psnr_db']} and {by_change['target_psnr_db']} dB; run "
            "both with the same --target"
        )
    needed = {"article": [article["steps"]], "step": [article["steps"]]}
    needed |= {name: by_change[name]["of_each_seed"] for name in (*CHANGES, *OTHERS)}
    needed[ALONE] = needed[[*CHANGES][-1]]
    trainings = {"article": START, "step": START, **PATH, ALONE: END, **OTHERS}
    loops: dict[str, Callable] = {
        name: partial(ours, training=one, threads=1 if name == ALONE else Track.threads)
        for name, one in trainings.items()
    }
    with_noise = partial(noise, white=255 * ARTICLE_NOISE.scale)
    loops["article"] = partial(training_loops.article, add_noise=with_noise)
    loops["tutorial"] = tutorial
    turns: dict = {}
    for size in {one.recipe.batch_size: None for one in trainings.values()}:
        own = {n: loops[n] for n, t in trainings.items() if t.recipe.batch_size == size}
        turns |= race(own, Track(), rounds, pictures // size)
    result: dict = {"target_psnr_db": article["target_psnr_db"], "ways": {}}
    for name, counts in needed.items():
        step = quartiles([1000 * turn.seconds for turn in turns[name]])
        seconds = [count * step["median"] / 1000 for count in counts]
        result["ways"][name] = {
            "seconds": statistics.median(seconds),
            "fewest_seconds": min(seconds),
            "most_seconds": max(seconds),
            "steps": statistics.median(counts),
            "milliseconds_per_step": step,
        }
    found = {name: way["seconds"] for name, way in result["ways"].items()}
    order = ["article", "step", *CHANGES, ALONE]
    result["times"] = {b: found[a] / found[b] for a, b in pairwise(order)}
    result["times_faster"] = {
        name: found["article"] / found[name] for name in (*OTHERS, ALONE)
    }
    return result


@Experiment
def last_changes() -> dict:
    """What one change gains at the end of the path to 19 dB, in dB, over ten seeds.

    Each learns from as many pictures, on one core. `gain_db`: seed by seed, at
    sigma 0.5 on the digits that decide; its mean, and the standard error of that.
    """
    trainings = {"end": END}
    trainings |= {name: changed(END, changes) for name, changes in TRIED.items()}
    runs = [(one, seed) for one in trainings.values() for seed in TRYING_SEEDS]
    with ProcessPoolExecutor(CORES, get_context("spawn")) as pool:
        found = iter(in_parallel(pool, at_the_end, runs))
    reached = {name: [next(found) for _ in TRYING_SEEDS] for name in trainings}
    base = reached.pop("end")
    result: dict = {
        "seeds": [*TRYING_SEEDS],
        "pictures": STEPS * BATCH,
        "steps": STEPS,
        "end_db": {"mean": statistics.mean(base), "sd": statistics.stdev(base)},
        "gain_db": {},
    }
    for name, row in reached.items():
        gains = [ours - theirs for ours, theirs in zip(row, base, strict=True)]
        result["gain_db"][name] = {
            "mean": statistics.mean(gains),
            "se": statistics.stdev(gains) / len(gains) ** 0.5,
        }
    return result


def at_the_end(training: Training, seed: int) -> float:
    """Its dB after as many pictures as all of them learn from."""
    steps = STEPS * BATCH // training.recipe.batch_size
    return training.curve(seed, "deciding", every=steps, limit=steps)[-1][2]
