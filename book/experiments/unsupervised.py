"""What a denoiser learns that never sees a clean picture."""

import statistics
from dataclasses import replace

import torch
from experiment import Experiment
from torch import Tensor
from torch.nn.functional import pad

from unetlib.batcher import to_tensor
from unetlib.data import load_mnist, split
from unetlib.metrics import denoising_psnr
from unetlib.model import SkipUnet
from unetlib.noise import add_gaussian_noise
from unetlib.recipe import BOOK
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import FAST

SIGMA = 0.5
WIDTH = 16
RECIPE = replace(BOOK, name="unsupervised", epochs=1, sigma=(SIGMA, SIGMA))
SEEDS = (0, 1, 2)
PROBE = 1e-2  # how far SURE disturbs its input; float32 needs no less
SPEED = replace(FAST, bfloat16=False)  # which needs far more


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


class Neighbours(FastStep):
    """Of each cell of 2×2 pixels, one must foretell another beside it, in small.

    Source: Huang et al. (2021), as simple as in chapter 08.
    """

    def loss(self, noisy: Tensor, target: Tensor, sigma: Tensor | None) -> Tensor:
        noisy = pad(noisy, [2] * 4, mode="reflect")  # half of 32 is divisible by 4
        places = [(0, 0), (0, 1), (1, 1), (1, 0)]  # each beside the next
        circle = [noisy[..., row::2, column::2] for row, column in places]
        first, turn = torch.randint(4, (2,)).tolist()
        second = circle[(first + 1 + 2 * (turn % 2)) % 4]
        return (self.forward(circle[first]) - second).square().mean()


# How it learns, and what the target is of (clean, noisy, noisy again). Only the first
# sees clean pictures; of the others only Noise2Noise (Lehtinen et al., 2018) sees a
# picture twice.
WAYS: dict[str, tuple[type[FastStep], int]] = {
    "clean": (FastStep, 0),
    "noise2noise": (FastStep, 2),
    "sure": (Sure, 1),
    "noise2self": (Noise2Self, 1),
    "neighbours": (Neighbours, 1),
}


@Experiment
def unsupervised(epochs: int = RECIPE.epochs, seeds: tuple[int, ...] = SEEDS) -> dict:
    """PSNR in dB of networks that never saw a clean digit, and of one that did.

    Each of 55,000 digits has one noisy picture, at sigma 0.5, made once and kept; for
    Noise2Noise, a second. The same network by the same recipe learns from these in five
    ways, and is measured on test digits at sigma 0.5. `behind_db` is how far each is
    behind the one that saw clean digits, seed by seed.
    """
    train, test = load_mnist()
    clean = to_tensor(split(train)[0].images, "cpu") / 255
    report = to_tensor(test.images, "cpu") / 255
    scores: dict[str, list[float]] = {way: [] for way in WAYS}
    for seed in seeds:
        pictures = [clean, *(noisy(clean, 2 * seed + again) for again in (0, 1))]
        for way in WAYS:
            denoise = RECIPE.denoiser(learned(way, pictures, epochs, seed))
            db = denoising_psnr(denoise, report, [SIGMA])[SIGMA]
            scores[way].append(db)
            print(way, seed, f"{db:.2f}", flush=True)
    behind = {
        way: [a - b for a, b in zip(scores["clean"], values, strict=True)]
        for way, values in scores.items()
        if way != "clean"
    }
    return {
        "network": f"SkipUnet({WIDTH})",
        "steps": epochs * RECIPE.steps_per_epoch(len(clean)),
        "sigma": SIGMA,
        "seeds": seeds,
        "n": len(report),
        "psnr_db": {way: spread(values) for way, values in scores.items()},
        "behind_db": {way: spread(values) for way, values in behind.items()},
    }


def noisy(clean: Tensor, seed: int) -> Tensor:
    return add_gaussian_noise(clean, SIGMA, torch.Generator().manual_seed(seed))


def learned(way: str, pictures: list[Tensor], epochs: int, seed: int) -> SkipUnet:
    """A network that learned in this way; the seed decides all that is drawn.

    pictures: clean, noisy, noisy again, (N, 1, 28, 28) each.
    """
    kind, target = WAYS[way]
    torch.manual_seed(seed)
    network = SkipUnet(WIDTH)
    count = len(pictures[0])
    steps = epochs * RECIPE.steps_per_epoch(count)
    step = kind(network, RECIPE, steps, SPEED)
    for _ in range(steps):
        chosen = torch.randint(count, (RECIPE.batch_size,))
        step(pictures[1][chosen], pictures[target][chosen])
    return network.eval().requires_grad_(False)


def spread(values: list[float]) -> dict[str, float]:
    return {
        "mean": round(statistics.mean(values), 3),
        "sd": round(statistics.stdev(values), 3),
    }
