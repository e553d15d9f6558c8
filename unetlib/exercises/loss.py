"""Checks for chapter 03."""

import numpy as np

from unetlib.exercises.answers import Unusable, called, number, numbers, which


def exercise_1(answer: object) -> str:
    """A pixel's best answers under MSE and L1: its mean and its median."""
    wrong = {"unweighted": [0.4, 0.2], "same": [0.36, 0.36], "likeliest": [0.36, 0.0]}
    return which(numbers(answer, 2), {"right": [0.36, 0.2], **wrong}, within=0.006)


def exercise_2(answer: object) -> str:
    """The tiny network's three derivatives, where a skip leads around its ReLU."""
    wrong = {"dead": [0, 0, 0], "open": [-6, -3, 0], "no-two": [-1.2, -0.6, 0]}
    return which(numbers(answer, 3), {"right": [-2.4, -1.2, 0], **wrong}, 0.001)


def exercise_3(answer: object) -> str:
    """Descent with momentum, and how many times larger its learning rate may be."""
    try:
        function, ratio = answer  # type: ignore[misc]
    except (TypeError, ValueError):
        raise Unusable from None
    path = numbers(called(function, _slope, 0.1, 6), 7)
    wrong = {"averaged": _path(0.01, 0.9), "forgotten": _path(0.1, 0.0)}
    word = which(path, {"right": _path(0.1, 0.9), **wrong}, within=1e-4)
    if word == "right" and ratio is None:
        return "no-ratio"
    if word == "right" and abs(number(ratio) - 1.9) > 0.11:
        return "smaller" if number(ratio) <= 1 else "other"
    return word


def exercise_4(answer: object) -> str:
    """What favouring weak noise gains, in dB, at four noise levels."""
    gains = numbers(answer, 4)
    if (np.abs(gains) < 0.01).all():
        return "identical"
    if (gains > 8).all():
        return "scores"
    if (gains > 0).all():
        return "continued"
    for word, sign in {"right": 1, "reversed": -1}.items():
        if sign * gains[0] > 0.3 and (sign * gains[2:] < -0.05).all():
            return word
    return "other"


def _slope(w: float) -> float:
    """The derivative of (w - 0.3)², on which a descent is tried."""
    return 2 * (w - 0.3)


def _path(lr: float, decay: float) -> list[float]:
    """Where descent with momentum goes on it, (7,): each step ago counts `decay`."""
    path, slopes = [0.0], []
    for _ in range(6):
        slopes.append(_slope(path[-1]))
        u = sum(decay**age * slope for age, slope in enumerate(reversed(slopes)))
        path.append(path[-1] - lr * u)
    return path
