"""Noise has the statistics it promises and refuses what makes no sense."""

import math

import pytest
import torch

from unetlib.checks import UnetlibError
from unetlib.display.noises import (
    NOISES,
    add_salt_and_pepper_noise,
    add_speckle_noise,
)
from unetlib.noise import (
    add_gaussian_noise,
    sample_sigma,
)

every_kind = pytest.mark.parametrize("add_noise", NOISES.values(), ids=NOISES)


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


@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0])
def test_salt_and_pepper_replace_a_share_sigma_of_the_pixels(sigma):
    clean = torch.full((100, 1, 28, 28), 0.5)
    noisy = add_salt_and_pepper_noise(clean, sigma, generator())
    n, share = clean.numel(), sigma / 2
    bound = 5 * math.sqrt(share * (1 - share) / n)  # five standard errors
    for value in (0.0, 1.0):
        assert abs((noisy == value).float().mean() - share) <= bound
    assert ((noisy == 0) | (noisy == 1) | (noisy == 0.5)).all()
    assert torch.equal(clean, torch.full((100, 1, 28, 28), 0.5))


def test_salt_and_pepper_only_grow_while_sigma_moves():
    clean = torch.full((10, 1, 28, 28), 0.5)
    weak, strong = (
        add_salt_and_pepper_noise(clean, sigma, generator()) for sigma in (0.2, 0.6)
    )
    replaced = weak != 0.5
    assert torch.equal(weak[replaced], strong[replaced])
    assert (strong != 0.5).sum() > 2 * replaced.sum()


def test_speckle_is_gaussian_noise_times_the_picture(clean):
    gaussian = add_gaussian_noise(clean, 0.4, generator()) - clean
    noisy = add_speckle_noise(clean, 0.4, generator())
    assert (noisy - clean).numpy() == pytest.approx(
        (gaussian * clean).numpy(), abs=1e-6
    )
    assert torch.equal(noisy[clean == 0], clean[clean == 0])  # dark stays dark


@every_kind
def test_sigma_0_adds_nothing(add_noise, clean):
    assert torch.equal(add_noise(clean, 0.0, generator()), clean)


@every_kind
def test_same_seed_same_noise(add_noise, clean):
    one, same = (add_noise(clean, 0.5, generator(3)) for _ in range(2))
    other = add_noise(clean, 0.5, generator(4))
    assert torch.equal(one, same) and not torch.equal(one, other)


@every_kind
def test_sigma_as_a_tensor_is_sigma_as_a_number(add_noise, clean):
    sigma = torch.tensor([0.0, 0.2, 0.8]).view(3, 1, 1, 1)
    noisy = add_noise(clean[:3], sigma, generator())
    for i in range(3):
        alike = add_noise(clean[:3], sigma[i].item(), generator())
        assert torch.equal(noisy[i], alike[i])


@every_kind
@pytest.mark.parametrize("sigma", [-0.1, math.nan, math.inf])
def test_impossible_sigma(add_noise, sigma):
    with pytest.raises(UnetlibError, match=str(sigma)):
        add_noise(torch.zeros(1, 1, 4, 4), sigma, generator())


@every_kind
def test_uint8_pictures_must_be_scaled_first(add_noise):
    with pytest.raises(UnetlibError, match="uint8"):
        add_noise(torch.zeros(4, dtype=torch.uint8), 0.1, generator())


def test_a_share_is_at_most_1():
    with pytest.raises(UnetlibError, match=r"1\.01"):
        add_salt_and_pepper_noise(torch.zeros(1, 1, 4, 4), 1.01, generator())
    for kind in ("gaussian", "speckle"):  # a standard deviation may be larger
        NOISES[kind](torch.zeros(1, 1, 4, 4), 1.01, generator())


def test_sampled_sigma_fills_its_range():
    sigma = sample_sigma(10_000, 0.2, 0.6, generator())
    assert sigma.shape == (10_000, 1, 1, 1)
    assert 0.2 <= sigma.min() < 0.21 and 0.59 < sigma.max() <= 0.6
    assert sigma.mean() == pytest.approx(0.4, abs=0.01)
    with pytest.raises(UnetlibError, match=r"low=0\.6, high=0\.2"):
        sample_sigma(1, 0.6, 0.2, generator())


def test_sparse_pictures(clean):
    with pytest.raises(UnetlibError, match=r"got torch.sparse_coo; .*\.to_dense\(\)"):
        add_gaussian_noise(clean.to_sparse(), 0.5, torch.Generator())


@pytest.mark.parametrize("white", [255, 65535])
def test_pictures_on_another_scale(white, clean):
    with pytest.raises(UnetlibError, match=f"; scale it first: clean / {white}"):
        add_gaussian_noise(clean * white, 0.5, torch.Generator())
    noisier = add_gaussian_noise(10 * clean, 5.0, torch.Generator().manual_seed(0))
    assert add_gaussian_noise(noisier, 0.5, torch.Generator()).max() > 20
