"""Losses that need no clean pictures."""

import sys

import pytest
import torch
from chapters import ROOT
from torch import Tensor, nn

from unetlib.noise import add_gaussian_noise

sys.path.append(str(ROOT / "book" / "experiments"))

from unsupervised import RECIPE, SIGMA, Neighbours, Noise2Self, Sure  # noqa: E402


def shrinking(factor: float) -> nn.Conv2d:
    """The pixel times a factor."""
    network = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(network.weight, factor)
    return network


def seen_by(kind: type, noisy: Tensor) -> tuple[Tensor, float]:
    """What a network is shown that copies it, and the loss."""
    network, seen = shrinking(1.0), []
    network.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    loss = kind(network, RECIPE, 1).loss(noisy, noisy, None).item()
    return seen[0], loss


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0])
def test_sure_is_the_squared_error_but_for_a_constant(mnist, factor):
    """Of what multiplies by a factor, without ever seeing the clean digits."""
    clean = torch.tensor(mnist[0].sample(300).images).unsqueeze(1) / 255
    noisy = add_gaussian_noise(clean, SIGMA, torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    step = Sure(shrinking(factor), RECIPE, 1)
    estimate = step.loss(noisy, noisy, None).item() - SIGMA**2
    assert estimate == pytest.approx(
        (factor * noisy - clean).square().mean().item(), abs=0.01
    )


def test_noise2self_hides_what_is_to_be_foretold(mnist):
    noisy = torch.tensor(mnist[0].images[:2]).unsqueeze(1) / 255 + 1.0
    torch.manual_seed(0)
    seen, loss = seen_by(Noise2Self, noisy)
    hidden = seen != noisy
    assert hidden.float().mean() <= 1 / 16 and hidden.any()
    rows, columns = (index.unique() % 4 for index in hidden[0, 0].nonzero().T)
    assert len(rows.unique()) == len(columns.unique()) == 1
    assert loss > 0  # the copy does not know them


def test_a_pixel_must_foretell_one_beside_it():
    """A picture that grows by 1 a column and by 10 a row: neighbours differ so."""
    rows, columns = torch.meshgrid(torch.arange(28), torch.arange(28), indexing="ij")
    noisy = (10.0 * rows + columns).expand(1, 1, 28, 28)
    differences = set()
    for seed in range(20):
        torch.manual_seed(seed)
        seen, loss = seen_by(Neighbours, noisy)
        assert seen.shape == (1, 1, 16, 16)  # 28 was padded to 32
        differences.add(round(loss))
    assert differences == {1, 100}
