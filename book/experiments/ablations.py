"""Trainings that differ in one thing only, from several seeds."""

import json
import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import torch
from experiment import RESULTS, Experiment
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from unetlib.batcher import Batcher, to_tensor
from unetlib.checks import UnetlibError
from unetlib.data import load_mnist, split
from unetlib.fit import fit
from unetlib.metrics import denoising_psnr
from unetlib.model import SkipUnet, Unet, count_parameters
from unetlib.recipe import ARTICLE, ARTICLE_NOISE, BOOK
from unetlib.speed.fast_step import FastStep

RUNS = RESULTS.parents[1] / "runs" / "skips"
SEEDS = (0, 1, 2)
CONTEST_SEEDS = (0, 1, 2, 3, 4)
SIGMAS = (0.1, 0.25, 0.5, 0.75, 1.0)
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
    from every seed and is measured on test digits. Each run has one core to itself, and
    is kept in runs/skips: delete that folder to train anew.
    """
    first, *others = CONTEST_SEEDS
    tried = _race([(name, lr, first) for name in NETWORKS for lr in lrs], epochs)
    validation = {
        name: {lr: tried[name, lr, first][0] for lr in lrs} for name in NETWORKS
    }
    best = {name: max(lrs, key=validation[name].get) for name in NETWORKS}
    seeds = [(name, best[name], seed) for name in NETWORKS for seed in others]
    tried |= _race(seeds, epochs)
    scores = {
        name: [tried[name, best[name], seed][1] for seed in CONTEST_SEEDS]
        for name in NETWORKS
    }
    train, test = load_mnist()
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
            "skips": over_seeds(_differences(scores["SkipUnet"], scores["Unet"])),
            "tanh": over_seeds(_differences(scores["Unet"], scores["Unet-linear"])),
        },
    }


def _race(runs: list[tuple[str, float, int]], epochs: int) -> dict[tuple, tuple]:
    """{(network, lr, seed): what `_contestant` says}, as many at a time as cores."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = {run: pool.submit(_contestant, *run, epochs) for run in runs}
        return {run: future.result() for run, future in found.items()}


def _contestant(
    name: str, lr: float, seed: int, epochs: int
) -> tuple[float, dict[float, float]]:
    """Train one: mean PSNR on validation digits, and by sigma on test digits.

    A network that collapses is worth 0 dB. What was trained is kept, so that an
    interrupted contest goes on.
    """
    kept = RUNS / f"{name}-lr{lr}-seed{seed}-epochs{epochs}.json"
    if kept.exists():
        mean, scores = json.loads(kept.read_text(encoding="utf-8"))
        return mean, {float(sigma): db for sigma, db in scores.items()}
    torch.set_num_threads(1)
    train, test = load_mnist()
    train, validation = split(train)
    torch.manual_seed(seed)
    model = NETWORKS[name]()
    try:
        fit(model, train.images, replace(BOOK, epochs=epochs, lr=lr), seed=seed)
    except UnetlibError as error:
        print(name, lr, seed, error, flush=True)
        return 0.0, {}
    model.eval().requires_grad_(False)
    db = denoising_psnr(
        model, to_tensor(validation.images, "cpu") / 255, SIGMAS, seed=1
    )
    mean = statistics.mean(db.values())
    result = denoising_psnr(model, to_tensor(test.images, "cpu") / 255, SIGMAS)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps([mean, result]) + "\n", encoding="utf-8")
    return mean, result


def _multiplications(name: str) -> float:
    """Millions of them for one picture, as PyTorch counts."""
    with FlopCounterMode(display=False) as counter:
        NETWORKS[name]()(torch.zeros(1, 1, 28, 28))
    return round(counter.get_total_flops() / 2e6, 1)


def _differences(ours: list[dict], theirs: list[dict]) -> list[dict]:
    """Seed by seed."""
    return [
        {sigma: a[sigma] - b[sigma] for sigma in a}
        for a, b in zip(ours, theirs, strict=True)
    ]


def over_seeds(scores: list[dict[float, float]]) -> dict:
    """{sigma: mean and standard deviation over the seeds}."""
    result = {}
    for sigma in SIGMAS:
        values = [score[sigma] for score in scores]
        mean, sd = statistics.mean(values), statistics.stdev(values)
        result[str(sigma)] = {"mean": round(mean, 3), "sd": round(sd, 3)}
    return result


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
    gains = _differences(scores[ARTICLE_NOISE.name], scores[ARTICLE.name])
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
