"""Does a denoiser make better digits if it is told how strong the noise is?"""

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, product
from statistics import mean, stdev

import numpy as np
import torch
from denoising import with_noise
from experiment import SIGMAS, Experiment
from generation import HIGHEST, SAMPLERS, STEPS, features, generate, judged
from torch import Tensor, nn

from unetlib.batcher import Batcher, to_tensor
from unetlib.classifier import load_classifier
from unetlib.data import load_mnist, split
from unetlib.generation import noise_levels
from unetlib.metrics import psnr
from unetlib.networks import MIXER, MixerUnet
from unetlib.recipe import Recipe
from unetlib.speed.fast_step import FastStep

WIDTH = 8
DIGIT = 0.1  # mean square of a digit's pixels, about
JUDGED = ("sure", "frechet", "rarest", "commonest")


class Told(nn.Module):
    """A `MixerUnet` whose second channel says sigma, not what it sees of it.

    sigma: of the pictures that are to come, (B, 1, 1, 1) or a number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = MixerUnet(WIDTH)
        self.sigma: Tensor = torch.ones(())
        self.network.encode1.register_forward_pre_hook(self._tell)

    def forward(self, noisy: Tensor) -> Tensor:
        return self.network(noisy)

    def _tell(self, _: nn.Module, inputs: tuple[Tensor]) -> Tensor:
        scaled, loudness = inputs[0].split(1, dim=1)  # the latter as a logarithm
        expected = (self.sigma**2 + DIGIT).sqrt()
        told = expected.log().expand_as(loudness)
        return torch.cat([scaled * loudness.exp() / expected, told], dim=1)


class TellingStep(FastStep):
    def loss(self, noisy: Tensor, clean: Tensor, sigma: Tensor | None) -> Tensor:
        self.model.sigma = sigma
        return super().loss(noisy, clean, sigma)


@Experiment
def told(
    epochs: int = 2, pictures: int = 2000, seeds: tuple[int, ...] = (0, 1, 2)
) -> dict:
    """Two networks that differ in one thing, what the second channel of the input says.

    `blind`: the logarithm of the picture's root mean square; `told`: that of what this
    should be, given sigma. PSNR in dB on test digits, and how `pictures` digits that
    they make are judged, as in `generation`: means over the seeds. `gain`: what being
    told changes, seed by seed.
    """
    train, test = load_mnist()
    learning = split(train)[0].images
    clean = to_tensor(test.sample(pictures).images, "cpu") / 255
    around = (to_tensor(learning, "cpu") / 255).mean(dim=0)
    judge = load_classifier()
    real = features(judge, clean)
    recipe = replace(MIXER, epochs=epochs)
    rows: dict[str, list[dict]] = {"blind": [], "told": []}
    for seed, name in product(seeds, rows):
        network = trained(name == "told", recipe, learning, seed)
        digits = generate(telling(network), around, pictures, STEPS, **SAMPLERS["both"])
        rows[name].append(scores(network, clean) | judged(judge, digits, real))
        print(seed, name, rows[name][-1], flush=True)
    pairs = zip(rows["told"], rows["blind"], strict=True)
    gains = [{key: a[key] - b[key] for key in (*SIGMAS, *JUDGED)} for a, b in pairs]
    return {
        "seeds": seeds,
        "network": f"MixerUnet({WIDTH})",
        "epochs": epochs,
        "n": pictures,
        **{name: over_seeds(of_each, mean) for name, of_each in rows.items()},
        "gain": over_seeds(gains, mean),
        "gain_sd": over_seeds(gains, stdev),
    }


def over_seeds(rows: list[dict], statistic: Callable[[list[float]], float]) -> dict:
    """PSNR at each sigma, and what the judge says."""

    def of(key: object) -> float:
        return round(statistic([row[key] for row in rows]), 3)

    row: dict = {"psnr_db": {str(s): of(s) for s in SIGMAS}}
    return row | {key: of(key) for key in JUDGED}


def trained(told: bool, recipe: Recipe, images: np.ndarray, seed: int) -> nn.Module:
    steps = recipe.epochs * recipe.steps_per_epoch(len(images))
    torch.manual_seed(seed)
    network = Told() if told else MixerUnet(WIDTH)
    step = (TellingStep if told else FastStep)(network, recipe, steps)
    batcher = Batcher(
        *(images, recipe.batch_size, recipe.scale, recipe.sigma, "cpu", seed),
        distribution=recipe.sigma_distribution,
    )
    for _ in step.steps(batcher, steps):
        pass
    return network.eval().requires_grad_(False)


def telling(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """The network, for the sampler: one that wants to is told each level in turn."""
    ahead = cycle(noise_levels(HIGHEST, STEPS)[:-1])

    def denoise(noisy: Tensor) -> Tensor:
        network.sigma = torch.tensor(next(ahead))
        return network(noisy)

    return denoise


def scores(network: nn.Module, clean: Tensor) -> dict[float, float]:
    """PSNR in dB at each sigma of the book's tables; a network may be told it."""
    found = {}
    for sigma in SIGMAS:
        network.sigma = torch.tensor(sigma)
        noisy = with_noise(clean, sigma)
        denoised = torch.cat([network(part) for part in noisy.split(250)])
        found[sigma] = psnr(denoised, clean).mean().item()
    return found
