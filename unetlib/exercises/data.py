"""Checks for chapter 01."""

import numpy as np
import torch

from unetlib.exercises.answers import called, digits, number, numbers, pictures, which
from unetlib.metrics import mse, psnr
from unetlib.noise import add_gaussian_noise

# SkipUnet's mean PSNR of the digits 0 to 9, at sigma 0.5 and seed 0
BY_DIGIT = {
    "right": (20.4, 23.9, 20.2, 20.4, 20.4, 20.4, 20.8, 21.9, 19.9, 20.9),
    "db-of-mean": (20.2, 23.6, 20.1, 20.2, 20.2, 20.2, 20.6, 21.6, 19.7, 20.7),
    "other-labels": (20.1, 21.0, 21.0, 20.8, 21.4, 21.1, 21.2, 20.9, 20.6, 20.8),
    "not-denoised": (9.5, 9.4, 9.4, 9.4, 9.4, 9.3, 9.3, 9.4, 9.4, 9.4),
}
WIENER = {0.1: 26.11, 0.25: 21.00}  # its PSNR on the first four test digits, seed 0
NETWORKS_ONLY = {0.1: 32.0, 0.25: 24.2}  # no filter without training gets so far


def exercise_1(answer: object) -> str:
    """The mean PSNR of an all-black picture against `report`."""
    wrong = {"db-of-mean": 9.341, "negative": -9.601, "not-squared": 8.911}
    return which(number(answer), {"right": 9.601, **wrong}, within=0.02)


def exercise_2(answer: object) -> str:
    """The network's mean PSNR of each digit, 0 to 9."""
    return which(numbers(answer, 10), BY_DIGIT, within=0.6)


def exercise_3(answer: object) -> str:
    """A function that gives the PSNR of pictures whose white is 255/512."""
    white, generator = 255 / 512, torch.Generator().manual_seed(0)
    clean = white * torch.rand(4, 1, 28, 28, generator=generator)
    denoised = add_gaussian_noise(clean, 0.3, generator)
    found = numbers(called(answer, denoised.clone(), clean.clone()), 4)
    inside, squared = mse(denoised / white, clean / white), (denoised - clean).square()
    at_one, never = mse(denoised, clean), squared.mean(dim=(1, 2, 3))
    candidates = {
        "right": [1 / inside],
        "not-squared": [1 / (white * inside)],
        "white-is-one": [1 / at_one, 1 / never, 1 / (white**2 * inside)],
        "clamped-elsewhere": [white**2 / at_one, white**2 / never],
    }
    for word, ratios in candidates.items():
        for ratio in ratios:
            if np.allclose(found, 10 * ratio.log10(), atol=1e-3):
                return word
    return "other"


def exercise_4(answer: object) -> str:
    """A function that denoises faint noise better than the Wiener filter does."""
    clean = digits(4)
    ahead = []
    for sigma, wiener in WIENER.items():
        noisy = add_gaussian_noise(clean, sigma, torch.Generator().manual_seed(0))
        denoised = pictures(called(answer, noisy.clone(), sigma), like=clean)
        alone = pictures(called(answer, noisy[:1].clone(), sigma), like=clean[:1])
        if not torch.allclose(denoised[:1], alone, atol=1e-3):
            return "across-pictures"
        reached = psnr(denoised, clean).mean().item()
        if reached > NETWORKS_ONLY[sigma]:
            return "a-network"
        ahead.append(reached >= wiener + 0.5)
    return {2: "right", 1: "at-one-level", 0: "behind"}[sum(ahead)]
