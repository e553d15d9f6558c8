"""Trainings that experiments compare, and losses that need no clean pictures."""

import sys
from dataclasses import replace
from functools import partial

import pytest
import torch
from chapters import ROOT
from torch import nn

from unetlib.data import Digits
from unetlib.model import SkipUnet
from unetlib.noise import add_gaussian_noise
from unetlib.recipe import BOOK

sys.path.append(str(ROOT / "book" / "experiments"))

import trainings  # noqa: E402
import unsupervised  # noqa: E402
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


def shrinking(factor: float) -> nn.Conv2d:
    """The pixel times a factor."""
    network = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(network.weight, factor)
    return network


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0])
def test_sure_is_the_squared_error_but_for_a_constant(mnist, factor):
    """Of what multiplies by a factor, without ever seeing the clean digits."""
    clean = torch.tensor(mnist[0].sample(300).images).unsqueeze(1) / 255
    noisy = add_gaussian_noise(clean, 0.5, torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    step = unsupervised.Sure(shrinking(factor), unsupervised.RECIPE, 1)
    estimate = step.loss(noisy, noisy, None).item() - unsupervised.SIGMA**2
    assert estimate == pytest.approx(
        (factor * noisy - clean).square().mean().item(), abs=0.01
    )


def test_noise2self_hides_what_is_to_be_foretold(mnist):
    noisy = torch.tensor(mnist[0].images[:2]).unsqueeze(1) / 255 + 1.0
    network, seen = shrinking(1.0), []
    network.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    torch.manual_seed(0)
    step = unsupervised.Noise2Self(network, unsupervised.RECIPE, 1)
    loss = step.loss(noisy, noisy, None).item()
    hidden = seen[0] != noisy
    assert hidden.float().mean() <= 1 / 16 and hidden.any()
    rows, columns = (index.unique() % 4 for index in hidden[0, 0].nonzero().T)
    assert len(rows.unique()) == len(columns.unique()) == 1
    assert loss > 0  # the copy does not know them
