"""How good is a denoised picture? MSE, PSNR and SSIM. Introduced in chapter 01.

Pictures are (B, C, H, W) float tensors, C usually 1, on the scale where white is 1.
Every method is treated alike: its output is clamped to [0, 1], as a screen shows it.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from unetlib.checks import check_measured, check_pair, check_sides, seeded_generator
from unetlib.noise import add_gaussian_noise


def mse(image: Tensor, clean: Tensor) -> Tensor:
    """Mean squared error of each picture, clamped to [0, 1]: (B, C, H, W) → (B,).

    Both float32 or float64: a squared error may be too small for 16 bits.
    Raises UnetlibError for other dtypes and where shapes or devices differ.
    """
    check_pair(image, clean)
    return (image.clamp(0, 1) - clean).square().mean(dim=(1, 2, 3))


def psnr(image: Tensor, clean: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture in dB, peak 1: (B, C, H, W) → (B,).

    Higher is better; 10 dB more is a tenth of the MSE; infinite where they are equal.
    """
    return -10 * mse(image, clean).log10()


def ssim(image: Tensor, clean: Tensor) -> Tensor:
    """Structural similarity of each picture, at most 1: (B, C, H, W) → (B,).

    As in the paper: an 11×11 Gaussian window of width 1.5; computed by scikit-image.
    Raises UnetlibError for smaller pictures; otherwise as `mse`.
    Source: Wang, Bovik, Sheikh and Simoncelli, IEEE TIP 13 (2004).
    """
    from skimage.metrics import structural_similarity  # it takes long to import

    check_pair(image, clean)
    check_sides(clean, 11)
    image, clean = (x.detach().cpu().numpy() for x in (image.clamp(0, 1), clean))
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    values = [
        structural_similarity(a, b, data_range=1.0, channel_axis=0, **window)
        for a, b in zip(image, clean, strict=True)
    ]
    return torch.tensor(values, dtype=torch.float32)


@torch.no_grad()
def denoising_psnr(
    denoise: Callable[[Tensor], Tensor],
    clean: Tensor,
    sigmas: Sequence[float],
    seed: int = 0,
) -> dict[float, float]:
    """Mean PSNR in dB of `denoise` on `clean` digits at each noise level.

    denoise: takes and returns (B, C, H, W) on the scale where white is 1. The
        identity, `lambda noisy: noisy`, gives the PSNR before denoising.
    clean: (N, C, H, W) in [0, 1]. Every method sees the same noise for the same seed.
    Returns {sigma: dB}, the mean over pictures of each picture's PSNR.
    Raises UnetlibError for no function, pictures, or list of levels; else as `mse`.
    """
    check_measured(denoise, clean, sigmas)
    result = {}
    for sigma in sigmas:
        generator = seeded_generator(clean.device, seed)
        noisy = add_gaussian_noise(clean, sigma, generator)
        parts = zip(noisy.split(500), clean.split(500), strict=True)
        result[sigma] = torch.cat([psnr(denoise(n), c) for n, c in parts]).mean().item()
    return result
