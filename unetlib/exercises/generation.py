"""Checks for chapter 09."""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d

from unetlib.classifier import load_classifier
from unetlib.data import load_mnist
from unetlib.exercises.answers import Unusable, called, number, numbers, which
from unetlib.metrics import psnr
from unetlib.noise import add_gaussian_noise

TIMES = (1, 2, 4, 8, 12)


def exercise_1(answer: object) -> str:
    """How far a training digit is from the mean picture, root mean square."""
    found = number(answer)
    values = {  # with room for a mean of distances, and for a part of the digits
        "right": (7.23, 0.15),
        "one-pixel": (0.259, 0.006),
        "one-shade": (8.6, 0.12),
        "squared": (52.3, 1.5),
    }
    for word, (value, within) in values.items():
        if abs(found - value) <= within:
            return word
    return "other"


def exercise_2(answer: object) -> str:
    """The 20 pictures that the judge reads as a 7 with the highest probability."""
    pool, logits = _doubtful_digits()
    chosen = called(answer, pool.clone())
    if not isinstance(chosen, Tensor) or chosen.shape != (20, *pool.shape[1:]):
        raise Unusable
    chosen = chosen.cpu().float()
    places = torch.cdist(chosen.flatten(1), pool.flatten(1)).argmin(dim=1)
    if not torch.equal(pool[places], chosen) or len(places.unique()) < 20:
        return "other"
    sevens = logits.softmax(dim=1)[:, 7]
    found = sevens[places].sort().values
    for word, scores in {
        "right": sevens,
        "logits": logits[:, 7],
        "any-digit": logits.softmax(dim=1).amax(dim=1),
        "least": -sevens,
    }.items():
        if torch.allclose(found, sevens[scores.topk(20).indices].sort().values, 1e-3):
            return word
    return "other"


def exercise_3(answer: object) -> str:
    """Eight lower halves, filled in three times: (3, 8, 1, 28, 28)."""
    filled, truth = _stacked(answer), _digits(8)
    if filled.shape != (3, *truth.shape) or not filled.isfinite().all():
        raise Unusable
    off = (filled - truth).abs()
    above, below = (part.mean() < 0.03 for part in (off[..., :14, :], off[..., 14:, :]))
    if below or not above:
        return "upside-down" if below and not above else "other"
    found = filled[..., 14:, :]
    if ((found > 0.2) & (found < 0.8)).float().mean() > 0.115:  # 0.06 to 0.08 is usual
        return "at-once"
    apart = (found - found.roll(1, dims=0)).abs().mean(dim=(1, 2, 3, 4))
    if apart.min() < 0.02:  # 0.08 to 0.15 is usual
        return "identical"
    return "right" if _joined(filled) > 0.76 else "too-late"


def exercise_4(answer: object) -> str:
    """Error of the mean of the first K samples over that of the posterior mean."""
    asked, clean, best = given = _guesses()
    returned = called(answer, *(pictures.clone() for pictures in given))
    found = numbers(returned, len(TIMES))
    means = [asked[:, :times].mean(dim=1) for times in TIMES]
    first = [(asked[:, :times] - clean[:, None]).square().mean() for times in TIMES]
    errors = torch.stack([(mean - clean).square().mean() for mean in means])
    error = (best - clean).square().mean()
    db, best_db = torch.stack([psnr(mean, clean) for mean in means]), psnr(best, clean)
    meanings = {
        "right": errors / error,
        "errors-averaged": torch.stack(first) / error,
        "decibels": 10 ** ((best_db - db).mean(dim=1) / 10),
        "upside-down": error / errors,
    }
    return which(found, meanings, within=5e-3)


@cache
def _test_digits() -> Tensor:
    _, test = load_mnist()
    return torch.tensor(test.sample(300).images).unsqueeze(1).float() / 255


def _digits(count: int) -> Tensor:
    """(count, 1, 28, 28), the first of those that the chapter calls `clean`."""
    return _test_digits()[:count]


@cache
def _doubtful_digits() -> tuple[Tensor, Tensor]:
    """300 digits with so much noise that the judge often doubts; what it answers."""
    generator = torch.Generator().manual_seed(0)
    pool = add_gaussian_noise(_test_digits(), 0.25, generator).clamp(0, 1)
    return pool, load_classifier()(pool)


def _stacked(answer: object) -> Tensor:
    """Pictures in a tensor; a dictionary or a list of tensors is stacked."""
    parts = answer.values() if isinstance(answer, Mapping) else answer
    try:
        stacked = parts if isinstance(parts, Tensor) else torch.stack([*parts])
        return stacked.detach().cpu().float()
    except Exception:  # whatever the answer holds
        raise Unusable from None


def _joined(pictures: Tensor) -> float:
    """The share of strokes that go on from row 13 to row 14, or come from there."""
    above, below = (
        (pictures[..., row, :] > 0.5).float().flatten(0, 2) for row in (13, 14)
    )
    near_above, near_below = (
        max_pool1d(row.unsqueeze(1), 3, stride=1, padding=1).squeeze(1)
        for row in (above, below)
    )
    met = (above * near_below).sum() + (below * near_above).sum()
    return (met / (above.sum() + below.sum()).clamp(min=1)).item()


@cache
def _guesses() -> tuple[Tensor, Tensor, Tensor]:
    """Four pictures, asked about 12 times, each as hard to guess in its own way.

    Returns samples (4, 12, 1, 28, 28), truth and posterior mean (4, 1, 28, 28).
    """
    generator = torch.Generator().manual_seed(0)
    best = torch.full((4, 1, 28, 28), 0.5)
    spread = torch.tensor([0.02, 0.05, 0.12, 0.1]).view(-1, 1, 1, 1)
    wrong = torch.tensor([0.08, 0.1, 0.05, 0.1]).view(-1, 1, 1, 1)
    clean = best + wrong * torch.randn(best.shape, generator=generator)
    drawn = torch.randn(4, 12, 1, 28, 28, generator=generator)
    asked = best[:, None] + spread[:, None] * drawn
    return asked.clamp(0, 1), clean.clamp(0, 1), best
