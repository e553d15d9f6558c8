"""How the PSNR on validation digits grows, step by step of a training."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad
from training_loops import STEPS_WITHOUT_END

from unetlib.batcher import Batcher
from unetlib.data import load_mnist, split
from unetlib.fit import validate
from unetlib.networks import NETWORKS
from unetlib.recipe import Recipe
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import keep_memory

Half = Literal["choosing", "deciding"]
Points = list[tuple[int, float, float]]  # (steps, seconds, dB)


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
) -> Points:
    """(steps, seconds, dB) after each `every` steps, until `target` dB or `limit`."""
    points: Points = []
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


@dataclass(frozen=True)
class Training:
    """A training by our step; all that decides it, but for its seed and length.

    network: makes it; None for the recipe's.
    beta2: how slowly Adam's mean of squared gradients forgets.
    choose: which of the pictures to learn from.
    grows: from half a batch to one and a half, not all alike.
    small_first: half of its steps are of pictures at half size, three times as many.
    """

    recipe: Recipe
    network: Callable[[], nn.Module] | None = None
    beta2: float = 0.999
    choose: Callable[[np.ndarray], np.ndarray] = np.asarray
    grows: bool = False
    small_first: bool = False

    def build(self) -> nn.Module:
        return (self.network or NETWORKS[self.recipe.network])()

    def curve(
        self,
        seed: int,
        half: Half,
        *,
        target: float = math.inf,
        every: int,
        limit: int = STEPS_WITHOUT_END,
    ) -> Points:
        """How its PSNR grows, on one core; a one-cycle schedule has `limit` steps."""
        torch.set_num_threads(1)
        learn, seen = split_digits(half)
        step, batches = self.begin(learn, seed, limit)

        def quality() -> float:
            with step.averaged():
                return validate(self.recipe.denoiser(step.model), seen)

        return curve(lambda: step(*next(batches)), quality, target, every, limit)

    def begin(
        self, images: np.ndarray, seed: int, steps: int
    ) -> tuple[FastStep, Iterator[tuple]]:
        """The step of a network not yet trained, and its batches."""
        torch.manual_seed(seed)
        keep_memory()
        recipe = self.recipe
        step = FastStep(self.build(), recipe, steps)
        step.optimizer.param_groups[0]["betas"] = (0.9, self.beta2)
        most = 3 if self.small_first else 1.5 if self.grows else 1
        largest = round(recipe.batch_size * most)
        batcher = Batcher(
            *(self.choose(images), largest, recipe.scale, recipe.sigma, "cpu", seed),
            distribution=recipe.sigma_distribution,
        )

        def batches() -> Iterator[tuple]:
            for done in count():
                batch = batcher.draw()
                size = recipe.batch_size
                if self.grows:
                    size = round(size * (0.5 + done / steps))
                if self.small_first and 2 * done < steps:
                    yield at_half_size(*batch)
                elif size < largest:
                    yield tuple(x[:size] for x in batch)
                else:
                    yield batch

        return step, batches()


def at_half_size(noisy: Tensor, clean: Tensor, sigma: Tensor) -> tuple[Tensor, ...]:
    """(B, 1, 28, 28) to (B, 1, 16, 16), as noisy as before; the border is black."""
    small = avg_pool2d(pad(clean, [2] * 4), 2)
    return small + (noisy - clean)[..., :16, :16], small, sigma
