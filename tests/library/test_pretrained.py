"""The weights that ship: what is said of them is true of them."""

import pytest
import torch

from unetlib.checks import UnetlibError
from unetlib.metrics import denoising_psnr, psnr
from unetlib.model import Unet
from unetlib.pretrained import (
    PRETRAINED,
    WEIGHTS,
    Denoiser,
    load_pretrained,
    pretrained_info,
)

SIGMAS = (0.1, 0.25, 0.5, 0.75, 1.0)


@pytest.fixture(scope="module")
def some_clean(mnist) -> torch.Tensor:
    return torch.tensor(mnist[1].images[:500]).unsqueeze(1).float() / 255


@pytest.mark.parametrize("name", PRETRAINED)
def test_recorded_psnr_is_measured_again(name, some_clean):
    recorded = pretrained_info(name)["test_psnr_db"]
    measured = denoising_psnr(load_pretrained(name), some_clean, SIGMAS)
    for sigma in SIGMAS:
        # 500 of the 10,000 digits: their mean strays by a tenth of a dB or so
        assert measured[sigma] == pytest.approx(recorded[str(sigma)], abs=0.4)


@pytest.mark.parametrize("name", PRETRAINED)
def test_how_they_were_made_stands_beside_them(name):
    info = pretrained_info(name)
    wanted = (
        "command",
        "recipe",
        "seed",
        "epochs_run",
        "steps_run",
        "hardware",
        "date",
    )
    assert all(info[key] or info[key] == 0 for key in wanted)
    assert (WEIGHTS / f"{name}.safetensors").stat().st_size < 1_000_000


def test_the_pair_differs_in_noise_alone():
    recipes = [pretrained_info(name)["recipe"] for name in ("article", "article-noise")]
    differing = {key for key in recipes[0] if recipes[0][key] != recipes[1][key]}
    assert differing == {"name", "sigma"}


def test_noise_in_training_and_then_skips_make_the_difference(some_clean):
    """The first network's gain is an accident of its bottleneck (chapter 04)."""
    scores = {
        name: denoising_psnr(load_pretrained(name), some_clean, [0.5, 1.0])
        for name in PRETRAINED
    }
    for sigma, gap in ((0.5, 1), (1.0, 2)):
        assert scores["article-noise"][sigma] > scores["article"][sigma] + gap
        assert scores["skip"][sigma] > scores["article-noise"][sigma] + 1


@pytest.mark.parametrize("name", PRETRAINED)
def test_denoisers_live_on_0_to_1(name, some_clean):
    denoiser = load_pretrained(name)
    assert not denoiser.training
    output = denoiser(some_clean[:50])
    assert not output.requires_grad
    assert psnr(output, some_clean[:50]).mean() > 15  # clean digits stay recognisable


def test_denoiser_converts_to_the_scale_of_its_network():
    network = Unet()
    x = torch.rand(2, 1, 28, 28)
    expected = network(x * 0.5) / 0.5
    assert torch.equal(Denoiser(network, scale=0.5 / 255)(x), expected)


def test_unknown_name():
    with pytest.raises(UnetlibError, match="no weights 'best'; there are article, "):
        load_pretrained("best")
