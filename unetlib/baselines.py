"""What the networks are measured against: filters that are told the noise level.

Introduced in chapter 01. Pictures are (B, C, H, W) float tensors on [0, 1]; what comes
back has the same shape and is not clamped.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from unetlib.checks import check_floats
from unetlib.metrics import denoising_psnr

WIDTHS = tuple(np.arange(0.2, 2.05, 0.1).round(1).tolist())  # pixels


def blur(pictures: Tensor, width: float) -> Tensor:
    """Each pixel becomes a weighted mean of its neighbours: a Gaussian filter.

    width: standard deviation of the weights in pixels, from 0.
    """
    check_floats("pictures", pictures)
    blurred = gaussian_filter(pictures.numpy(), (0, 0, width, width))
    return torch.from_numpy(blurred)


def best_width(
    validation: Tensor, sigma: float, widths: Sequence[float] = WIDTHS, seed: int = 1
) -> float:
    """The width of `blur` whose mean PSNR on `validation` pictures is highest."""

    def score(width: float) -> float:
        return denoising_psnr(
            lambda noisy: blur(noisy, width), validation, [sigma], seed
        )[sigma]

    return max(widths, key=score)


class WienerFilter:
    """The best linear denoiser, given mean and covariance of the clean pictures.

    In the directions in which clean pictures vary, its coordinates are independent of
    each other, and each is shrunk towards the mean by variance / (variance + sigma²).

    clean: (N, C, H, W) float on [0, 1], from which it takes mean and covariance.
    Source: Wiener, "Extrapolation, Interpolation, and Smoothing of Stationary Time
    Series" (1949); for pictures of one size, that need not be stationary.
    """

    def __init__(self, clean: Tensor) -> None:
        check_floats("clean", clean)
        flat = clean.flatten(1).double()  # (N, pixels)
        self.mean = flat.mean(dim=0)
        self.variance, self.directions = torch.linalg.eigh(flat.T.cov())
        self.variance.clamp_(min=1e-12)  # where nothing varies, rounding gives ± 0

    def __call__(self, noisy: Tensor, sigma: float) -> Tensor:
        """Denoise pictures of the same size as `clean`, with noise of this sigma."""
        check_floats("noisy", noisy)
        gain = self.variance / (self.variance + sigma**2)
        coordinates = (noisy.flatten(1).double() - self.mean) @ self.directions
        denoised = self.mean + (gain * coordinates) @ self.directions.T
        return denoised.to(noisy.dtype).view_as(noisy)
