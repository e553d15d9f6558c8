"""Sampling against worlds whose answer is known, distances against closed forms."""

import numpy as np
import pytest
import scipy.linalg
import torch

from unetlib.checks import UnetlibError
from unetlib.generation import frechet_distance, noise_levels, sample
from unetlib.noise import add_gaussian_noise

SPREAD = 0.3  # standard deviation of the pixels of the world below


def normal_world(noisy):
    """The best denoiser of pictures of independent N(0, SPREAD²) pixels, blind."""
    loud = noisy.square().mean(dim=(1, 2, 3), keepdim=True)
    return noisy * SPREAD**2 / loud.clamp(min=SPREAD**2)


def test_levels_fall_to_zero_and_bend_as_published():
    levels = noise_levels(80.0, 18, 0.002)
    assert len(levels) == 19 and levels[-1] == 0
    expected = [
        (80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
        for i in range(18)
    ]
    assert levels[:-1] == pytest.approx(expected)
    assert noise_levels(1.0, 3, 0.5, rho=1) == pytest.approx([1, 0.75, 0.5, 0])
    assert noise_levels(2.0, 1) == pytest.approx([2, 0])


@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_a_world_of_one_picture_is_found(gamma):
    only = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    found = sample(
        lambda y: only.expand_as(y),
        10 * torch.randn(3, 1, 28, 28),
        noise_levels(10.0, 5),
        gamma=gamma,
    )
    assert torch.allclose(found, only.expand_as(found), atol=1e-4)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_samples_are_spread_as_the_world_is(eta):
    generator = torch.Generator().manual_seed(0)
    start = 10 * torch.randn(2, 1, 200, 200, generator=generator)
    levels = noise_levels(10.0, 300)
    found = sample(normal_world, start, levels, eta=eta, generator=generator)
    assert found.std().item() == pytest.approx(SPREAD, rel=0.03)


def test_what_begins_at_a_noisy_picture_is_a_sample_of_what_it_may_have_been():
    generator = torch.Generator().manual_seed(0)
    clean = SPREAD * torch.randn(1, 1, 300, 300, generator=generator)
    noisy = add_gaussian_noise(clean, 0.4, generator)
    levels = noise_levels(0.4, 300)
    draw = sample(normal_world, noisy, levels, eta=1.0, generator=generator)
    again = sample(normal_world, noisy, levels, eta=1.0, generator=generator)
    variance = 1 / (1 / SPREAD**2 + 1 / 0.4**2)  # of the posterior, pixel by pixel
    assert (draw - again).var().item() == pytest.approx(2 * variance, rel=0.05)
    mean = noisy * SPREAD**2 / (SPREAD**2 + 0.4**2)
    assert (draw - mean).var().item() == pytest.approx(variance, rel=0.05)


def test_eta_one_is_the_ancestral_step():
    clean, noisy = torch.full((1, 1, 4, 4), 0.5), torch.rand(1, 1, 4, 4)
    step = sample(
        lambda y: clean, noisy, [2.0, 1.0], eta=1.0,
        generator=torch.Generator().manual_seed(3),
    )  # fmt: skip
    # q(x at 1.0 | x at 2.0, clean): Ho, Jain and Abbeel (2020), in units of sigma
    mean = clean + (1 / 4) * (noisy - clean)
    drawn = torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(3))
    assert torch.allclose(step, mean + (1 * (4 - 1) / 4) ** 0.5 * drawn, atol=1e-6)


def test_gamma_changes_nothing_where_the_noise_is_seen_rightly():
    """The noise of a world of one picture is the same in every step."""
    only, start = torch.zeros(1, 1, 8, 8), torch.randn(1, 1, 8, 8)
    plain, fast = (
        sample(lambda y: only, start, [1.0, 0.5, 0.2], gamma=gamma) for gamma in (1, 2)
    )
    assert torch.allclose(plain, fast, atol=1e-6)


def test_the_distance_is_zero_to_oneself_and_scipy_agrees_elsewhere():
    draw = np.random.default_rng(0)
    first = draw.standard_normal((500, 6)) @ draw.standard_normal((6, 6))
    second = draw.standard_normal((400, 6)) + np.arange(6)
    a, b = np.cov(first.T), np.cov(second.T)
    apart = ((first.mean(0) - second.mean(0)) ** 2).sum()
    expected = apart + np.trace(a + b - 2 * scipy.linalg.sqrtm(a @ b).real)
    tensors = [torch.from_numpy(x) for x in (first, second)]
    assert frechet_distance(*tensors) == pytest.approx(expected, rel=1e-6)
    assert 0 <= frechet_distance(tensors[0], tensors[0]) < 1e-6


def test_features_that_are_always_zero_do_no_harm():
    first = torch.rand(50, 4)
    first[:, 0] = 0
    assert frechet_distance(first, first + 1) == pytest.approx(4, abs=1e-4)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: noise_levels(1.0, 0), "steps"),
        (lambda: noise_levels(0.01, 5), "lowest is 0.05"),
        (lambda: noise_levels(1.0, 5, rho=0), "rho"),
        (lambda: _sample(levels=[1.0]), "levels are"),
        (lambda: _sample(levels=[0.5, 1.0]), "levels are"),
        (lambda: _sample(levels=[1.0, -1.0]), "levels are"),
        (lambda: _sample(eta=2.0), "eta"),
        (lambda: _sample(eta=0.5), "name a generator"),
        (lambda: _sample(gamma=3.0), "gamma"),
        (lambda: _sample(noisy=torch.zeros(1, 1, 4, 4, dtype=torch.uint8)), "noisy"),
        (lambda: frechet_distance(torch.zeros(3), torch.zeros(3, 2)), "first must be"),
        (lambda: frechet_distance(torch.zeros(3, 2), torch.zeros(1, 2)), "second must"),
    ],
)
def test_wrong_arguments_are_named(wrong, said):
    with pytest.raises(UnetlibError, match=said):
        wrong()


def _sample(noisy=None, levels=(1.0, 0.0), **options):
    noisy = torch.zeros(1, 1, 4, 4) if noisy is None else noisy
    return sample(lambda y: y, noisy, levels, **options)
