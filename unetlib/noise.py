"""Noise: what the book adds to clean digits. Introduced in chapter 01.

`sigma` says how strong the noise is, on the scale where black is 0 and white is 1: for
Gaussian noise, the one that the book trains on, it is the standard deviation. Every
draw takes an explicit `torch.Generator`; the same seed gives the same pattern at every
sigma, so that a slider changes how strong the noise is and nothing else.
"""

from collections.abc import Callable
from numbers import Real

import torch
from torch import Tensor

from unetlib.data import check_whole

LARGEST_SIGMA = 1000.0  # a thousand times white; from some ten thousand float16 fails


def check_sigma(sigma: float, largest: float = LARGEST_SIGMA) -> float:
    """Return `sigma`, or raise ValueError unless it is a number in [0, largest]."""
    # Asked for every batch, and for Real it takes ten times longer than for float.
    if not (isinstance(sigma, (float, Real)) and 0 <= sigma <= largest):
        raise ValueError(f"sigma must be a number from 0 to {largest:g}, got {sigma!r}")
    return float(sigma)


def check_sigma_range(low: float, high: float) -> tuple[float, float]:
    """Return (low, high), or raise ValueError unless 0 <= low <= high."""
    low, high = check_sigma(low), check_sigma(high)
    if low > high:
        raise ValueError(f"low must not exceed high, got low={low}, high={high}")
    return low, high


def check_floats(name: str, pictures: Tensor) -> None:
    """Raise TypeError, with `name` in it, unless `pictures` is a tensor of floats."""
    if not (isinstance(pictures, Tensor) and pictures.is_floating_point()):
        kind = pictures.dtype if isinstance(pictures, Tensor) else type(pictures)
        raise TypeError(
            f"{name} must be a float tensor in [0, 1], got {kind}; "
            "scale it first: images.float() / 255"
        )


def sample_sigma(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """One noise level per picture, uniform in [low, high].

    Returns (n, 1, 1, 1) float32 on the generator's device, ready to broadcast.
    Raises ValueError unless 0 <= low <= high and n is a whole number.
    """
    n = check_whole("n", n, 0)
    low, high = check_sigma_range(low, high)
    uniform = torch.rand(n, 1, 1, 1, generator=generator, device=generator.device)
    return low + (high - low) * uniform


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
    Raises ValueError for another sigma (but a tensor on a GPU is not looked at: reading
    it back would stall the GPU), and TypeError where `clean` does not hold floats.
    """
    sigma = _checked(clean, sigma)
    return clean + sigma * standard_normal(clean, generator)


def add_salt_and_pepper_noise(
    clean: Tensor, sigma: float | Tensor, generator: torch.Generator
) -> Tensor:
    """Replace a share `sigma` of the pixels, half by black (0) and half by white (1).

    With u uniform in [0, 1), independent per pixel: u < sigma / 2 is black,
    1 - u < sigma / 2 is white, and all other pixels stay as they are.
    sigma: from 0 to 1, for here it is a share. Otherwise as `add_gaussian_noise`.
    """
    sigma = _checked(clean, sigma, largest=1.0)
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
    sigma = _checked(clean, sigma)
    return clean + sigma * clean * standard_normal(clean, generator)


NOISES: dict[str, Callable[[Tensor, float | Tensor, torch.Generator], Tensor]] = {
    "gaussian": add_gaussian_noise,
    "salt_and_pepper": add_salt_and_pepper_noise,
    "speckle": add_speckle_noise,
}


def _checked(
    clean: Tensor, sigma: float | Tensor, largest: float = LARGEST_SIGMA
) -> float | Tensor:
    """`sigma` in the dtype of `clean`, after seeing that the two go together."""
    check_floats("clean", clean)
    if not isinstance(sigma, Tensor):
        return check_sigma(sigma, largest)
    if sigma.device.type == "cpu" and sigma.numel():
        for value in sigma.aminmax():
            check_sigma(value.item(), largest)
    try:
        sigma.expand_as(clean)
    except RuntimeError:
        raise ValueError(
            f"sigma {tuple(sigma.shape)} must broadcast to clean {tuple(clean.shape)}; "
            "(B, 1, 1, 1) gives each picture its own"
        ) from None
    return sigma.to(clean)
