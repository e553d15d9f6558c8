"""Does a denoiser make better digits if it is told how strong the noise is?"""

from dataclasses import replace

import torch
from experiment import SIGMAS, Experiment
from generation import HIGHEST, SAMPLERS, STEPS, features, judged
from torch import Tensor, nn

from unetlib.batcher import Batcher, to_tensor
from unetlib.classifier import load_classifier
from unetlib.data import load_mnist, split
from unetlib.generation import noise_levels, sample
from unetlib.metrics import psnr
from unetlib.networks import MIXER, MixerUnet
from unetlib.noise import add_gaussian_noise
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
        made = judged(judge, generate(network, around, pictures), real)
        result[name] = {"psnr_db": scores(network, clean)} | {
            key: made[key] for key in ("sure", "frechet", "rarest", "commonest")
        }
        print(name, result[name], flush=True)
    return result


def generate(network: nn.Module, around: Tensor, count: int) -> Tensor:
    """As in `generation`, and a network that wants to is told each level in turn."""
    levels = noise_levels(HIGHEST, STEPS)
    generator = torch.Generator().manual_seed(0)
    parts = []
    for noise in torch.randn(count, 1, 28, 28, generator=generator).split(500):
        ahead = iter(levels)

        def denoise(noisy: Tensor, ahead=ahead) -> Tensor:
            network.sigma = torch.tensor(next(ahead))
            return network(noisy)

        start = around + HIGHEST * noise
        options = SAMPLERS["both"]
        parts.append(sample(denoise, start, levels, generator=generator, **options))
    return torch.cat(parts).clamp(0, 1)


def scores(network: nn.Module, clean: Tensor) -> dict[str, float]:
    result = {}
    for sigma in SIGMAS:
        network.sigma = torch.tensor(sigma)
        noisy = add_gaussian_noise(clean, sigma, torch.Generator().manual_seed(0))
        answers = torch.cat([network(part) for part in noisy.split(500)])
        result[str(sigma)] = round(psnr(answers, clean).mean().item(), 2)
    return result
