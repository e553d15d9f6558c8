"""What the networks are measured against: denoisers that are told the noise level.

The filters are introduced in chapter 01, the posterior means in chapters 03 and 07.
Pictures are (B, C, H, W) float tensors on [0, 1]; what comes back has the same shape
and is not clamped.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from unetlib.checks import UnetlibError, check_floats, check_number, check_whole
from unetlib.metrics import denoising_psnr
from unetlib.noise import LARGEST_SIGMA

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


class PosteriorMean:
    """The best denoiser of a world that holds nothing but these pictures: E[x | y].

    Each of them, weighted by how probable the noisy picture makes it. It learns
    nothing and knows them by heart; of another picture it gives the nearest ones.

    clean: (N, C, H, W) float on [0, 1], the world.
    """

    def __init__(self, clean: Tensor) -> None:
        check_floats("clean", clean)
        self.flat = clean.flatten(1)  # (N, pixels)
        self.squares = self.flat.square().sum(dim=1)

    def weights(self, noisy: Tensor, sigma: float) -> Tensor:
        """How probable each picture of the world is: (B, C, H, W) → (B, N), sum 1.

        sigma: from 1e-6.
        """
        check_floats("noisy", noisy)
        sigma = check_number("sigma", sigma, 1e-6, LARGEST_SIGMA)
        # -|y - x|² / (2 sigma²), without |y|², which is the same for every x
        fits = noisy.flatten(1) @ self.flat.T - self.squares / 2
        return (fits / sigma**2).softmax(dim=1)

    def __call__(self, noisy: Tensor, sigma: float) -> Tensor:
        """Denoise pictures of the same size as `clean`; sigma from 1e-6."""
        parts = [self.weights(part, sigma) @ self.flat for part in noisy.split(200)]
        return torch.cat(parts).view_as(noisy)


class LocalPosteriorMean:
    """The same pixel by pixel, each of which looks at nothing but what is around it.

    A pixel becomes the mean of that pixel in the pictures of the world, each weighted
    by how well it fits the noisy picture in a square around. So every part of the
    answer may come from other pictures: it can draw a digit that is not among them.

    clean: (N, 1, H, W) float on [0, 1], the world.
    side: of the square in pixels, odd.
    Source: Kamb and Ganguli, "An analytic theory of creativity in convolutional
    diffusion models" (ICML 2025), whose local score machine this is.
    """

    def __init__(self, clean: Tensor, side: int) -> None:
        check_floats("clean", clean)
        self.clean = clean[:, 0]  # (N, H, W)
        self.side = check_whole("side", side, 1, 255)
        if side % 2 == 0:
            raise UnetlibError(
                f"side must be odd, got {side}: a pixel is in its middle"
            )

    def weights(self, noisy: Tensor, sigma: float) -> Tensor:
        """How much each picture counts at each pixel of one: (H, W) → (N, H, W).

        sigma: from 1e-6.
        """
        check_floats("noisy", noisy)
        sigma = check_number("sigma", sigma, 1e-6, LARGEST_SIGMA)
        far = (noisy - self.clean).square()  # (N, H, W)
        rows, columns = (self._band(side) for side in noisy.shape)
        far = rows @ far @ columns  # summed over the square around each pixel
        return (far / (-2 * sigma**2)).softmax(dim=0)

    def _band(self, length: int) -> Tensor:
        """(length, length): 1 where two places lie in one square, else 0."""
        place = torch.arange(length)
        apart = (place - place[:, None]).abs()
        return (apart <= self.side // 2).to(self.clean)

    def __call__(self, noisy: Tensor, sigma: float) -> Tensor:
        """Denoise (B, 1, H, W) of the same size as `clean`; sigma from 1e-6."""
        means = [(self.weights(y[0], sigma) * self.clean).sum(dim=0) for y in noisy]
        return torch.stack(means).view_as(noisy)
