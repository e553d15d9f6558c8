"""Checks for chapter 06."""

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from unetlib.baselines import blur
from unetlib.classifier import load_classifier
from unetlib.exercises.answers import called, numbers, which
from unetlib.noise import add_gaussian_noise

DRAWS = 10
_judge = cache(load_classifier)


def exercise_1(answer: object) -> str:
    """The best window of the median filter at each of four noise levels."""
    meanings = {
        "right": [1, 3, 3, 5],
        "upside-down": [5, 1, 1, 1],
        "across-pictures": [1, 1, 3, 5],
        "unclamped": [3, 3, 5, 5],
        "without-1": [3, 3, 3, 5],
    }
    return which(numbers(answer, 4), meanings)


def exercise_2(answer: object) -> str:
    """Two draws of the noise: the difference in PSNR, and its standard error.

    Measured with `skip` on the first 100 of the chapter's digits.
    """
    difference, error = numbers(answer, 2).tolist()
    wrong = {"unpaired": 0.296, "divided-by-n": 0.0153, "spread": 1.53}
    for word, value in {"right": 0.153, **wrong}.items():
        if abs(error - value) < value / 20 and abs(abs(difference) - 0.056) < 0.01:
            return word
    return "other"


def exercise_3(answer: object) -> str:
    """The share that the judge reads of noisy digits blurred by each of five widths.

    Measured on the chapter's first 500; another draw of the noise moves it by 0.03.
    """
    given = numbers(answer, 5)
    given = given / 100 if given.max() > 1.5 else given  # told in per cent
    meanings = {
        "right": [0.488, 0.880, 0.904, 0.844, 0.676],
        "unclamped": [0.396, 0.766, 0.864, 0.846, 0.680],
        "clamped-first": [0.326, 0.632, 0.688, 0.438, 0.244],
        "no-noise": [0.986, 0.980, 0.966, 0.928, 0.758],
        "confidence": [0.788, 0.862, 0.872, 0.782, 0.617],
    }
    return which(given, meanings, within=0.04)


def exercise_4(answer: object) -> str:
    """A function that counts in how many of ten draws of the noise each digit flips."""
    clean, labels = _made_up()
    denoise = partial(blur, width=1.25)
    given = numbers(called(answer, denoise, clean.clone(), labels.clone()))
    was_right = _read(clean) == labels.numpy()
    wrong = _misread(denoise, clean, labels)  # (10, N)
    unaided = _misread(lambda noisy: noisy, clean, labels)
    meanings = {
        "right": (wrong & was_right).sum(axis=0),
        "per-draw": (wrong & was_right).sum(axis=1),
        "wrong-when-clean": wrong.sum(axis=0),
        "not-denoised": (unaided & was_right).sum(axis=0),
    }
    word = which(given, meanings, within=1)
    if word != "other":
        return word
    same_again = np.isin(given, (0, DRAWS)).all() and given.any()
    if given.shape == labels.shape and same_again:
        return "one-noise"
    return "other"


def _made_up() -> tuple[Tensor, Tensor]:
    """Pictures of blobs, and what the judge reads in them, but wrong for the first 8.

    The judge reads something in any picture; to count, these do as well as digits.
    """
    coarse = torch.rand(40, 1, 7, 7, generator=torch.Generator().manual_seed(0))
    clean = ((interpolate(coarse, size=28, mode="bilinear") - 0.5) * 4).clamp(0, 1)
    labels = torch.from_numpy(_read(clean))
    labels[:8] = (labels[:8] + 1) % 10
    return clean, labels


def _read(pictures: Tensor) -> np.ndarray:
    return _judge()(pictures.clamp(0, 1)).argmax(dim=1).numpy()


def _misread(
    denoise: Callable[[Tensor], Tensor], clean: Tensor, labels: Tensor
) -> np.ndarray:
    """(10, N): by draw of the noise, which are not read as their label."""
    draws = (torch.Generator().manual_seed(seed) for seed in range(DRAWS))
    seen = [denoise(add_gaussian_noise(clean, 0.75, draw)) for draw in draws]
    return np.stack([_read(x) for x in seen]) != labels.numpy()
