"""The weights that ship: what is said of them is true of them."""

from dataclasses import asdict
from itertools import pairwise

import pytest
import torch

from unetlib.checks import UnetlibError
from unetlib.metrics import denoising_psnr, psnr
from unetlib.model import SkipUnet, Unet, count_parameters
from unetlib.pretrained import (
    LESSON,
    OFFERED,
    PRETRAINED,
    WEIGHTS,
    Denoiser,
    load_network,
    load_pretrained,
    pretrained_info,
)
from unetlib.recipe import Recipe

SIGMAS = (0.1, 0.25, 0.5, 0.75, 1.0)


@pytest.fixture(scope="module")
def some_clean(mnist) -> torch.Tensor:
    return torch.tensor(mnist[1].sample(500).images).unsqueeze(1).float() / 255


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
    assert (WEIGHTS / f"{name}.safetensors").stat().st_size < 2_000_000


@pytest.mark.parametrize("defaults", [(16, 1), (28, 3)], ids=["width", "channels"])
def test_weights_load_where_a_network_has_other_defaults(defaults, monkeypatch):
    monkeypatch.setattr(SkipUnet.__init__, "__defaults__", defaults)
    denoiser = load_pretrained("skip")
    assert denoiser.network.down1[0].weight.shape == (28, 1, 3, 3)
    assert denoiser(torch.zeros(1, 1, 28, 28)).shape == (1, 1, 28, 28)


def test_neighbours_differ_in_one_thing():
    """Noise, recipe, network: the order in which the book lets the reader choose."""
    assert list(LESSON) == ["article", "article-noise", "no-skip", "skip"]
    assert {*PRETRAINED} == {*OFFERED} == {*LESSON, "mixer"}
    recipes = [asdict(Recipe(**pretrained_info(name)["recipe"])) for name in LESSON]
    by_noise, by_recipe, by_network = (
        {key for key in one if one[key] != other[key]}
        for one, other in pairwise(recipes)
    )
    assert by_noise == {"name", "sigma"}
    assert by_recipe.isdisjoint({"network", "sigma"})
    assert by_network == {"name", "network"}


def test_what_noise_recipe_and_network_bring(some_clean):
    """In dB, each alone: at strong noise the first two, at faint noise the last."""
    scores = [
        denoising_psnr(load_pretrained(name), some_clean, [0.1, 0.5, 1.0])
        for name in LESSON
    ]
    by_noise, by_recipe, by_network = (
        {sigma: other[sigma] - one[sigma] for sigma in one}
        for one, other in pairwise(scores)
    )
    # "article" gains by an accident of its bottleneck (chapter 04), most at faint noise
    assert by_noise[0.1] < -1 and by_noise[0.5] > 0.7 and by_noise[1.0] > 2
    assert by_recipe[0.1] > 4 and by_recipe[0.5] > 2 and by_recipe[1.0] > 1
    assert by_network[0.1] > 2.5
    assert all(abs(by_network[sigma]) < 0.7 for sigma in (0.5, 1.0))


def test_the_best_denoiser_reaches_what_the_book_says():
    """On all test digits, in at most half an hour, with at most half a million."""
    info = pretrained_info("mixer")
    reached = info["test_psnr_db"]
    wanted = {"0.1": 30.8, "0.25": 25.6, "0.5": 21.4, "0.75": 18.8, "1.0": 16.9}
    assert all(reached[sigma] >= db for sigma, db in wanted.items())
    assert info["train_seconds"] <= 1800
    assert count_parameters(load_network("mixer")) <= 500_000


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
