"""The flagship's network, about a third or half as wide, by the library's own step."""

from dataclasses import replace

import numpy as np
import torch

from unetlib.batcher import Batcher
from unetlib.model import Denoiser
from unetlib.networks import MixerUnet
from unetlib.recipe import Recipe
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import FAST, keep_memory

# Width, batch size, steps, learning rate.
PLANS = {20.5: (8, 32, 750, 0.012), 21.0: (12, 96, 850, 0.014)}
MARKS = tuple(PLANS)
BETA2 = 0.99  # Adam forgets earlier gradients sooner: there are few steps


def train(images: np.ndarray, seed: int, mark: float) -> Denoiser:
    width, batch_size, steps, lr = PLANS[mark]
    recipe = Recipe(
        "speedrun",
        sigma=(0.0, 1.0),
        batch_size=batch_size,
        lr=lr,
        one_cycle=True,
        loss_reduction="mean",
    )
    keep_memory()
    torch.manual_seed(seed)
    network = MixerUnet(width)
    # Shares of the batch are for busy cores.
    step = FastStep(network, recipe, steps, replace(FAST, threads=False))
    step.optimizer.param_groups[0]["betas"] = (0.9, BETA2)
    batcher = Batcher(images, recipe.batch_size, recipe.scale, recipe.sigma, seed=seed)
    for _ in step.steps(batcher, steps):
        pass
    return recipe.denoiser(network.eval())
