"""Noise has the statistics it promises and refuses what makes no sense."""

import math

import pytest
import torch

from unetlib.noise import add_gaussian_noise, check_sigma, sample_sigma


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_gaussian_noise_has_mean_0_and_standard_deviation_sigma():
    clean = torch.full((100, 1, 28, 28), 0.5)
    noise = add_gaussian_noise(clean, 0.3, generator()) - clean
    n = noise.numel()
    assert abs(noise.mean()) < 5 * 0.3 / math.sqrt(n)  # five standard errors
    assert abs(noise.std() - 0.3) < 5 * 0.3 / math.sqrt(2 * n)
    kurtosis = (noise / 0.3).pow(4).mean()  # 3 for a normal distribution
    assert abs(kurtosis - 3) < 0.1


def test_each_picture_can_have_its_own_sigma():
    sigma = torch.tensor([0.0, 0.1, 1.0]).view(3, 1, 1, 1)
    noisy = add_gaussian_noise(torch.zeros(3, 1, 280, 280), sigma, generator())
    assert noisy.std(dim=(1, 2, 3)) == pytest.approx([0, 0.1, 1], abs=0.02)


def test_same_seed_same_noise_and_nothing_is_clamped():
    clean = torch.zeros(4, 1, 28, 28)
    one, same = (add_gaussian_noise(clean, 1.0, generator(3)) for _ in range(2))
    other = add_gaussian_noise(clean, 1.0, generator(4))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert one.min() < -2 and one.max() > 2
    assert torch.equal(clean, torch.zeros(4, 1, 28, 28))


@pytest.mark.parametrize("sigma", [-0.1, math.nan, math.inf])
def test_impossible_sigma(sigma):
    with pytest.raises(ValueError, match=f"at least 0, got {sigma}"):
        add_gaussian_noise(torch.zeros(1, 1, 4, 4), sigma, generator())


def test_uint8_pictures_must_be_scaled_first():
    with pytest.raises(TypeError, match=r"uint8; scale it first"):
        add_gaussian_noise(torch.zeros(4, dtype=torch.uint8), 0.1, generator())


def test_sampled_sigma_fills_its_range():
    sigma = sample_sigma(10_000, 0.2, 0.6, generator())
    assert sigma.shape == (10_000, 1, 1, 1)
    assert 0.2 <= sigma.min() < 0.21 and 0.59 < sigma.max() <= 0.6
    assert sigma.mean() == pytest.approx(0.4, abs=0.01)
    with pytest.raises(ValueError, match=r"low=0\.6, high=0\.2"):
        sample_sigma(1, 0.6, 0.2, generator())


def test_check_sigma_returns_what_it_checked():
    assert check_sigma(0) == 0 and check_sigma(0.5) == 0.5
