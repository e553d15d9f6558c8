"""Checks for chapter 07."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from unetlib.exercises.answers import Unusable, called, number, numbers, which


def exercise_1(answer: object) -> str:
    """How many digits patches need to beat 20,000 digits that are known by heart."""
    wrong = {"too-few": 20, "fewer-will-do": 2000, "as-many": 20_000}
    return which(number(answer), {"right": 200, **wrong})


def exercise_2(answer: object) -> str:
    """PSNR on eights of (local, whole) posterior mean, whose world has no eights.

    Drawn anew, world and noise change the first by up to 0.2 dB, the other by 0.4.
    """
    means = {
        "right": (17.4, 11.9),
        "swapped": (11.9, 17.4),
        "with-eights": (18.5, 13.2),
        "no-noise": (20.0, 12.4),
    }
    return which(numbers(answer, 2), means, within=0.5)


def exercise_3(answer: object) -> str:
    """A function that adds to a world its pictures shifted by one, four ways."""
    generator = torch.Generator().manual_seed(0)
    world = pad(torch.rand(3, 1, 20, 20, generator=generator), (4, 4, 4, 4))
    found = called(answer, world.clone())
    if not isinstance(found, Tensor):
        raise Unusable
    straight = [(0, -1), (0, 1), (-1, 0), (1, 0)]
    diagonal = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    for word, shifts in [
        ("right", [(0, 0), *straight]),
        ("without-the-old", straight),
        ("diagonals", [(0, 0), *diagonal]),
        ("diagonals", [(0, 0), *straight, *diagonal]),
    ]:
        wanted = torch.cat([_shifted(world, *shift) for shift in shifts])
        if _same_pictures(found, wanted):
            return word
    all_there = found.numel() == 5 * world.numel()
    misplaced = found.shape[1:] != world.shape[1:]
    return "another-axis" if all_there and misplaced else "other"


def exercise_4(answer: object) -> str:
    """The widths of the blur that SURE chooses for two noise levels: (2,) pixels."""
    found = numbers(answer, 2)
    wrong = {
        "with-clean": (0.7, 1.0),
        "no-divergence": (0.2, 0.2),
        "like-noise": (1.0, 1.5),
        "divergence-once": (0.5, 0.5),
    }
    return which(found, {"right": (0.8, 1.2), **wrong}, within=0.11)


def _shifted(pictures: Tensor, down: int, right: int) -> Tensor:
    return pad(pictures, (right, -right, down, -down))


def _same_pictures(found: Tensor, wanted: Tensor) -> bool:
    """Whether both hold the same pictures, in any order."""
    if found.shape != wanted.shape:
        return False
    apart = torch.cdist(found.flatten(1).double(), wanted.flatten(1).double())
    return bool((apart.amin(dim=0) < 1e-3).all() and (apart.amin(dim=1) < 1e-3).all())
