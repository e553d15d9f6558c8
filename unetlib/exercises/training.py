"""Checks for chapter 04."""

import numpy as np
import torch

from unetlib.exercises.answers import Unusable, called, number, numbers, which

PICTURES, AT_A_TIME, BATCHES = 24, 4, 6  # so many in an epoch


def exercise_1(answer: object) -> str:
    """How many of 55,000 pictures six epochs with replacement never meet."""
    count = number(answer)
    if 100 < count < 175:  # 137.6; whoever draws instead of computing gets 137.6 ± 12
        return "right"
    if 0.0018 < count < 0.0032:
        return "share"
    slips = {"none": 0, "one-epoch": 20_233, "seen": 54_862}
    return which(count, slips, within=0.5 if count < 1 else 150)


def exercise_2(answer: object) -> str:
    """What training at sigma 0.5 alone gains at 0.25, 0.5 and 1, in dB."""
    # Three seeds: -0.28 to -0.60, -0.05 to 0.10, -1.55 to -1.76.
    gain = weak, middle, strong = numbers(answer, 3)
    if np.abs(gain).max() < 0.1:
        return "same-recipe"
    if gain.min() > 3:
        return "against-noisy"
    if abs(middle) < 0.3 and weak < -0.1 and strong < -0.8:
        return "right"
    if abs(middle) < 0.3 and weak > 0.1 and strong > 0.8:
        return "reversed"
    if weak > -0.1 and middle < -0.2 and strong < -0.8:
        return "to-half"
    return "other"


def exercise_3(answer: object) -> str:
    """How far weights end up apart: resumed from weights alone, from a checkpoint."""
    # Four seeds: at most 0.026 to 0.028, on average 0.005 to 0.007; other start: 0.6.
    weights_only, checkpoint = numbers(answer, 2)
    if max(weights_only, checkpoint) > 0.3:
        return "other-start"
    if weights_only == checkpoint == 0:
        return "no-difference"
    if weights_only == 0 < checkpoint:
        return "swapped"
    if checkpoint == 0 and 0.013 < weights_only < 0.2:
        return "right"
    return "mean" if checkpoint == 0 and 0.002 < weights_only < 0.013 else "other"


def exercise_4(answer: object) -> str:
    """A batcher without replacement that goes on in the middle of an epoch."""
    batcher = called(answer, _pictures(), AT_A_TIME, 0)
    first = _shown(batcher, BATCHES)
    if sorted(first) != [*range(PICTURES)]:
        return "other"
    try:
        second = _shown(batcher, BATCHES)
    except Unusable:
        return "one-epoch"
    if second == first:
        return "same-order"
    again, other = (called(answer, _pictures(), AT_A_TIME, seed) for seed in (0, 1))
    if _shown(again, BATCHES) != first or _shown(other, BATCHES) == first:
        return "unseeded"
    if sorted(second) != [*range(PICTURES)]:
        return "other"
    return _going_on(answer)


def _going_on(answer: object) -> str:
    """Save after some batches and restore elsewhere, at once and after some more."""
    for taken in (2, BATCHES):
        whole = called(answer, _pictures(), AT_A_TIME, 0)
        expected = _shown(whole, taken + 2 * BATCHES)[taken * AT_A_TIME :]
        at_once, later = (_restored(answer, taken, more) for more in (0, 3))
        left = PICTURES - taken * AT_A_TIME  # pictures in this epoch
        if at_once[:left] != expected[:left]:
            return "loses-place"
        if at_once != expected:
            return "next-epoch"
        if later != expected:
            return "shared"
    return "right"


def _restored(answer: object, taken: int, more: int) -> list[float]:
    """What a new batcher shows from the state of another after `taken` batches, which
    itself has gone on for `more`."""
    old, new = (called(answer, _pictures(), AT_A_TIME, seed) for seed in (0, 1))
    _shown(old, taken)
    state = called(lambda: old.state_dict())
    _shown(old, more)
    called(lambda: new.load_state_dict(state))
    return _shown(new, 2 * BATCHES)


def _pictures() -> torch.Tensor:
    """(24, 1, 2, 2), each of one value: its position."""
    return torch.arange(PICTURES).float().reshape(-1, 1, 1, 1).repeat(1, 1, 2, 2)


def _shown(batcher: object, batches: int) -> list[float]:
    """The positions of the pictures in the next batches."""
    shown = []
    for _ in range(batches):
        batch = called(next, batcher)
        if not isinstance(batch, torch.Tensor) or batch.shape != (AT_A_TIME, 1, 2, 2):
            raise Unusable
        shown += called(batch[:, 0, 0, 0].float().tolist)
    return shown
