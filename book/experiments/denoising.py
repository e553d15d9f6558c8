"""What every denoiser of the book reaches on the test digits."""

from collections.abc import Callable

import numpy as np
import torch
from experiment import Experiment
from scipy.ndimage import gaussian_filter
from torch import Tensor

from unetlib.data import load_mnist, split
from unetlib.metrics import denoising_psnr, psnr, ssim
from unetlib.noise import add_gaussian_noise
from unetlib.pretrained import PRETRAINED, load_pretrained

SIGMAS = (0.1, 0.25, 0.5, 0.75, 1.0)
WIDTHS = np.arange(0.2, 2.05, 0.1)
SSIM_DIGITS = 1000  # scikit-image takes a millisecond a picture
SEED = 0


def as_tensor(images: np.ndarray) -> Tensor:
    return torch.tensor(images).unsqueeze(1).float() / 255


def blur(width: float) -> Callable[[Tensor], Tensor]:
    """A Gaussian filter of `width` pixels."""
    return lambda x: torch.tensor(gaussian_filter(x.numpy(), (0, 0, width, width)))


def best_width(validation: Tensor, sigma: float) -> float:
    """The width whose PSNR on the validation digits is highest."""
    scores = [
        denoising_psnr(blur(w), validation, [sigma], seed=1)[sigma] for w in WIDTHS
    ]
    return float(WIDTHS[int(np.argmax(scores))])


@Experiment
def denoising(digits: int = 10_000) -> dict:
    """Mean over the test digits of each picture's PSNR and SSIM, outputs clamped.

    The width of the Gaussian filter is chosen on validation digits for each noise
    level, as chapter 01 does; nothing else is tuned.
    """
    train, test = load_mnist()
    validation = as_tensor(split(train)[1].images[:1000])
    clean = as_tensor(test.images[:digits])
    nets = {name: load_pretrained(name) for name in PRETRAINED}
    result: dict = {
        "seed": SEED,
        "n": {"psnr_db": len(clean), "ssim": min(len(clean), SSIM_DIGITS)},
        "gaussian_width": {},
        "psnr_db": {},
        "psnr_db_sd": {},  # from picture to picture
        "ssim": {},
    }
    for sigma in SIGMAS:
        width = best_width(validation, sigma)
        result["gaussian_width"][str(sigma)] = round(width, 1)
        methods = {"noisy": lambda x: x, "gaussian_filter": blur(width), **nets}
        generator = torch.Generator().manual_seed(SEED)
        noisy = add_gaussian_noise(clean, sigma, generator)
        for name, denoise in methods.items():
            denoised = torch.cat([denoise(part) for part in noisy.split(500)])
            for key, value in quality(denoised, clean).items():
                row = result[key].setdefault(name, {})
                row[str(sigma)] = round(value.item(), 3)
        print(sigma, {name: row[str(sigma)] for name, row in result["psnr_db"].items()})
    return result


def quality(denoised: Tensor, clean: Tensor) -> dict[str, Tensor]:
    """What the result says about one method at one noise level."""
    db = psnr(denoised, clean)
    few = ssim(denoised[:SSIM_DIGITS], clean[:SSIM_DIGITS])
    return {"psnr_db": db.mean(), "psnr_db_sd": db.std(), "ssim": few.mean()}
