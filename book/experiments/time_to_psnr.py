"""How long until a network is good? The article's recipe, a tutorial's, ours.

Good is 19 dB at sigma 0.5 on a thousand validation digits. The time is that of the
training steps, without measuring the PSNR. Each training has a process of its own.
Writes book/results/time_to_psnr.json.

The article's loop would take hours. So its recipe, with only noise added, is trained by
our step, which computes the same, to find how many steps it takes; its time is this
number times the measured time of a step of the article's loop.
"""

import argparse
import multiprocessing
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import contestants
import numpy as np
import torch
from measured import circumstances, write_result
from race import Track, race, summary
from torch import Tensor
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, TensorDataset

from unetlib.batcher import Batcher
from unetlib.data import load_mnist, split
from unetlib.model import NETWORKS, Unet
from unetlib.recipes import ARTICLE_NOISE, BOOK, Recipe
from unetlib.step import TrainStep
from unetlib.train import validate

SEEDS = (0, 1, 2)
LENGTHS = (60, 80, 100, 120, 150, 200, 250, 300, 400, 600, 800)  # steps, for ours
NO_END = 10**6


def digits() -> tuple[np.ndarray, np.ndarray]:
    """(for learning, for choosing), (N, 28, 28) uint8; no test digits."""
    learn, choose = split(load_mnist()[0])
    return learn.images, choose.images[:1000]


def curve(
    step: Callable[[], object],
    quality: Callable[[], float],
    target: float,
    every: int,
    limit: int = NO_END,
) -> list[tuple[int, float, float]]:
    """(steps, seconds, dB) after each `every` steps, until `target` dB or `limit`."""
    points: list[tuple[int, float, float]] = []
    seconds = 0.0
    for steps in range(every, limit + 1, every):
        start = time.perf_counter()
        for _ in range(every):
            step()
        seconds += time.perf_counter() - start
        points.append((steps, seconds, quality()))
        print("{} steps, {:.1f} s, {:.2f} dB".format(*points[-1]), flush=True)
        if points[-1][2] >= target:
            break
    return points


def with_our_step(
    recipe: Recipe, seed: int, target: float, every: int, limit: int
) -> list[tuple[int, float, float]]:
    """The curve of `recipe`; a one-cycle schedule has `limit` steps."""
    torch.set_num_threads(Track.threads)
    learn, choose = digits()
    torch.manual_seed(seed)
    model = NETWORKS[recipe.network]()
    step = TrainStep(model, recipe, limit)
    batcher = Batcher(learn, recipe.batch_size, recipe.scale, recipe.sigma, seed=seed)
    return curve(
        lambda: step(*batcher.next()),
        lambda: validate(model, choose, recipe.scale),
        target,
        every,
        limit,
    )


def as_in_a_tutorial(
    seed: int, target: float, every: int
) -> list[tuple[int, float, float]]:
    """DataLoader, the article's network, float32, Adam 1e-3, mean squared error."""
    torch.set_num_threads(Track.threads)
    learn, choose = digits()
    torch.manual_seed(seed)
    images = torch.from_numpy(learn).unsqueeze(1).float() / 255
    loader = DataLoader(TensorDataset(images), BOOK.batch_size, shuffle=True)
    model = Unet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def batches() -> Iterator[Tensor]:
        while True:
            yield from (clean for (clean,) in loader)

    batch = batches()

    def step() -> None:
        clean = next(batch)
        sigma = torch.rand(len(clean), 1, 1, 1)
        noisy = clean + sigma * torch.randn_like(clean)
        loss = mse_loss(model(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return curve(step, lambda: validate(model, choose, 1 / 255), target, every)


def noise(clean: Tensor) -> Tensor:
    """`clean` on the article's scale (white is 255/512), each at a sigma of its own."""
    sigma = torch.rand(len(clean), 1, 1, 1)
    return clean + 255 / 512 * sigma * torch.randn_like(clean)


def alone(function: Callable[..., list], *arguments: object) -> list:
    """What the function returns, from a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


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
        "batch_size": BOOK.batch_size,
    }


def article(target: float, rounds: int) -> dict:
    """The steps that its recipe takes, times the time of a step of its loop."""
    points = alone(with_our_step, ARTICLE_NOISE, 0, target, 250, NO_END)
    loops = {"article": partial(contestants.article, add_noise=noise)}
    step = summary(race(loops, Track(), rounds, 5)["article"], ARTICLE_NOISE.batch_size)
    steps = points[-1][0]
    return {
        "seconds": steps * step["milliseconds_per_step"]["median"] / 1000,
        "extrapolated": "steps times the measured time of a step",
        "steps": steps,
        "step": step,
        "same_steps_by_our_step_seconds": points[-1][1],
        "curve": points,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time trainings to a quality.")
    parser.add_argument("--target", type=float, default=19.0, help="PSNR in dB")
    parser.add_argument("--rounds", type=int, default=7, help="for the article's step")
    options = parser.parse_args()
    target = options.target
    trainings = {
        "ours": ours(target),
        "tutorial": tutorial(target),
        "article": article(target, options.rounds),
    }
    seconds = trainings["ours"]["seconds"]
    write_result(
        "time_to_psnr",
        {
            "what": "seconds of training steps until the validation digits reach the "
            "target at sigma 0.5; where there are seeds, the median",
            "command": shlex.join(
                ["python", "book/experiments/time_to_psnr.py", *sys.argv[1:]]
            ),
            **circumstances(),
            "threads": Track.threads,
            "target_psnr_db": target,
            "seeds": SEEDS,
            **trainings,
            "times_faster": {
                name: training["seconds"] / seconds
                for name, training in trainings.items()
                if name != "ours"
            },
        },
    )


if __name__ == "__main__":
    main()
