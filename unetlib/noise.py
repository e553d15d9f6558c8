"""Noise: what the book adds to clean digits. Introduced in chapter 01.

`sigma` is the standard deviation of the noise, on the scale where black is 0 and
white is 1. Every draw takes an explicit `torch.Generator`.
"""

import math

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
    if not clean.is_floating_point():
        raise TypeError(
            f"clean must be a float tensor in [0, 1], got {clean.dtype}; "
            "scale it first: images.float() / 255"
        )
    if not isinstance(sigma, Tensor):  # reading a tensor back would stall a GPU
        check_sigma(sigma)
    noise = torch.randn(
        clean.shape, generator=generator, device=clean.device, dtype=clean.dtype
    )
    return clean + sigma * noise
