"""Does a denoiser make better digits if it is told how strong the noise is?"""

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle

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
from unetlib.speed.fast_step import FastStep

WIDTH = 8
DIGIT = 0.1  # mean square of a digit's pixels, about


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
def told(epochs: int = 2, pictures: int = 2000, seed: int = 0) -> dict:
    """Two networks that differ in one thing, what the second channel of the input says.

    `blind`: the logarithm of the picture's root mean square; `told`: that of what this
    should be, given sigma. PSNR in dB on test digits, and how `pictures` digits that
    they make are judged, as in `generation`.
    """
    train, test = load_mnist()
    learning = split(train)[0].images
    clean = to_tensor(test.sample(pictures).images, "cpu") / 255
    around = (to_tensor(learning, "cpu") / 255).mean(dim=0)
    judge = load_classifier()
    real = features(judge, clean)
    recipe = replace(MIXER, epochs=epochs)
    steps = epochs * recipe.steps_per_epoch(len(learning))
    result: dict = {
        "seed": seed,
        "network": f"MixerUnet({WIDTH})",
        "epochs": epochs,
        "n": pictures,
    }
    for name, kind in {"blind": FastStep, "told": TellingStep}.items():
        torch.manual_seed(seed)
        network = Told() if name == "told" else MixerUnet(WIDTH)
        step = kind(network, recipe, steps)
        batcher = Batcher(
            *(learning, recipe.batch_size, recipe.scale, recipe.sigma, "cpu", seed),
            distribution=recipe.sigma_distribution,
        )
        for _ in step.steps(batcher, steps):
            pass
        network.eval().requires_grad_(False)
        options = SAMPLERS["both"]
        digits = generate(telling(network), around, pictures, STEPS, **options)
        made = judged(judge, digits, real)
        db = {str(s): round(db, 2) for s, db in scores(network, clean).items()}
        result[name] = {"psnr_db": db} | {
            key: made[key] for key in ("sure", "frechet", "rarest", "commonest")
        }
        print(name, result[name], flush=True)
    return result


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
