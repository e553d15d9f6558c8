"""Kinds of noise to choose from in the explorer. No network here knows the others.

As Gaussian noise, each takes clean pictures, sigma from 0 and a generator, and keeps
its pattern where sigma grows.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from unetlib.checks import check_sigma
from unetlib.noise import LARGEST_SIGMA, add_gaussian_noise, standard_normal


def add_salt_and_pepper_noise(
    clean: Tensor, sigma: float | Tensor, generator: torch.Generator
) -> Tensor:
    """Replace a share `sigma` of the pixels, half by black (0) and half by white (1).

    With u uniform in [0, 1), independent per pixel: u < sigma / 2 is black,
    1 - u < sigma / 2 is white, and all other pixels stay as they are.
    sigma: from 0 to 1, for here it is a share. Otherwise as `add_gaussian_noise`.
    """
    sigma = check_sigma(clean, sigma, largest=1.0)
    # In float32 whatever `clean` is: 16 bits are too coarse for a small share.
    u = torch.rand(
        clean.shape, generator=generator, device=clean.device, dtype=torch.float32
    )
    black, white = u < sigma / 2, 1 - u < sigma / 2
    return clean.masked_fill(black, 0.0).masked_fill(white, 1.0)


def add_speckle_noise(
    clean: Tensor, sigma: float | Tensor, generator: torch.Generator
) -> Tensor:
    """noisy = clean + sigma · clean · n: noise only where there is light.

    n is standard normal, independent per pixel. Otherwise as `add_gaussian_noise`.
    """
    sigma = check_sigma(clean, sigma, LARGEST_SIGMA)
    return clean + sigma * clean * standard_normal(clean, generator)


NOISES: dict[str, Callable[[Tensor, float | Tensor, torch.Generator], Tensor]] = {
    "gaussian": add_gaussian_noise,
    "salt_and_pepper": add_salt_and_pepper_noise,
    "speckle": add_speckle_noise,
}
