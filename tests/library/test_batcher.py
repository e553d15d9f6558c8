"""Batches against plain numpy indexing."""

import numpy as np
import pytest
import torch

from unetlib.batcher import Batcher, to_tensor
from unetlib.checks import UnetlibError


def test_a_batch_is_pictures_of_the_data_set_scaled(few_images):
    noisy, clean = next(Batcher(few_images, 16, scale=1 / 512))
    assert noisy is clean
    assert clean.shape == (16, 1, 28, 28) and clean.dtype == torch.float32
    known = {image.tobytes() for image in few_images}
    for picture in (clean[:, 0].numpy() * 512).round().astype(np.uint8):
        assert picture.tobytes() in known
    assert clean.max() <= 255 / 512


def test_every_picture_is_drawn_about_equally_often():
    images = np.arange(8, dtype=np.uint8).reshape(8, 1, 1).repeat(4, 1).repeat(4, 2)
    _, clean = next(Batcher(images, 8000, scale=1.0))
    counts = np.bincount(clean[:, 0, 0, 0].numpy().astype(int), minlength=8)
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000)


def test_noise_is_in_units_of_white_whatever_the_scale(few_images):
    for scale in (1 / 255, 1 / 512):
        noisy, clean = next(Batcher(few_images, 256, scale=scale, sigma=0.5))
        sd = ((noisy - clean) / (255 * scale)).std().item()
        assert sd == pytest.approx(0.5, abs=0.01)


def test_each_picture_draws_its_own_sigma(few_images):
    noisy, clean = next(Batcher(few_images, 500, sigma=(0.0, 1.0)))
    sd = (noisy - clean).std(dim=(1, 2, 3))
    assert sd.min() < 0.05 and sd.max() > 0.95
    assert sd.mean() == pytest.approx(0.5, abs=0.05)


def test_one_seed_one_stream_and_every_batch_anew(few_images):
    one, same = (Batcher(few_images, 8, sigma=0.5, seed=1) for _ in range(2))
    other = Batcher(few_images, 8, sigma=0.5, seed=2)
    first, again = next(one)[0], next(one)[0]
    assert torch.equal(first, next(same)[0])
    assert not torch.equal(first, next(other)[0])
    assert not torch.equal(first, again)


def test_resuming_gives_exactly_the_batches_that_would_follow(few_images):
    batcher = Batcher(few_images, 8, sigma=(0.0, 1.0), seed=1)
    next(batcher)
    state = batcher.state_dict()
    expected = [next(batcher) for _ in range(3)]
    resumed = Batcher(few_images, 8, sigma=(0.0, 1.0), seed=9)
    resumed.load_state_dict(state)
    for noisy, clean in expected:
        got_noisy, got_clean = next(resumed)
        assert torch.equal(got_noisy, noisy) and torch.equal(got_clean, clean)


@pytest.mark.parametrize("sigma", [None, 0.5, (0.0, 1.0)])
def test_shares_are_the_joint_batch_cut_up(few_images, sigma):
    whole = Batcher(few_images, 6, sigma=sigma)
    shares = [slice(0, 2), slice(2, 4), slice(4, 6)]
    parts = [Batcher(few_images, 6, sigma=sigma, shard=share) for share in shares]
    for _ in range(2):
        cut = zip(*(next(part) for part in parts), strict=True)
        for joint, pieces in zip(next(whole), cut, strict=True):
            assert torch.equal(torch.cat(pieces), joint)
            assert len(pieces[0]) == 2


def test_batches_larger_than_the_data(few_images):
    assert next(Batcher(few_images[:1], 10))[0].shape == (10, 1, 28, 28)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((2, 28, 28)), 1), "uint8.*float64"),
        ((np.zeros((2, 784), np.uint8), 1), r"\(N, H, W\),.* got \(2, 784\)"),
        ((np.zeros((0, 28, 28), np.uint8), 1), r"got \(0, 28, 28\)"),
        ((np.zeros((2, 28, 28), np.uint8), 0), "from 1 to .*, got 0"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UnetlibError, match=message):
        Batcher(*arguments)


def test_wrong_sigma(few_images):
    with pytest.raises(UnetlibError, match=r"low=0\.5, high=0\.1"):
        Batcher(few_images, 1, sigma=(0.5, 0.1))
    with pytest.raises(UnetlibError, match="from 0 to 1000, got -1"):
        Batcher(few_images, 1, sigma=-1)


def test_what_makes_no_tensor(few_images):
    with pytest.raises(
        UnetlibError, match=r"got <class 'list'>; .* np.array\(images\)"
    ):
        to_tensor(few_images.tolist(), "cpu")
    with pytest.raises(UnetlibError, match='no device is called "graphics"'):
        to_tensor(few_images, "graphics")
    masked = np.ma.masked_less(few_images, 50)
    with pytest.raises(UnetlibError, match=r"images has a mask.*: images.filled\(0\)"):
        Batcher(masked, 4)
    assert Batcher(masked.filled(0), 4).images.shape == (64, 1, 28, 28)
