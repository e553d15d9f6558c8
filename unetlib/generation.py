"""New pictures from a denoiser, and how far they are from real ones. See chapter 09.

Nothing here learns: all that is known of digits is in the denoiser.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from unetlib.checks import UnetlibError, check_floats, check_number, check_whole
from unetlib.noise import LARGEST_SIGMA, standard_normal


def noise_levels(
    highest: float, steps: int, lowest: float = 0.05, rho: float = 7.0
) -> list[float]:
    """Noise levels from `highest` to `lowest`, and 0: `steps` + 1 numbers, falling.

    rho: 1 spaces them evenly; the larger it is, the more of them are low.
    Raises UnetlibError unless 1e-6 <= lowest < highest <= 1000 and steps >= 1.
    Source: Karras et al., "EDM" (NeurIPS 2022), equation 5.
    """
    highest = check_number("highest", highest, 1e-6, LARGEST_SIGMA)
    lowest = check_number("lowest", lowest, 1e-6, LARGEST_SIGMA)
    rho = check_number("rho", rho, 1, 100)
    if lowest >= highest:
        raise UnetlibError(f"lowest is {lowest}, expected less than highest, {highest}")
    places = torch.linspace(0, 1, check_whole("steps", steps, 1)).double()
    high, low = highest ** (1 / rho), lowest ** (1 / rho)
    return [*((high + places * (low - high)) ** rho).tolist(), 0.0]


@torch.no_grad()
def sample(
    denoise: Callable[[Tensor], Tensor],
    noisy: Tensor,
    levels: Sequence[float],
    *,
    eta: float = 0.0,
    gamma: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Take noise away step by step, until a picture is left.

    denoise: blind, (B, C, H, W) → the same; evaluated once per step.
    noisy: (B, C, H, W) float with noise of standard deviation `levels[0]`: pure noise
        becomes a new picture, a noisy picture one of those that it may have been.
    levels: noise levels, falling, from `noise_levels`.
    eta: how much of the noise is drawn anew in each step, 0 (none: DDIM) to 1 (DDPM).
    gamma: 1 goes where the noise is seen now; up to 2 goes on in the way in which that
        has changed since the step before, for fewer steps.
    generator: of the noise that is drawn anew; needed where eta > 0.
    Returns (B, C, H, W) float, not clamped.
    Raises UnetlibError for arguments that cannot be right.
    Source: Song, Meng and Ermon, "DDIM" (ICLR 2021), for eta; Permenter and Yuan (ICML
    2024) for gamma.
    """
    check_floats("noisy", noisy)
    _check_levels(levels)
    eta = check_number("eta", eta, 0, 1)
    gamma = check_number("gamma", gamma, 0, 2)
    if eta and generator is None:
        raise UnetlibError(f"eta is {eta}, so noise is drawn: name a generator")
    y, before = noisy, None
    for sigma, lower in pairwise(levels):
        seen = (y - denoise(y)) / sigma  # the noise, as if its sigma were 1
        ahead = seen if before is None else gamma * seen + (1 - gamma) * before
        target = lower * (1 - eta**2 * (1 - (lower / sigma) ** 2)) ** 0.5
        y = y - (sigma - target) * ahead
        if lower > target:
            y = y + (lower**2 - target**2) ** 0.5 * standard_normal(y, generator)
        before = seen
    return y


def _check_levels(levels: Sequence[float]) -> None:
    falling = all(high > low for high, low in pairwise(levels))
    if len(levels) < 2 or not falling or levels[-1] < 0:
        raise UnetlibError(
            f"levels are {list(levels)}, expected two or more that fall and end at 0 "
            "or above: noise_levels makes them"
        )


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """How far two sets of pictures are apart, as a classifier sees them.

    first, second: (N, F) and (M, F), features such as `Classifier.features` gives, of
    many more pictures than F. 0 if both have the same mean and covariance.
    Source: Heusel et al. (NIPS 2017), there with features of another network.
    """
    for name, features in (("first", first), ("second", second)):
        if features.dim() != 2 or len(features) < 2:
            raise UnetlibError(
                f"{name} must be (N, F) with N >= 2, got {tuple(features.shape)}"
            )
    a, b = first.double(), second.double()
    covariance, other = a.T.cov(), b.T.cov()
    # The trace of the square root of a product is the sum of its eigenvalues' roots.
    # Rounding may make these slightly negative or complex, and the distance negative.
    roots = torch.linalg.eigvals(covariance @ other).real.clamp(min=0).sqrt()
    apart = (a.mean(dim=0) - b.mean(dim=0)).square().sum()
    spread = covariance.trace() + other.trace() - 2 * roots.sum()
    return max(0.0, (apart + spread).item())
