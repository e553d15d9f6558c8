"""What every denoiser of the book reaches on the test digits."""

import torch
from experiment import SIGMAS, Experiment
from torch import Tensor

from unetlib.baselines import WienerFilter, best_width, blur
from unetlib.batcher import to_tensor
from unetlib.data import load_mnist, split
from unetlib.metrics import psnr, ssim
from unetlib.noise import add_gaussian_noise
from unetlib.pretrained import PRETRAINED, load_pretrained

SSIM_DIGITS = 1000  # scikit-image takes a millisecond a picture
SEED = 0


@Experiment
def denoising(digits: int = 10_000) -> dict:
    """Mean over the test digits of each picture's PSNR and SSIM, outputs clamped.

    The average digit never looks at its input. The two filters are told the noise
    level: the width of the Gaussian filter is chosen on validation digits for each, as
    chapter 01 does, and the Wiener filter takes mean and covariance from the digits for
    learning. The networks are blind. The digits are in random order, so that SSIM, of
    the first of them, is of a random sample.
    """
    train, test = load_mnist()
    learning, validation = split(train)
    world = to_tensor(learning.images, "cpu") / 255
    wiener, average = WienerFilter(world), world.mean(dim=0)
    chosen_on = to_tensor(validation.sample(1000).images, "cpu") / 255
    clean = to_tensor(test.sample(digits).images, "cpu") / 255
    nets = {name: load_pretrained(name) for name in PRETRAINED}
    result: dict = {
        "seed": SEED,
        "n": {"psnr_db": len(clean), "ssim": min(len(clean), SSIM_DIGITS)},
        "gaussian_width": {},
        "psnr_db": {},
        "psnr_db_se": {},  # of the mean, over pictures
        "ssim": {},
        "ssim_se": {},
    }
    for sigma in SIGMAS:
        width = best_width(chosen_on, sigma)
        result["gaussian_width"][str(sigma)] = width
        methods = {
            "noisy": lambda x: x,
            "average_digit": lambda x: average.expand_as(x),
            "gaussian_filter": lambda x, width=width: blur(x, width),
            "wiener": lambda x, sigma=sigma: wiener(x, sigma),
            **nets,
        }
        noisy = with_noise(clean, sigma)
        for name, denoise in methods.items():
            denoised = torch.cat([denoise(part) for part in noisy.split(500)])
            for key, value in quality(denoised, clean).items():
                row = result[key].setdefault(name, {})
                row[str(sigma)] = round(value, 3)
        print(sigma, {name: row[str(sigma)] for name, row in result["psnr_db"].items()})
    for key in ("psnr_db_se", "ssim_se"):
        rows = result[key].values()
        result[f"largest_{key}"] = max(max(row.values()) for row in rows)
    return result


def with_noise(clean: Tensor, sigma: float, seed: int = SEED) -> Tensor:
    """`clean` with the same noise for every method that is measured."""
    return add_gaussian_noise(clean, sigma, torch.Generator().manual_seed(seed))


def quality(denoised: Tensor, clean: Tensor) -> dict[str, float]:
    """What the result says about one method at one noise level."""
    db = psnr(denoised, clean)
    few = ssim(denoised[:SSIM_DIGITS], clean[:SSIM_DIGITS])
    found = {"psnr_db": db, "ssim": few}
    means = {key: values.mean().item() for key, values in found.items()}
    errors = {
        f"{key}_se": (values.std() / len(values) ** 0.5).item()
        for key, values in found.items()
    }
    return means | errors
