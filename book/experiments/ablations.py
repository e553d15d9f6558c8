"""Trainings that differ in one thing only, from several seeds."""

import statistics
from dataclasses import replace

import numpy as np
import torch
from experiment import SIGMAS, Experiment
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from trainings import Training, differences, over_seeds, train_all

from unetlib.batcher import Batcher, to_tensor
from unetlib.data import load_mnist, split
from unetlib.fit import fit
from unetlib.metrics import denoising_psnr
from unetlib.model import SkipUnet, Unet, count_parameters
from unetlib.recipe import ARTICLE, ARTICLE_NOISE, BOOK
from unetlib.speed.fast_step import FastStep

SEEDS = (0, 1, 2)
CONTEST_SEEDS = (0, 1, 2, 3, 4)
LRS = (1e-3, 3e-3, 1e-2, 3e-2)
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
def skips(epochs: int = BOOK.epochs, lrs: tuple[float, ...] = LRS) -> dict:
    """PSNR in dB of three networks by one recipe, each with its own learning rate.

    What do skip connections change, and what the Tanh? `Unet`, the same without its
    Tanh, and `SkipUnet` train by the book's recipe. Each gets the learning rate by
    which it does best on validation digits (mean over SIGMAS, seed 0); then each trains
    from every seed and is measured on test digits. Each run has one core to itself.
    """
    train, test = load_mnist()

    def run(name: str, lr: float, seed: int) -> Training:
        return Training(name, NETWORKS[name], replace(BOOK, epochs=epochs, lr=lr), seed)

    tried = [run(name, lr, CONTEST_SEEDS[0]) for name in NETWORKS for lr in lrs]
    found = train_all(tried, 5000, len(test))
    validation = {
        n: {t.recipe.lr: found[t].mean for t in tried if t.network == n}
        for n in NETWORKS
    }
    best = {name: max(lrs, key=validation[name].get) for name in NETWORKS}
    chosen = {n: [run(n, best[n], seed) for seed in CONTEST_SEEDS] for n in NETWORKS}
    found |= train_all(sum(chosen.values(), []), 5000, len(test))
    scores = {name: [found[t].test for t in chosen[name]] for name in NETWORKS}
    return {
        "recipe": BOOK.name,
        "steps": epochs * BOOK.steps_per_epoch(len(split(train)[0])),
        "seeds": CONTEST_SEEDS,
        "n": len(test),
        "validation_psnr_db": {
            name: {str(lr): round(db, 3) for lr, db in row.items()}
            for name, row in validation.items()
        },
        "lr": best,
        "parameters": {n: count_parameters(make()) for n, make in NETWORKS.items()},
        "million_multiplications": {n: _multiplications(n) for n in NETWORKS},
        "psnr_db": {name: over_seeds(values) for name, values in scores.items()},
        "gain_db": {
            "skips": over_seeds(differences(scores["SkipUnet"], scores["Unet"])),
            "tanh": over_seeds(differences(scores["Unet"], scores["Unet-linear"])),
        },
    }


def _multiplications(name: str) -> float:
    """Millions of them for one picture, as PyTorch counts."""
    with FlopCounterMode(display=False) as counter:
        NETWORKS[name]()(torch.zeros(1, 1, 28, 28))
    return round(counter.get_total_flops() / 2e6, 1)


@Experiment
def only_noise(
    pictures: int = 160, n: int = 1000, seeds: tuple[int, ...] = (0, 1, 2)
) -> dict:
    """PSNR in dB of one network by one recipe, without noise in training and with it.

    The short pair of chapter 04 from every seed, which decides the starting weights,
    the draws and the noise; measured on test digits drawn at random. `loss` is the mean
    over the last epoch.
    """
    train, test = load_mnist()
    images = split(train)[0].images[:pictures]
    report = to_tensor(test.sample(n).images, "cpu") / 255
    short = {"lr": 2e-3, "batch_size": 32, "epochs": 2}
    losses: dict[str, list[float]] = {}
    scores: dict[str, list[dict[float, float]]] = {}
    for recipe in (replace(one, **short) for one in (ARTICLE, ARTICLE_NOISE)):
        losses[recipe.name], scores[recipe.name] = [], []
        for seed in seeds:
            torch.manual_seed(seed)
            model = NETWORKS[recipe.network]()
            losses[recipe.name].append(fit(model, images, recipe, seed=seed).loss[-1])
            denoiser = recipe.denoiser(model.eval())
            scores[recipe.name].append(denoising_psnr(denoiser, report, SIGMAS))
    gains = differences(scores[ARTICLE_NOISE.name], scores[ARTICLE.name])
    return {
        "steps": short["epochs"] * replace(ARTICLE, **short).steps_per_epoch(pictures),
        "pictures": pictures,
        "seeds": seeds,
        "n": n,
        "loss": losses,
        "psnr_db": {name: over_seeds(values) for name, values in scores.items()},
        "gain_db": over_seeds(gains),
    }


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
