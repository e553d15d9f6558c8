"""Networks that experiments change in one thing, and what they are judged by."""

import sys

import pytest
import torch
from chapters import ROOT
from torch import nn

from unetlib.networks import MixerUnet
from unetlib.pretrained import load_pretrained

sys.path.append(str(ROOT / "book" / "experiments"))

from generation import best_guide, guided  # noqa: E402
from one_change import batch_norm, bias_free, relu  # noqa: E402
from outside import told_apart, traits  # noqa: E402
from told import DIGIT, Told  # noqa: E402


@pytest.fixture
def noisy() -> torch.Tensor:
    return torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_without_biases_twice_the_input_gives_twice_the_output(noisy):
    network = bias_free()
    torch.testing.assert_close(network(3 * noisy), 3 * network(noisy))
    assert not torch.allclose(relu()(3 * noisy), 3 * relu()(noisy), atol=1e-3)


def test_every_convolution_but_the_last_is_normalised(noisy):
    norms = [m for m in batch_norm().modules() if isinstance(m, nn.BatchNorm2d)]
    assert [norm.num_features for norm in norms] == [16, 32, 64, 32, 16]


def test_what_is_told_replaces_what_is_seen(noisy):
    """Told the loudness that a picture has, it answers as the blind network does."""
    told = Told()
    blind = MixerUnet(8)
    blind.load_state_dict(told.network.state_dict())
    seen = noisy.square().mean(dim=(1, 2, 3), keepdim=True) + 1e-4
    told.sigma = (seen - DIGIT).sqrt()
    torch.testing.assert_close(told(noisy), blind(noisy))
    told.sigma = torch.tensor(2.0)
    assert not torch.allclose(told(noisy), blind(noisy), atol=1e-3)


def test_a_guide_goes_on_from_the_weaker_answer(noisy):
    network = load_pretrained("mixer")
    answer = network(noisy)
    torch.testing.assert_close(guided(network, 1, 1.0)(noisy), answer)
    weak = guided(network, 1, 0.0)(noisy)
    assert (weak - answer).abs().max() > 0.01
    torch.testing.assert_close(
        guided(network, 1, 2.0)(noisy), 2 * answer - weak, rtol=1e-4, atol=1e-4
    )
    torch.testing.assert_close(network(noisy), answer)  # is as it was


def test_the_chosen_guide_is_near_and_read_well_enough(monkeypatch):
    monkeypatch.setattr("generation.GUIDES", [(1, 1.5), (1, 2.0), (2, 1.5)])
    rows = {
        "1": {"sure": {"1.5": 0.8, "2.0": 0.95}, "frechet": {"1.5": 1.0, "2.0": 3.0}},
        "2": {"sure": {"1.5": 0.9}, "frechet": {"1.5": 2.0}},
    }
    assert best_guide(rows) == (2, 1.5)


def test_only_what_is_unusual_is_told_apart():
    generator = torch.Generator().manual_seed(0)
    usual, same = torch.randn(2, 400, 1, 28, 28, generator=generator)
    assert told_apart(traits(usual), traits(same)) == pytest.approx(0.5, abs=0.05)
    together = (same + same.roll(1, dims=3)) / 2**0.5
    strength, correlation = traits(together).mean(dim=0).tolist()
    assert strength == pytest.approx(1, abs=0.02)
    assert correlation == pytest.approx(0.5, abs=0.02)
    assert told_apart(traits(usual), traits(together)) == 1
