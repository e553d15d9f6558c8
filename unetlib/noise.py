"""Noise: what the book adds to clean digits. Introduced in chapter 01.

`sigma` says how strong the noise is, on the scale where black is 0 and white is 1: for
Gaussian noise, the one that the book trains on, it is the standard deviation. Every
draw takes an explicit `torch.Generator`; the same seed gives the same pattern at every
sigma, so that a slider changes how strong the noise is and nothing else.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def check_sigma(sigma: float) -> float:
    """Return `sigma`, or raise ValueError unless it is finite and at least 0."""
    if not (math.isfinite(sigma) and sigma >= 0):
        raise ValueError(f"sigma must be a finite number of at least 0, got {sigma}")
    return sigma


def check_sigma_range(low: float, high: float) -> tuple[float, float]:
    """Return (low, high), or raise ValueError unless 0 <= low <= high."""
    if check_sigma(low) > check_sigma(high):
        raise ValueError(f"low must not exceed high, got low={low}, high={high}")
    return low, high


def sample_sigma(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """One noise level per picture, uniform in [low, high].

    Returns (n, 1, 1, 1) float32 on the generator's device, ready to broadcast.
    Raises ValueError unless 0 <= low <= high.
    """
    check_sigma_range(low, high)
    uniform = torch.rand(n, 1, 1, 1, generator=generator, device=generator.device)
    return low + (high - low) * uniform


def add_gaussian_noise(
    clean: Tensor, sigma: float | Tensor, generator: torch.Generator
) -> Tensor:
    """noisy = clean + sigma · n, with n standard normal, independent per pixel.

    clean: float tensor of any shape, usually (B, 1, 28, 28) in [0, 1].
    sigma: a number, or a tensor that broadcasts against `clean`.
    Returns a new tensor of the same shape; it is NOT clamped to [0, 1].
    Raises ValueError for a sigma that is negative, infinite or NaN, and TypeError
    where `clean` does not hold floats.
    """
    _check(clean, sigma)
    return clean + sigma * _draw(torch.randn, clean, generator)


def add_salt_and_pepper_noise(
    clean: Tensor, sigma: float | Tensor, generator: torch.Generator
) -> Tensor:
    """Replace a share `sigma` of the pixels, half by black (0) and half by white (1).

    With u uniform in [0, 1), independent per pixel: u < sigma / 2 is black,
    u > 1 - sigma / 2 is white, and all other pixels stay as they are.
    sigma: from 0 to 1, for here it is a share. Otherwise as `add_gaussian_noise`.
    """
    _check(clean, sigma, largest=1.0)
    u = _draw(torch.rand, clean, generator)
    black, white = u < sigma / 2, u > 1 - sigma / 2
    return clean.masked_fill(black, 0.0).masked_fill(white, 1.0)


def add_speckle_noise(
    clean: Tensor, sigma: float | Tensor, generator: torch.Generator
) -> Tensor:
    """noisy = clean + sigma · clean · n: noise only where there is light.

    n is standard normal, independent per pixel. Otherwise as `add_gaussian_noise`.
    """
    _check(clean, sigma)
    return clean + sigma * clean * _draw(torch.randn, clean, generator)


NOISES: dict[str, Callable[[Tensor, float | Tensor, torch.Generator], Tensor]] = {
    "gaussian": add_gaussian_noise,
    "salt_and_pepper": add_salt_and_pepper_noise,
    "speckle": add_speckle_noise,
}


def _check(clean: Tensor, sigma: float | Tensor, largest: float = math.inf) -> None:
    if not clean.is_floating_point():
        raise TypeError(
            f"clean must be a float tensor in [0, 1], got {clean.dtype}; "
            "scale it first: images.float() / 255"
        )
    if isinstance(sigma, Tensor):  # reading a tensor back would stall a GPU
        return
    if check_sigma(sigma) > largest:
        raise ValueError(f"sigma must be at most {largest:g} here, got {sigma}")


def _draw(
    distribution: Callable[..., Tensor], clean: Tensor, generator: torch.Generator
) -> Tensor:
    return distribution(
        clean.shape, generator=generator, device=clean.device, dtype=clean.dtype
    )
