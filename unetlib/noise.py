"""Noise: what the book adds to clean digits. Introduced in chapter 01.

`sigma`, its standard deviation, is on the scale where black is 0 and white is 1. Every
draw takes an explicit `torch.Generator`; the same seed gives the same pattern at every
sigma, so that a slider changes how strong the noise is and nothing else.
"""

from math import log

import torch
from torch import Tensor

from unetlib.checks import check_choice, check_range, check_sigma, check_whole

LARGEST_SIGMA = 1000.0  # a thousand times white; from some ten thousand float16 fails
# How noise levels lie between `low` and `high`: evenly; evenly in log(sigma), so that
# each halving is as frequent as the next; or bell-shaped in log(sigma), the ends two
# standard deviations from the middle (Karras et al., "EDM", 2022, without ends).
DISTRIBUTIONS = ("uniform", "log-uniform", "log-normal")


def sample_sigma(
    n: int,
    low: float,
    high: float,
    generator: torch.Generator,
    distribution: str = "uniform",
) -> Tensor:
    """One noise level per picture, in [low, high].

    distribution: one of DISTRIBUTIONS; those in log(sigma) need low > 0.
    Returns (n, 1, 1, 1) float32 on the generator's device, ready to broadcast.
    Raises UnetlibError unless 0 <= low <= high <= 1000 and n is a whole number.
    """
    n = check_whole("n", n, 0)
    check_choice("distribution", distribution, DISTRIBUTIONS)
    low, high = check_range((low, high), LARGEST_SIGMA, distribution)
    options = {"generator": generator, "device": generator.device}
    if distribution == "uniform":
        return low + (high - low) * torch.rand(n, 1, 1, 1, **options)
    if distribution == "log-uniform":
        place = torch.rand(n, 1, 1, 1, **options)
    else:
        place = 0.5 + torch.randn(n, 1, 1, 1, **options) / 4
    return (log(low) + log(high / low) * place).exp().clamp(low, high)


def standard_normal(clean: Tensor, generator: torch.Generator) -> Tensor:
    """Noise of mean 0 and standard deviation 1: shape, dtype and device of `clean`."""
    return torch.randn(
        clean.shape, generator=generator, device=clean.device, dtype=clean.dtype
    )


def add_gaussian_noise(
    clean: Tensor, sigma: float | Tensor, generator: torch.Generator
) -> Tensor:
    """noisy = clean + sigma · n, with n standard normal, independent per pixel.

    clean: float tensor of any shape, usually (B, 1, 28, 28) in [0, 1].
    sigma: a number from 0 to 1000, or a tensor of such that broadcasts to the shape of
        `clean`; (B, 1, 1, 1) gives each picture its own.
    Returns a new tensor of the same shape and dtype; it is NOT clamped to [0, 1].
    Raises UnetlibError for another sigma, and for `clean` of integers or to 255.
    """
    sigma = check_sigma(clean, sigma, LARGEST_SIGMA)
    return clean + sigma * standard_normal(clean, generator)
