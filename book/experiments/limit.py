"""How far the flagship is from the best possible: larger networks, longer trainings."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from experiment import RESULTS, SIGMAS, Experiment, recorded
from scipy.optimize import least_squares
from trainings import Training, train_all

from unetlib.batcher import to_tensor
from unetlib.data import Digits, load_mnist, split
from unetlib.fit import History, fit
from unetlib.metrics import denoising_psnr
from unetlib.model import Denoiser, count_parameters
from unetlib.networks import MIXER, MixerUnet
from unetlib.pretrained import load_pretrained
from unetlib.recipe import Recipe
from unetlib.saving.checkpoint import CHECKPOINT
from unetlib.speed.options import Speed

FOLDER = RESULTS.parents[1] / "runs" / "large"
# The flagship's learning rate at its width of 22; wider networks need a smaller one.
LR_TIMES_WIDTH = 0.11
# Epochs by width: no training takes more than half an hour of one core. (One epoch of
# width 32 collapsed: so short a training reaches the full learning rate too soon.)
GRID = {8: (1, 2, 4, 8), 16: (1, 2, 4, 8), 32: (2, 4), 64: (1, 2)}


def recipe(width: int, epochs: int) -> Recipe:
    """The flagship's, but for the length and the rate."""
    name = f"mixer-{epochs}"
    return replace(MIXER, name=name, epochs=epochs, lr=LR_TIMES_WIDTH / width)


@dataclass(frozen=True)
class Law:
    """Mean squared error = floor + by_size / size^a + by_time / epochs^b.

    The error is the one of the mean PSNR: the geometric mean over the pictures.
    size: in 100,000 parameters. floor, by_size, by_time: (sigmas,); a and b are the
    same at every sigma.
    """

    floor: np.ndarray
    by_size: np.ndarray
    by_time: np.ndarray
    a: float
    b: float

    @classmethod
    def fitted(cls, size: np.ndarray, epochs: np.ndarray, mse: np.ndarray) -> "Law":
        """To the rows of a grid, by least squares of the logarithms.

        size, epochs: (rows,). mse: (rows, sigmas).
        """

        def law(values: np.ndarray) -> Law:
            return cls(*np.exp(values[:-2]).reshape(3, -1), *np.exp(values[-2:]))

        def off(values: np.ndarray) -> np.ndarray:
            return np.log(law(values)(size, epochs) / mse).ravel()

        least = mse.min(axis=0)
        start = np.log([*(0.9 * least), *(0.1 * least), *(0.1 * least), 0.5, 0.5])
        best = least_squares(off, start)
        if not best.success:
            raise RuntimeError(f"no law fits: {best.message}")
        return law(best.x)

    def __call__(self, size: np.ndarray, epochs: np.ndarray) -> np.ndarray:
        """(rows,), (rows,) → (rows, sigmas)."""
        size, epochs = (np.reshape(x, (-1, 1)) for x in (size, epochs))
        by_size, by_time = self.by_size / size**self.a, self.by_time / epochs**self.b
        return self.floor + by_size + by_time


def decibels(mse: np.ndarray) -> np.ndarray:
    return -10 * np.log10(mse)


def by_sigma(values: np.ndarray, places: int = 2) -> dict[str, float]:
    """(sigmas,) → {sigma: value}."""
    pairs = zip(SIGMAS, values, strict=True)
    return {str(sigma): round(float(value), places) for sigma, value in pairs}


@partial(Experiment, reads=("large",))
def limit() -> dict:
    """PSNR in dB by size and length of training, and the limit of both together.

    Every network of the grid is trained once, in bfloat16 where that is faster, and
    measured on all validation digits; so are the flagship and the network of `large`.
    A law fitted to all of them says what endless training of an endless network would
    reach. `spread_db` is the jackknife's standard error: how much the limit varies with
    each network left out. `of_size`: the part of the error above the limit, at sigma
    0.5, that size would remove. `large_by_law_db`: what the law says of the largest
    network when it is fitted to all others.
    """
    large = recorded("large")
    validation = split(load_mnist()[0])[1]
    validation = validation.sample(len(validation))  # in the order of `trainings`
    trainings = {
        (width, epochs): Training(
            f"MixerUnet-{width}", partial(MixerUnet, width), recipe(width, epochs)
        )
        for width, row in GRID.items()
        for epochs in row
    }
    longest_first = reversed(trainings.values())
    found = train_all(longest_first, len(validation))
    if not all(found[training].mean for training in trainings.values()):
        raise RuntimeError("a training collapsed; nothing was written")
    psnr_db = {
        at: by_sigma(found[t].validation.values(), 3) for at, t in trainings.items()
    }
    flagship = (22, MIXER.epochs)
    psnr_db[flagship] = measured(load_pretrained("mixer"), validation, 1)
    psnr_db[70, large["epochs"]] = large["validation_psnr_db"]
    sizes = {width: count_parameters(MixerUnet(width)) for width, _ in psnr_db}
    size = np.array([sizes[width] / 1e5 for width, _ in psnr_db])
    epochs = np.array([float(epochs) for _, epochs in psnr_db])
    mse = 10 ** (-np.array([[*row.values()] for row in psnr_db.values()]) / 10)
    law = Law.fitted(size, epochs, mse)
    rows = np.arange(len(mse))
    without = [Law.fitted(*(x[rows != i] for x in (size, epochs, mse))) for i in rows]
    floors = decibels(np.array([one.floor for one in without]))  # (rows, sigmas)
    limit_db = decibels(law.floor)
    off = decibels(law(size, epochs)) - decibels(mse)
    by_size = law(size, [np.inf] * len(rows)) - law.floor
    by_time = law([np.inf] * len(rows), epochs) - law.floor
    of_size = (by_size / (by_size + by_time))[:, SIGMAS.index(0.5)].round(2).tolist()
    return {
        "n": len(validation),
        "seed": 0,
        "networks": len(rows),
        "parameters": {str(width): number for width, number in sizes.items()},
        "psnr_db": {
            str(width): {str(e): row for (w, e), row in psnr_db.items() if w == width}
            for width in sizes
        },
        "law": {"a": round(law.a, 2), "b": round(law.b, 2)},
        "misses_by_db": round(float(np.abs(off).max()), 2),
        "limit_db": by_sigma(limit_db),
        "spread_db": by_sigma(floors.std(axis=0) * (len(rows) - 1) ** 0.5),
        "distance_db": by_sigma(limit_db.round(2) - decibels(mse[-2]).round(2)),
        "of_size": {"mixer": of_size[-2], "large": of_size[-1]},
        "large_by_law_db": by_sigma(decibels(without[-1](size[-1:], epochs[-1:])[0])),
    }


def measured(denoiser: Denoiser, digits: Digits, seed: int) -> dict[str, float]:
    """{sigma: mean PSNR in dB} of the digits."""
    clean = to_tensor(digits.images, "cpu") / 255
    return by_sigma(denoising_psnr(denoiser, clean, SIGMAS, seed).values(), 3)


def train_large(width: int, epochs: int) -> tuple[MixerUnet, History]:
    """Train in runs/large, or go on there."""
    learning, _ = split(load_mnist()[0])
    torch.manual_seed(0)
    network = MixerUnet(width)
    resume = (FOLDER / CHECKPOINT).exists()
    speed = Speed(bfloat16=True)  # 1.7 times as fast, with AMX or without
    by = recipe(width, epochs)
    history = fit(
        network, learning.images, by, folder=FOLDER, resume=resume, speed=speed
    )
    return network.eval().requires_grad_(False), history


@Experiment
def large(width: int = 70, epochs: int = 16, digits: int = 10_000) -> dict:
    """PSNR in dB of a network about nine times the flagship's size.

    Trained by the flagship's recipe with a rate that fits its width. An interrupted
    training goes on from runs/large. `train_seconds` is by the clock, whatever else
    the machine did meanwhile. On so many test digits, beside the flagship, `mixer_db`;
    and on all validation digits.
    """
    network, history = train_large(width, epochs)
    by = recipe(width, epochs)
    denoiser, (train, test) = by.denoiser(network), load_mnist()
    validation, test = split(train)[1], test.sample(digits)
    return {
        "parameters": count_parameters(MixerUnet(width)),  # those here are frozen
        "epochs": epochs,
        "lr": by.lr,
        "train_seconds": round(sum(history.seconds)),
        "n": digits,
        "test_psnr_db": measured(denoiser, test, 0),
        "mixer_db": measured(load_pretrained("mixer"), test, 0),
        "validation_psnr_db": measured(denoiser, validation.sample(len(validation)), 1),
    }
