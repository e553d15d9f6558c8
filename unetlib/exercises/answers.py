"""What the checks of all chapters share: how an answer is read and compared."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from unetlib.data import load_mnist


class Unusable(Exception):
    """The answer is not of the kind that the exercise asks for."""


def number(answer: object) -> float:
    """The answer as a number; a tensor or array of one element counts as one.

    Raises Unusable for anything else.
    """
    try:
        return float(answer)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise Unusable from None


def array(answer: object) -> np.ndarray:
    """float64, from a number, list, array or tensor. Raises Unusable for others."""
    if isinstance(answer, Tensor):
        answer = answer.detach().cpu()
    try:
        return np.asarray(answer, dtype=float)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise Unusable from None


def numbers(answer: object, count: int | None = None) -> np.ndarray:
    """(count,) float64, as `array`. Raises Unusable for other shapes."""
    found = array(answer)
    if found.ndim != 1 or count not in (None, len(found)):
        raise Unusable
    return found


def choice(answer: object, choices: Sequence[str]) -> str:
    """The answer, one of some words, whatever the case. Raises Unusable for others."""
    word = answer.strip().lower() if isinstance(answer, str) else ""
    if word not in choices:
        raise Unusable
    return word


def pictures(answer: object, like: Tensor) -> Tensor:
    """The answer as a tensor of the shape and dtype of another.

    Raises Unusable for another shape, and for what no tensor can be made of.
    """
    try:
        found = torch.as_tensor(answer, dtype=like.dtype, device="cpu").detach()
    except Exception:  # whatever the reader's function returned
        raise Unusable from None
    if found.shape != like.shape:
        raise Unusable
    return found


def called(function: object, *given: object) -> object:
    """What the reader's function or network makes of what it is given.

    Raises Unusable where it can't be called so, or fails.
    """
    if not isinstance(function, Callable):
        raise Unusable
    try:
        with torch.no_grad():
            return function(*given)
    except Exception:  # whatever the reader wrote
        raise Unusable from None


def which(answer: object, meanings: Mapping[str, object], within: float = 1e-6) -> str:
    """The word whose number, or numbers, the answer is closest to by the largest
    difference; "other" where that is more than `within`, or the shapes differ."""
    found = array(answer)
    apart = {
        word: np.abs(found - array(value)).max()
        for word, value in meanings.items()
        if np.shape(value) == found.shape
    }
    word = min(apart, key=apart.get, default="other")
    return word if apart.get(word, np.inf) <= within else "other"


@cache
def digits(count: int) -> Tensor:
    """(count, 1, 28, 28) in [0, 1]: the first test digits."""
    _, test = load_mnist()
    return torch.tensor(test.images[:count]).unsqueeze(1).float() / 255
