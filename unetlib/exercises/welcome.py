"""Checks for chapter 00."""

from functools import cache

import torch
from torch import Tensor, nn

from unetlib.exercises.answers import (
    Unusable,
    called,
    choice,
    digits,
    numbers,
    pictures,
    which,
)
from unetlib.model import count_parameters
from unetlib.noise import add_gaussian_noise

SHAPES = {
    "right": [8, 8, 28, 28],
    "by-picture": [8, 1, 28, 28],
    "fewer-dimensions": [8, 28, 28],
}
SLOPES = {  # at strengths 0.1 and 1.0
    "right": [0.905, 0.087],
    "swapped": [0.087, 0.905],
    "unfinished": [0.893, 0.087],
    "old-noise": [0.276, 0.276],
    "not-squared": [0.488, 0.087],
}


def exercise_1(answer: object) -> str:
    """The shape of `denoised - clean[:, 0]`."""
    if isinstance(answer, str):
        return choice(answer, ["error"])
    return which(numbers(answer), SHAPES)


def exercise_2(answer: object) -> str:
    """A function that gives each of some pictures noise of a strength of its own."""
    try:
        noise = _added(answer, 28)
    except Unusable:
        _added(answer, 8)
        return "only-eight"
    each, of_columns = noise.std(dim=(1, 2, 3)), noise.std(dim=(0, 1, 2))
    strength = torch.linspace(0, 1, 28)
    if torch.allclose(of_columns, strength, atol=0.15):
        return "by-column"
    if each[0] > 0.01 and abs(each[-1] - 1) < 0.15:
        return "first-changed"
    if not torch.allclose(each, strength, atol=0.15):
        return "other"
    patterns = torch.corrcoef(noise[-2:].flatten(1))
    return "same-pattern" if patterns[0, 1] > 0.5 else "right"


def exercise_3(answer: object) -> str:
    """`a` after training `Line` on noise of strength 0.1, and of strength 1.0."""
    return which(numbers(answer, 2), SLOPES, within=0.006)


def exercise_4(answer: object) -> str:
    """A 3×3 convolution that has learned to denoise."""
    if not isinstance(answer, nn.Module):
        raise Unusable
    clean, noisy = _test_digits()
    denoised, redrawn = (
        pictures(called(answer, given), like=given) for given in (noisy, clean)
    )
    if count_parameters(answer) != 10:
        return "one-pixel" if count_parameters(answer) == 2 else "other"
    error, change = _mse(denoised, clean), _mse(denoised, noisy)
    if change < error or _mse(redrawn, clean) < 0.01:
        return "copies"
    return "right" if error < 0.038 else "unsettled"


def _added(function: object, count: int) -> Tensor:
    """(count, 1, 28, 28): what it adds to so many grey pictures."""
    grey = torch.full((count, 1, 28, 28), 0.5)
    return pictures(called(function, grey.clone()), like=grey) - grey


def _mse(one: Tensor, other: Tensor) -> float:
    return (one - other).square().mean().item()


@cache
def _test_digits() -> tuple[Tensor, Tensor]:
    """Clean and noisy: (200, 1, 28, 28) each."""
    clean = digits(200)
    return clean, add_gaussian_noise(clean, 0.5, torch.Generator().manual_seed(1))
