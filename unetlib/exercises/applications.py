"""Checks for chapter 08."""

from functools import cache

import torch
from torch import Tensor

from unetlib.data import load_mnist
from unetlib.exercises.answers import called, number, numbers, pictures, which
from unetlib.metrics import psnr

GREYER = {  # dB
    "right": 3.5,
    "thirds": 4.77,
    "unchanged": 0,
    "strength-as-power": 1.75,
    "falls": -3.5,
}
# PSNR of pixels beside each other: test digits, a photograph of a cat
ALIKE = {
    "right": (14.3, 29.2),
    "diagonal": (11.4, 26.8),
    "two-apart": (10.2, 25.5),
    "noisy": (8.6, 19.6),
}


def exercise_1(answer: object) -> str:
    """By how many dB noise in colours becomes weaker as they are mixed to grey."""
    return which(number(answer), GREYER, within=0.25)


def exercise_2(answer: object) -> str:
    """The PSNR of each pixel's right neighbour, of digits and of a photograph."""
    return which(numbers(answer, 2), ALIKE, within=0.8)


def exercise_3(answer: object) -> str:
    """Four digits repaired of which only a quarter of the pixels is known."""
    # Single repairs reach 14.8 to 17.1 dB, one in 32 more; means of eight 18.6 to 18.9.
    clean, known = _damaged()
    repaired = pictures(answer, like=clean)
    if not torch.allclose(repaired[known], clean[known], atol=1e-3):
        return "data-lost"
    reached = psnr(repaired, clean).mean().item()
    if reached >= 18:
        return "right"
    if reached > 14.1:
        return "one-of-many"
    return "without-noise" if reached > 13.3 else "other"


def exercise_4(answer: object) -> str:
    """A data step that balances noisy pixels and what the denoiser says."""
    generator = torch.Generator().manual_seed(0)
    seen, z = torch.rand(2, 4, 1, 28, 28, generator=generator)
    known = torch.rand(z.shape, generator=generator) < 0.5
    seen = seen * known
    words = set()
    for noise, sigma in (0.2, 0.5), (0.3, 0.1):
        given = seen.clone(), known.clone(), z.clone(), noise, sigma
        found = pictures(called(answer, *given), like=z)
        words.add(_balance(found, seen, known, z, noise, sigma))
    return words.pop() if len(words) == 1 else "other"


def exercise_5(answer: object) -> str:
    """IoU after training from scratch: of ink, and the mean of the four digits."""
    # Seeds 0 and 1: (0.78, 0.60), (0.76, 0.42); from `skip` (0.81, 0.75), (0.81, 0.77).
    ink, digits = numbers(answer, 2)
    if ink > 0.88 and digits > 0.85:
        return "accuracy"
    if 0.7 < ink < 0.86 and 0.25 < digits < 0.88:
        return "right" if digits < 0.69 else "from-skip"
    return "untrained" if 0 <= ink < 0.4 and 0 <= digits < 0.2 else "other"


@cache
def _damaged() -> tuple[Tensor, Tensor]:
    """(clean, known), both (4, 1, 28, 28)."""
    images = load_mnist()[1].sample(32).images[8:12]
    clean = torch.tensor(images).unsqueeze(1) / 255
    return clean, torch.rand(
        clean.shape, generator=torch.Generator().manual_seed(0)
    ) < 0.25


def _balance(
    found: Tensor, seen: Tensor, known: Tensor, z: Tensor, noise: float, sigma: float
) -> str:
    """What the data step made of its two sides."""

    def mixed(data: float, denoiser: float) -> Tensor:
        return (data * seen + denoiser * z) / (data + denoiser)

    candidates = {
        "right": torch.where(known, mixed(sigma**2, noise**2), z),
        "copied": torch.where(known, seen, z),
        "swapped": torch.where(known, mixed(noise**2, sigma**2), z),
        "not-squared": torch.where(known, mixed(sigma, noise), z),
        "missing-as-black": mixed(sigma**2, noise**2),
    }
    for word, wanted in candidates.items():
        if torch.allclose(found, wanted, atol=1e-4):
            return word
    return "other"
