"""The filters do what is said of them, by numpy's reckoning."""

import numpy as np
import pytest
import torch

from unetlib.baselines import (
    LocalPosteriorMean,
    PosteriorMean,
    WienerFilter,
    best_width,
    blur,
)
from unetlib.checks import UnetlibError
from unetlib.data import split
from unetlib.metrics import denoising_psnr, psnr
from unetlib.noise import add_gaussian_noise


@pytest.fixture(scope="module")
def learning(mnist) -> torch.Tensor:
    return torch.tensor(mnist[0].images[:3000, 4:24:2, 4:24:2]).unsqueeze(1) / 255


@pytest.mark.parametrize("sigma", [0.1, 1.0])
def test_wiener_filter_is_the_regression_of_clean_on_noisy(learning, sigma):
    """E[x|y] of a Gaussian prior: mean + C (C + sigma² 1)⁻¹ (y - mean)."""
    noisy = add_gaussian_noise(learning[:20], sigma, torch.Generator().manual_seed(0))
    x = learning.flatten(1).double().numpy()
    y = noisy.flatten(1).double().numpy()
    covariance = np.cov(x, rowvar=False)
    noise = sigma**2 * np.eye(len(covariance))
    solved = np.linalg.solve(covariance + noise, (y - x.mean(0)).T)
    expected = x.mean(0) + (covariance @ solved).T
    found = WienerFilter(learning)(noisy, sigma)
    assert found.shape == noisy.shape and found.dtype == noisy.dtype
    np.testing.assert_allclose(found.flatten(1).numpy(), expected, atol=1e-5)


def test_wiener_filter_without_noise_changes_nothing(learning):
    found = WienerFilter(learning)(learning[:5], 0.0)
    torch.testing.assert_close(found, learning[:5])


def test_no_linear_map_of_the_noisy_picture_is_better(learning):
    """Least squares over many noisy pictures does not beat it on other ones."""
    generator = torch.Generator().manual_seed(0)
    many = learning.repeat(20, 1, 1, 1)
    noisy = add_gaussian_noise(many, 0.5, generator).flatten(1)
    noisy = torch.cat([noisy, torch.ones(len(noisy), 1)], dim=1)
    fitted = torch.linalg.lstsq(noisy, many.flatten(1)).solution
    fresh = add_gaussian_noise(learning, 0.5, generator)
    ones = torch.ones(len(fresh), 1)
    linear = torch.cat([fresh.flatten(1), ones], dim=1) @ fitted
    best = WienerFilter(learning)(fresh, 0.5)
    error, least = (
        (x.view_as(learning) - learning).square().mean() for x in (linear, best)
    )
    assert least <= error * 1.001


def test_blur_keeps_a_flat_picture_and_smooths_noise():
    flat = torch.full((1, 1, 9, 9), 0.3)
    torch.testing.assert_close(blur(flat, 1.0), flat)
    noise = torch.randn(1, 1, 50, 50, generator=torch.Generator().manual_seed(0))
    # Gaussian weights of width w: the variance falls to 1 / (4 pi w²)
    assert blur(noise, 2.0).std() == pytest.approx(1 / (16 * np.pi) ** 0.5, rel=0.1)
    assert torch.equal(blur(noise, 0.0), noise)


def test_the_best_width_grows_with_the_noise(mnist):
    validation = torch.tensor(split(mnist[0])[1].sample(50).images).unsqueeze(1) / 255
    widths = [best_width(validation, sigma) for sigma in (0.1, 0.5, 1.0)]
    assert widths == sorted(widths) and len(set(widths)) == 3
    gains = {
        width: denoising_psnr(lambda x, w=width: blur(x, w), validation, [0.5], 1)[0.5]
        for width in widths
    }
    assert max(gains, key=gains.get) == widths[1]
    assert gains[widths[1]] > psnr(validation * 0, validation).mean()


@pytest.mark.parametrize("use", [WienerFilter, lambda x: blur(x, 1.0)])
def test_bytes_are_refused(mnist, use):
    with pytest.raises(UnetlibError, match="uint8"):
        use(torch.tensor(mnist[0].images[:5]).unsqueeze(1))


@pytest.fixture(scope="module")
def world(mnist) -> torch.Tensor:
    return torch.tensor(mnist[0].sample(200).images).unsqueeze(1) / 255


@pytest.mark.parametrize("sigma", [0.3, 2.0])
def test_posterior_mean_is_bayes_rule_pixel_by_pixel(world, sigma):
    """By numpy in float64, from the densities themselves."""
    noisy = add_gaussian_noise(world[:5], sigma, torch.Generator().manual_seed(0))
    x = world.flatten(1).double().numpy()
    for y, found in zip(noisy, PosteriorMean(world)(noisy, sigma), strict=True):
        logs = -((y.flatten().double().numpy() - x) ** 2).sum(1) / (2 * sigma**2)
        weights = np.exp(logs - logs.max())
        expected = (weights / weights.sum()) @ x
        np.testing.assert_allclose(found.flatten().numpy(), expected, atol=1e-4)


def test_a_local_mean_over_the_whole_picture_is_the_posterior_mean(world):
    """From a square that reaches every pixel from every pixel nothing is hidden."""
    noisy = add_gaussian_noise(world[:3], 1.0, torch.Generator().manual_seed(0))
    local, whole = LocalPosteriorMean(world, 55), PosteriorMean(world)
    torch.testing.assert_close(local(noisy, 1.0), whole(noisy, 1.0), atol=1e-4, rtol=0)


def test_a_local_weight_is_that_of_the_patch_around(world):
    """One pixel, its patches cut out by hand; beyond the border nothing counts."""
    noisy = add_gaussian_noise(world[:1], 0.5, torch.Generator().manual_seed(0))[0, 0]
    weights = LocalPosteriorMean(world, 5).weights(noisy, 0.5)
    for row, column in ((13, 14), (0, 27)):
        patch = (
            slice(max(0, row - 2), row + 3),
            slice(max(0, column - 2), column + 3),
        )
        far = (noisy[patch] - world[:, 0, *patch]).double().square().sum(dim=(1, 2))
        expected = (-far / (2 * 0.5**2)).softmax(dim=0)
        found = weights[:, row, column].double()
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-3)


def test_the_local_mean_draws_digits_that_it_has_not_seen(mnist, world):
    """The whole one recites: on other digits it is far worse."""
    fresh = torch.tensor(mnist[1].sample(20).images).unsqueeze(1) / 255
    noisy = add_gaussian_noise(fresh, 0.3, torch.Generator().manual_seed(0))
    local, whole = LocalPosteriorMean(world, 5), PosteriorMean(world)
    gain = psnr(local(noisy, 0.3), fresh) - psnr(whole(noisy, 0.3), fresh)
    assert gain.mean() > 2


@pytest.mark.parametrize("kind", [PosteriorMean, lambda x: LocalPosteriorMean(x, 5)])
def test_posterior_means_refuse_no_noise_and_bytes(world, kind):
    with pytest.raises(UnetlibError, match="sigma"):
        kind(world)(world[:1], 0.0)
    with pytest.raises(UnetlibError, match="uint8"):
        kind(world.mul(255).byte())


@pytest.mark.parametrize("side, said", [(4, "odd"), (0, "from 1"), (2.5, "whole")])
def test_a_square_has_a_pixel_in_its_middle(world, side, said):
    with pytest.raises(UnetlibError, match=said):
        LocalPosteriorMean(world, side)
