"""Our metrics against numpy and scikit-image."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from unetlib.checks import UnetlibError
from unetlib.metrics import denoising_psnr, mse, psnr, ssim


@pytest.fixture
def noisy(clean):
    return clean + 0.5 * torch.randn(clean.shape, generator=torch.Generator())


def test_mse_against_numpy(clean, noisy):
    shown = np.clip(noisy.numpy(), 0, 1)
    expected = ((shown - clean.numpy()) ** 2).reshape(len(clean), -1).mean(axis=1)
    assert mse(noisy, clean).numpy() == pytest.approx(expected, rel=1e-5)


def test_psnr_against_scikit_image(clean, noisy):
    for got, image, reference in zip(psnr(noisy, clean), noisy, clean, strict=True):
        expected = peak_signal_noise_ratio(
            reference.numpy(), image.clamp(0, 1).numpy(), data_range=1.0
        )
        assert got.item() == pytest.approx(expected, abs=1e-3)


def test_ssim_is_scikit_images_on_clamped_pictures(clean, noisy):
    got = ssim(noisy[:3], clean[:3])
    for value, image, reference in zip(got, noisy[:3], clean[:3], strict=True):
        expected = structural_similarity(
            image[0].clamp(0, 1).numpy(),
            reference[0].numpy(),
            data_range=1.0,
            gaussian_weights=True,  # what scikit-image says to pass for Wang et al.'s
            sigma=1.5,
            use_sample_covariance=False,
        )
        assert value.item() == pytest.approx(expected, abs=1e-6)


def test_perfect_pictures(clean):
    assert torch.isinf(psnr(clean, clean)).all()
    assert ssim(clean[:3], clean[:3]).tolist() == pytest.approx([1, 1, 1])


def test_what_lies_outside_the_screen_costs_nothing():
    white = torch.ones(1, 1, 8, 8)
    assert mse(white * 7, white) == 0
    assert mse(white * -7, white) == 1


@pytest.mark.parametrize("metric", [mse, psnr, ssim])
def test_shapes_must_match(metric):
    with pytest.raises(UnetlibError, match=r"got \(1, 1, 8, 8\) and \(2, 1, 8, 8\)"):
        metric(torch.zeros(1, 1, 8, 8), torch.zeros(2, 1, 8, 8))
    with pytest.raises(UnetlibError, match=r"\(8, 8\)"):
        metric(torch.zeros(8, 8), torch.zeros(8, 8))


def test_denoising_psnr_treats_every_method_alike(clean):
    seen = []
    before = denoising_psnr(lambda x: seen.append(x) or x, clean, [0.1, 0.5])
    again = denoising_psnr(lambda x: seen.append(x) or x, clean, [0.1, 0.5])
    assert before == again and torch.equal(seen[0], seen[2])
    assert list(before) == [0.1, 0.5]
    # unclamped noise would give -20 log10 sigma; clamping removes some of it
    assert 20 < before[0.1] < 24 and 6 < before[0.5] < 10
    perfect = denoising_psnr(lambda _: clean, clean, [0.5])
    assert perfect[0.5] == float("inf")
    with pytest.raises(UnetlibError, match="-1"):
        denoising_psnr(lambda x: x, clean, [-1])


@pytest.mark.parametrize(
    ("sigmas", "seed", "message"),
    [
        (0.5, 0, "sigmas must be a list such as .0.5., got 0.5"),
        ("0.5", 0, "sigmas must be a list"),
        ([0.5], 10**20, "seed must be a whole number"),
        ([0.5], "0", "seed must be a whole number"),
    ],
)
def test_levels_and_seeds_that_cannot_be(sigmas, seed, message, clean):
    with pytest.raises(UnetlibError, match=message):
        denoising_psnr(lambda noisy: noisy, clean, sigmas, seed)


@pytest.mark.parametrize(
    ("denoise", "message"),
    [
        ("skip", "denoise must be a function .* got 'skip'"),
        (lambda noisy: noisy.numpy(), "got a numpy array of float32; convert it"),
        (lambda noisy: noisy.to_sparse(), r"dense .* convert it: pictures.to_dense"),
        (lambda noisy: noisy[:, :, 1:], "must have one shape"),
    ],
)
def test_what_is_no_denoiser(denoise, message, clean):
    with pytest.raises(UnetlibError, match=message):
        denoising_psnr(denoise, clean, [0.5])


def test_more_pictures_than_are_denoised_at_once(clean):
    many = clean.repeat(6, 1, 1, 1)  # 600
    dimmed = denoising_psnr(lambda _: 0.5 * many[:1], many[:1], [0.5])[0.5]
    by_parts = denoising_psnr(lambda noisy: 0.5 * many[: len(noisy)], many, [0.5])[0.5]
    assert by_parts == pytest.approx(psnr(0.5 * many, many).mean().item(), abs=1e-4)
    assert dimmed == pytest.approx(psnr(0.5 * many[:1], many[:1]).item(), abs=1e-4)


@pytest.mark.parametrize("metric", [mse, psnr, ssim])
def test_sparse_pictures(metric, clean):
    with pytest.raises(UnetlibError, match=r"got torch.sparse_coo; .*\.to_dense\(\)"):
        metric(clean.to_sparse(), clean)
