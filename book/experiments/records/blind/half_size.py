"""A U-Net at half size: 2×2 pixels go in as 4 channels, and come back out as 4.

Most of a U-Net's work is done at full size, by few channels, which processors are slow
at. Here nothing is. One block in which every place sees all others stands in for depth.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from unetlib.batcher import Batcher
from unetlib.model import Denoiser, Up, conv
from unetlib.networks import MixerBlock
from unetlib.recipe import Recipe
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import keep_memory

MARKS = (19.0,)
WIDTH = 16
STEPS = 220
BATCH = 16
LR = 0.02
BETA2 = 0.99  # Adam forgets earlier gradients sooner: there are few steps


class HalfSize(nn.Module):
    """(B, 1, 28, 28) → the same."""

    def __init__(self, w: int = WIDTH) -> None:
        super().__init__()
        self.encode = nn.Sequential(conv(8, w), nn.SiLU())
        self.bottleneck = nn.Sequential(conv(w, 2 * w), nn.SiLU(), MixerBlock(2 * w))
        self.up = Up(conv(2 * w + w, w), nn.SiLU())
        self.refine = nn.Sequential(conv(w, w), nn.SiLU(), conv(w, 4))
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        strength = self.strength(x)
        x = pixel_unshuffle(x, 2)  # (B, 4, 14, 14)
        said = strength.log().expand_as(x)
        skip = self.encode(torch.cat([x / strength.sqrt(), said], dim=1))  # (B, w, …)
        x = self.bottleneck(self.pool(skip))  # (B, 2w, 7, 7)
        return pixel_shuffle(self.refine(self.up(x, skip)), 2)

    def strength(self, x: Tensor) -> Tensor:
        """Of each picture, the mean square of its pixels: the digit's, and sigma's."""
        return x.square().mean(dim=(1, 2, 3), keepdim=True) + 1e-4


def recipe(batch_size: int, lr: float) -> Recipe:
    """That of a record: the rate rises and falls, and the loss is a mean."""
    return Recipe(
        "speedrun",
        sigma=(0.0, 1.0),
        batch_size=batch_size,
        lr=lr,
        one_cycle=True,
        loss_reduction="mean",
    )


def trained(
    build: Callable[[], nn.Module],
    recipe: Recipe,
    steps: int,
    images: np.ndarray,
    seed: int,
    by: type[FastStep] = FastStep,
) -> nn.Module:
    keep_memory()
    torch.manual_seed(seed)
    step = by(build(), recipe, steps)
    step.optimizer.param_groups[0]["betas"] = (0.9, BETA2)
    batcher = Batcher(images, recipe.batch_size, recipe.scale, recipe.sigma, seed=seed)
    for _ in step.steps(batcher, steps):
        pass
    return step.model.eval()


def train(images: np.ndarray, seed: int, mark: float) -> Denoiser:
    torch.set_num_threads(1)  # so small a step gains little from a second one
    return Denoiser(trained(HalfSize, recipe(BATCH, LR), STEPS, images, seed))
