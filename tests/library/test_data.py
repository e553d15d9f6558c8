"""Right data load; every kind of wrong data is refused by name.

How damaged files are read stands in test_fuzz.py.
"""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from unetlib import data
from unetlib.checks import UnetlibError
from unetlib.formats.idx import IDX_NAMES, load_idx
from unetlib.formats.npy import load_npy


def write_npy_pair(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    np.save(folder / "x_train.npy", images)
    np.save(folder / "y_train_label.npy", labels)


def write_idx(folder: Path, images: np.ndarray, labels: np.ndarray, opener) -> None:
    ending = ".gz" if opener is gzip.open else ""
    for image_name, label_name in IDX_NAMES.values():
        with opener(folder / (image_name + ending), "wb") as file:
            file.write(struct.pack(">4i", 2051, len(images), 28, 28) + images.tobytes())
        with opener(folder / (label_name + ending), "wb") as file:
            file.write(struct.pack(">2i", 2049, len(labels)) + labels.tobytes())


@pytest.fixture
def images(mnist) -> np.ndarray:
    return mnist[0].images[:50]


@pytest.fixture
def labels(mnist) -> np.ndarray:
    return mnist[0].labels[:50]


def test_shipped_mnist_is_whole(mnist):
    train, test = mnist
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    assert train.images.dtype == test.images.dtype == np.uint8
    assert train.images.min() == 0 and train.images.max() == 255
    # MNIST's published counts of the digits 0 to 9
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(train.labels).tolist() == counts


@pytest.mark.parametrize(("largest", "kept"), [(1, 12_665), (4, 30_596), (10, 60_000)])
def test_label_filter_keeps_what_the_article_counts(mnist, largest, kept):
    digits = mnist[0].up_to(largest)
    assert len(digits) == len(digits.labels) == kept
    assert digits.labels.max() == min(largest, 9)


def test_label_filter_that_keeps_nothing(mnist):
    with pytest.raises(UnetlibError, match=r"up_to\(-1\) keeps no picture"):
        mnist[0].up_to(-1)


def test_a_sample_is_random_repeatable_and_without_repetition(mnist):
    test = mnist[1]
    few, same, other = test.sample(500), test.sample(500), test.sample(500, seed=1)
    assert np.array_equal(few.images, same.images)
    assert not np.array_equal(few.images, other.images)
    shown = {bytes(i): k for i, k in zip(test.images, test.labels, strict=True)}
    for image, digit in zip(few.images, few.labels, strict=True):
        assert shown[bytes(image)] == digit
    whole = test.sample(len(test))
    assert sorted(map(bytes, whole.images)) == sorted(map(bytes, test.images))
    first = [bytes(image) for image in test.images[:5000]]  # from both of its halves
    assert 200 < sum(bytes(image) in first for image in few.images) < 300
    with pytest.raises(UnetlibError, match="count"):
        test.sample(10_001)


def test_split_keeps_order_and_loses_nothing(mnist):
    learning, validation = data.split(mnist[0])
    assert (len(learning), len(validation)) == (55_000, 5_000)
    joined = np.concatenate([learning.images, validation.images])
    assert np.array_equal(joined, mnist[0].images)
    with pytest.raises(UnetlibError, match="from 1 to 59999, got 60000"):
        data.split(mnist[0], 60_000)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(-1, 28, 28), (-1, 784), (-1, 1, 28, 28)])
def test_article_pair_in_every_layout(tmp_path, images, labels, dtype, shape):
    write_npy_pair(tmp_path, images.reshape(shape).astype(dtype), labels)
    digits = load_npy(tmp_path)
    assert np.array_equal(digits.images, images)
    assert np.array_equal(digits.labels, labels)
    assert digits.images.dtype == digits.labels.dtype == np.uint8


@pytest.mark.parametrize("opener", [open, gzip.open])
def test_idx_files_plain_and_gzipped(tmp_path, images, labels, opener):
    write_idx(tmp_path, images, labels, opener)
    for digits in load_idx(tmp_path):
        assert np.array_equal(digits.images, images)
        assert np.array_equal(digits.labels, labels)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x, y: (x / 255, y), "x_train"),
        (lambda x, y: (x.astype(int) * 2, y), "510"),
        (lambda x, y: (x.astype(int) - 1, y), "-1"),
        (lambda x, y: (np.where(x > 0, np.nan, x), y), "x_train"),
        (lambda x, y: (x[:, :27].reshape(50, -1), y), r"\(50, 756\)"),
        (lambda x, y: (x.ravel(), y), r"\(39200,\)"),
        (lambda x, y: (x[:0], y[:0]), "x_train"),
        (lambda x, y: (x.astype(str), y), "x_train"),
        (lambda x, y: (x, y[:-1]), r"y_train_label.*\(49,\)"),
        (lambda x, y: (x, y * 32.0), "y_train_label.* 288"),
        (lambda x, y: (x, np.eye(10)[y]), r"\(50, 10\)"),
    ],
)
def test_wrong_article_pair(tmp_path, images, labels, spoil, message):
    write_npy_pair(tmp_path, *spoil(images, labels))
    with pytest.raises(UnetlibError, match=message):
        load_npy(tmp_path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(UnetlibError, match="x_train"):
        load_npy(tmp_path)
    with pytest.raises(UnetlibError, match="train-images-idx3-ubyte"):
        load_idx(tmp_path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda raw: raw[:-1], "39200"),
        (lambda raw: raw + b"\0", "39200"),
        (lambda raw: raw[:10], "train-images"),
        (lambda raw: b"", "train-images"),
        (lambda raw: raw[::-1], "train-images"),
        (
            lambda raw: raw[:4] + b"\x7f\xff\xff\xff" + raw[8:],
            "1683627179",
        ),
    ],
    ids=["truncated", "too long", "header cut", "empty", "reversed", "huge"],
)
@pytest.mark.parametrize("opener", [open, gzip.open])
def test_wrong_idx(tmp_path, images, labels, spoil, message, opener):
    write_idx(tmp_path, images, labels, opener)
    (path,) = tmp_path.glob("train-images*")
    with opener(path, "rb") as file:
        raw = file.read()
    with opener(path, "wb") as file:
        file.write(spoil(raw))
    with pytest.raises(UnetlibError, match=message) as caught:
        load_idx(tmp_path)
    assert path.name in str(caught.value)


@pytest.mark.parametrize(
    "spoil", [lambda raw: raw[:-1], lambda raw: raw.replace(b"\0", b"\1", 1)]
)
def test_altered_shipped_file(tmp_path, monkeypatch, spoil):
    copy = tmp_path / "mnist.npz"
    copy.write_bytes(spoil(data.SHIPPED.read_bytes()))
    monkeypatch.setattr(data, "SHIPPED", copy)
    with pytest.raises(UnetlibError, match=r"mnist\.npz"):
        data.load_mnist()


def test_missing_shipped_file(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "SHIPPED", tmp_path / "mnist.npz")
    with pytest.raises(UnetlibError, match="reinstall unetlib"):
        data.load_mnist()


@pytest.mark.parametrize("seed", [-1, 0.5, "x", None])
def test_a_sample_by_what_is_no_seed(seed, mnist):
    with pytest.raises(UnetlibError, match=f"seed must be a whole number .* {seed!r}"):
        mnist[1].sample(3, seed)
