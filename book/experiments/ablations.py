"""Trainings that differ in one thing only, from several seeds."""

import statistics
from dataclasses import replace

import numpy as np
import torch
from experiment import Experiment
from torch import Tensor, nn

from unetlib.batcher import Batcher
from unetlib.data import load_mnist, split
from unetlib.fit import fit
from unetlib.metrics import denoising_psnr
from unetlib.model import SkipUnet, Unet, count_parameters
from unetlib.recipe import ARTICLE, BOOK
from unetlib.speed.fast_step import FastStep

SEEDS = (0, 1, 2)
SIGMAS = (0.1, 0.25, 0.5, 1.0)
TEST_DIGITS = 2000
SCALINGS = {  # name: (reduction, factor, Adam's epsilon)
    "sum": ("sum", 1.0, 1e-8),
    "sum_times_100": ("sum", 100.0, 1e-8),
    "mean": ("mean", 1.0, 1e-8),
    "mean_small_epsilon": ("mean", 1.0, 1e-12),
}


def unet_linear() -> Unet:
    """The article's network without the Tanh at its end."""
    model = Unet()
    model.convUP_end = nn.Sequential(model.convUP_end[0])
    return model


NETWORKS = {"Unet": Unet, "Unet-linear": unet_linear, "SkipUnet": SkipUnet}


@Experiment
def skips(epochs: int = 2, digits: int = 20_000) -> dict:
    """PSNR in dB after one training recipe, by network and sigma.

    What do skip connections change? `Unet`, the same without its Tanh, and `SkipUnet`
    train by the book's recipe, but for fewer epochs over fewer digits, and are measured
    on test digits.
    """
    train, test = load_mnist()
    images = split(train)[0].images[:digits]
    clean = torch.tensor(test.images[:TEST_DIGITS]).unsqueeze(1).float() / 255
    recipe = replace(BOOK, epochs=epochs)
    runs: dict[str, list[dict[float, float]]] = {name: [] for name in NETWORKS}
    for seed in SEEDS:
        for name, make in NETWORKS.items():
            torch.manual_seed(seed)
            model = make()
            fit(model, images, recipe, seed=seed)
            model.eval().requires_grad_(False)
            runs[name].append(denoising_psnr(model, clean, SIGMAS))
            print(seed, name, runs[name][-1], flush=True)
    return {
        "recipe": BOOK.name,
        "steps": epochs * recipe.steps_per_epoch(len(images)),
        "seeds": SEEDS,
        "n": TEST_DIGITS,
        "parameters": {n: count_parameters(make()) for n, make in NETWORKS.items()},
        "psnr_db": {name: over_seeds(scores) for name, scores in runs.items()},
    }


def over_seeds(scores: list[dict[float, float]]) -> dict:
    """{sigma: mean and standard deviation over the seeds}."""
    result = {}
    for sigma in SIGMAS:
        values = [score[sigma] for score in scores]
        mean, sd = statistics.mean(values), statistics.stdev(values)
        result[str(sigma)] = {"mean": round(mean, 3), "sd": round(sd, 3)}
    return result


@Experiment
def loss_scale(steps: int = 12) -> dict:
    """Distance to the weights after the plain sum, in percent of how far it moved.

    Does a factor before the loss matter? The article's first steps under Adam are taken
    from the same start, with the same batches, by each way of scaling the loss.
    """
    images = load_mnist()[0].images
    apart: dict[str, list[float]] = {name: [] for name in SCALINGS if name != "sum"}
    for seed in SEEDS:
        start, plain = weights_after(steps, images, seed, *SCALINGS["sum"])
        for name, values in apart.items():
            _, other = weights_after(steps, images, seed, *SCALINGS[name])
            values.append(((other - plain).norm() / (plain - start).norm()).item())
    return {
        "recipe": ARTICLE.name,
        "steps": steps,
        "seeds": SEEDS,
        "percent": {
            name: {
                "mean": 100 * statistics.mean(values),
                "sd": 100 * statistics.stdev(values),
            }
            for name, values in apart.items()
        },
    }


def flat_weights(model: nn.Module) -> Tensor:
    """A copy of all weights as one vector, whatever their order in memory."""
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def weights_after(
    steps: int,
    images: np.ndarray,
    seed: int,
    reduction: str,
    factor: float,
    epsilon: float,
) -> tuple[Tensor, Tensor]:
    """`flat_weights` before and after the article's first steps."""
    torch.manual_seed(seed)
    model = Unet()
    start = flat_weights(model)
    recipe = replace(ARTICLE, loss_reduction=reduction, loss_factor=factor)
    step = FastStep(model, recipe, steps)
    step.optimizer.param_groups[0]["eps"] = epsilon
    batcher = Batcher(images, recipe.batch_size, recipe.scale, seed=seed)
    for _ in range(steps):
        step(*next(batcher))
    return start, flat_weights(model)
