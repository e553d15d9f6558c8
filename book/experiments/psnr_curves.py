"""How the PSNR on validation digits grows, step by step of a training."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Literal

import numpy as np
import torch
from race import Track
from torch import Tensor
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, TensorDataset
from training_loops import STEPS_WITHOUT_END

from unetlib.batcher import Batcher
from unetlib.data import load_mnist, split
from unetlib.fit import validate
from unetlib.model import Denoiser, Unet
from unetlib.networks import NETWORKS
from unetlib.recipe import BOOK, Recipe
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import keep_memory

Half = Literal["choosing", "deciding"]


def split_digits(half: Half) -> tuple[np.ndarray, np.ndarray]:
    """(for learning, for that), (N, 28, 28) uint8; no test digits.

    The validation digits are shuffled and halved: by the one half one may choose, and
    the other, on which nothing was chosen, decides.
    """
    learn, validation = split(load_mnist()[0])
    shuffled = validation.sample(len(validation)).images
    halves = np.array_split(shuffled, 2)
    return learn.images, halves[0] if half == "choosing" else halves[1]


def curve(
    step: Callable[[], object],
    quality: Callable[[], float],
    target: float,
    every: int,
    limit: int = STEPS_WITHOUT_END,
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
    recipe: Recipe,
    seed: int,
    half: Half,
    *,
    target: float,
    every: int,
    limit: int = STEPS_WITHOUT_END,
    threads: int = Track.threads,
) -> list[tuple[int, float, float]]:
    """The curve of `recipe`; a one-cycle schedule has `limit` steps."""
    torch.set_num_threads(threads)
    learn, seen = split_digits(half)
    torch.manual_seed(seed)
    model = NETWORKS[recipe.network]()
    keep_memory()
    step = FastStep(model, recipe, limit)
    batcher = Batcher(learn, recipe.batch_size, recipe.scale, recipe.sigma, seed=seed)
    return curve(
        lambda: step(*next(batcher)),
        lambda: validate(recipe.denoiser(model), seen),
        target,
        every,
        limit,
    )


def as_in_a_tutorial(
    seed: int, half: Half, *, lr: float, target: float, every: int, limit: int
) -> list[tuple[int, float, float]]:
    """DataLoader, the article's network, float32, Adam, mean squared error."""
    torch.set_num_threads(Track.threads)
    learn, seen = split_digits(half)
    torch.manual_seed(seed)
    images = torch.from_numpy(learn).unsqueeze(1).float() / 255
    loader = DataLoader(TensorDataset(images), BOOK.batch_size, shuffle=True)
    model = Unet()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)

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

    return curve(step, lambda: validate(Denoiser(model), seen), target, every, limit)


def alone(function: Callable[..., list], *arguments: object, **named: object) -> list:
    """What the function returns, from a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments, **named).result()
