"""Trainings that experiments compare."""

import sys
from dataclasses import replace
from functools import partial

import pytest
import torch
from chapters import ROOT

from unetlib.data import Digits
from unetlib.model import SkipUnet
from unetlib.recipe import BOOK

sys.path.append(str(ROOT / "book" / "experiments"))

import trainings  # noqa: E402
from trainings import Training, train_one  # noqa: E402

SHORT = replace(BOOK, name="short", batch_size=32, epochs=1)


@pytest.fixture
def few(mnist, tmp_path, monkeypatch) -> None:
    """MNIST with 200 digits for learning, and a place of its own for what is kept."""
    sizes = zip(mnist, (5200, 50), strict=True)
    parts = [Digits(digits.images[:n], digits.labels[:n]) for digits, n in sizes]
    monkeypatch.setattr(trainings, "load_mnist", lambda: parts)
    monkeypatch.setattr(trainings, "KEPT", tmp_path)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)


def test_a_training_is_done_once_and_kept(few, monkeypatch):
    training = Training("width 2", partial(SkipUnet, 2), SHORT)
    first = train_one(training, validation=20, test=10)
    assert list(first.validation) == list(first.test) == list(trainings.SIGMAS)
    assert first.mean == pytest.approx(sum(first.validation.values()) / 5)
    monkeypatch.delattr(trainings, "fit")
    assert train_one(training, validation=20, test=10) == first
    for other in (replace(training, seed=1), replace(training, network="width 3")):
        with pytest.raises(NameError):
            train_one(other, validation=20, test=10)


def test_a_network_that_collapses_is_worth_nothing(few):
    recipe = replace(SHORT, lr=1e3, one_cycle=False)
    scores = train_one(Training("width 2", partial(SkipUnet, 2), recipe), 20, 0)
    assert scores.mean == 0 and scores.test == {}


def test_differences_are_taken_seed_by_seed():
    ours, theirs = [{0.1: 2.0}, {0.1: 5.0}], [{0.1: 1.0}, {0.1: 4.5}]
    assert trainings.differences(ours, theirs) == [{0.1: 1.0}, {0.1: 0.5}]
