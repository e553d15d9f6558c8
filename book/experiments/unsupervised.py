"""What a denoiser learns that never sees a clean picture."""

import statistics
from collections.abc import Callable
from dataclasses import replace

import torch
from experiment import Experiment
from torch import Tensor

from unetlib.batcher import to_tensor
from unetlib.data import load_mnist, split
from unetlib.metrics import denoising_psnr
from unetlib.model import SkipUnet
from unetlib.noise import add_gaussian_noise
from unetlib.recipe import BOOK, Recipe
from unetlib.speed.fast_step import FastStep

SIGMA = 0.5
RECIPE = replace(BOOK, name="unsupervised", epochs=2, sigma=(SIGMA, SIGMA))
PROBE = 1e-2  # how far SURE disturbs its input; float32 needs no less


class Sure(FastStep):
    """The loss is Stein's estimate of the squared error, from the noisy picture alone.

    Source: Soltanayev and Chun (2018); the divergence after Ramani et al. (2008).
    """

    def loss(self, noisy: Tensor, target: Tensor, sigma: Tensor | None) -> Tensor:
        b = torch.randn_like(noisy)
        output = self.forward(noisy)
        followed = (b * (self.forward(noisy + PROBE * b) - output)).mean() / PROBE
        return (output - noisy).square().mean() + 2 * SIGMA**2 * followed


class Noise2Self(FastStep):
    """A sixteenth of the pixels is hidden from the network, which must foretell them.

    Each hidden pixel is replaced by the mean of its four neighbours. The noise of a
    pixel cannot be told from others, so what is learned is the clean picture.
    Source: Batson and Royer (2019).
    """

    def loss(self, noisy: Tensor, target: Tensor, sigma: Tensor | None) -> Tensor:
        row, column = torch.randint(4, (2,)).tolist()
        hidden = torch.zeros_like(noisy)
        hidden[..., row::4, column::4] = 1
        around = sum(noisy.roll(s, d) for s in (1, -1) for d in (2, 3)) / 4
        output = self.forward(torch.where(hidden > 0, around, noisy))
        return (hidden * (output - noisy)).square().sum() / hidden.sum()


def clean_targets(clean: Tensor, noisy: Tensor) -> tuple[Tensor, Tensor]:
    return noisy, clean


def noise2noise(clean: Tensor, noisy: Tensor) -> tuple[Tensor, Tensor]:
    """A second picture of the same, with noise of its own, is the target.

    Source: Lehtinen et al. (2018).
    """
    return noisy, clean + SIGMA * torch.randn_like(clean)


def only_noisy(clean: Tensor, noisy: Tensor) -> tuple[Tensor, Tensor]:
    return noisy, noisy


# How it learns, from which pairs. Only the first sees clean pictures; of the others
# only Noise2Noise sees a picture twice.
WAYS: dict[str, tuple[type[FastStep], Callable]] = {
    "clean": (FastStep, clean_targets),
    "noise2noise": (FastStep, noise2noise),
    "sure": (Sure, only_noisy),
    "noise2self": (Noise2Self, only_noisy),
}


@Experiment
def unsupervised(
    epochs: int = RECIPE.epochs, seeds: tuple[int, ...] = (0, 1, 2)
) -> dict:
    """PSNR in dB of networks that never saw a clean digit, and of one that did.

    Each of 55,000 digits has one noisy picture, at sigma 0.5, made once and kept; the
    same network by the same recipe learns from these in four ways, and is measured on
    test digits at sigma 0.5. `behind_db` is how far each is behind the one that saw
    clean digits, seed by seed.
    """
    train, test = load_mnist()
    clean = to_tensor(split(train)[0].images, "cpu") / 255
    report = to_tensor(test.images, "cpu") / 255
    recipe = replace(RECIPE, epochs=epochs)
    scores: dict[str, list[float]] = {way: [] for way in WAYS}
    for seed in seeds:
        noisy = add_gaussian_noise(clean, SIGMA, torch.Generator().manual_seed(seed))
        for way in WAYS:
            network = learned(way, clean, noisy, recipe, seed)
            db = denoising_psnr(recipe.denoiser(network), report, [SIGMA])[SIGMA]
            scores[way].append(db)
            print(way, seed, f"{db:.2f}", flush=True)
    behind = {
        way: [a - b for a, b in zip(scores["clean"], values, strict=True)]
        for way, values in scores.items()
    }
    return {
        "recipe": recipe.name,
        "steps": epochs * recipe.steps_per_epoch(len(clean)),
        "sigma": SIGMA,
        "seeds": seeds,
        "n": len(report),
        "psnr_db": {way: spread(values) for way, values in scores.items()},
        "behind_db": {way: spread(values) for way, values in behind.items()},
    }


def learned(
    way: str, clean: Tensor, noisy: Tensor, recipe: Recipe, seed: int
) -> SkipUnet:
    """A network that learned in this way; the seed decides all that is drawn."""
    kind, pairs = WAYS[way]
    torch.manual_seed(seed)
    network = SkipUnet()
    steps = recipe.epochs * recipe.steps_per_epoch(len(clean))
    step = kind(network, recipe, steps)
    for _ in range(steps):
        chosen = torch.randint(len(clean), (recipe.batch_size,))
        step(*pairs(clean[chosen], noisy[chosen]))
    return network.eval().requires_grad_(False)


def spread(values: list[float]) -> dict[str, float]:
    sd = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": round(statistics.mean(values), 3), "sd": round(sd, 3)}
