"""Pictures of one's own load from whatever people have; mistakes are named and cured.

The oracle is what was written; numpy for the cures, which are carried out as printed.
"""

import gzip
import re
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from unetlib import metrics
from unetlib.checks import UnetlibError, check_floats, check_images
from unetlib.data import Digits
from unetlib.formats.idx import load_idx
from unetlib.formats.image_files import read_picture
from unetlib.formats.npz import load_npz
from unetlib.formats.pictures import load_labelled, load_pictures

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 28, 28), np.uint8)
LABELS = np.arange(12, dtype=np.uint8)  # more than ten, as EMNIST has


def idx_bytes(array: np.ndarray) -> bytes:
    head = struct.pack(f">{1 + array.ndim}i", 0x0800 + array.ndim, *array.shape)
    return head + array.tobytes()


def write_idx_pair(images: Path, labels: Path, pack=bytes) -> None:
    for path, array in ((images, IMAGES), (labels, LABELS)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(idx_bytes(array)))


# ---------- every way to have MNIST ----------


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("ending", ["", ".gz"])  # that need not be true
@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("MNIST/raw/train-images-idx3-ubyte", "MNIST/raw/train-labels-idx1-ubyte"),
        ("raw/train-images-idx3-ubyte", "raw/train-labels-idx1-ubyte"),
        (
            "train-images-idx3-ubyte/train-images-idx3-ubyte",
            "train-labels-idx1-ubyte/train-labels-idx1-ubyte",
        ),
        (
            "emnist-letters-train-images-idx3-ubyte",
            "emnist-letters-train-labels-idx1-ubyte",
        ),
    ],
)
def test_idx_under_every_usual_name(tmp_path, images, labels, ending, pack):
    write_idx_pair(tmp_path / (images + ending), tmp_path / (labels + ending), pack)
    assert np.array_equal(load_pictures(tmp_path), IMAGES)  # without any test files
    assert np.array_equal(load_pictures(tmp_path / (images + ending)), IMAGES)
    digits = load_labelled(tmp_path)
    assert np.array_equal(digits.images, IMAGES)
    assert np.array_equal(digits.labels, LABELS)


def test_both_parts_under_other_names(tmp_path):
    for part in ("train", "t10k"):
        images, labels = f"{part}-images.idx3-ubyte", f"{part}-labels.idx1-ubyte"
        write_idx_pair(tmp_path / images, tmp_path / labels)
        # Kaggle's archive holds each file once more, in a folder of the old name
        again = [name.replace(".idx", "-idx") for name in (images, labels)]
        write_idx_pair(*(tmp_path / name / name for name in again))
    for digits in load_idx(tmp_path):
        assert np.array_equal(digits.images, IMAGES)
        assert np.array_equal(digits.labels, LABELS)


def test_two_sets_of_data_in_one_folder_are_told_apart(tmp_path):
    for name in ("MNIST", "FashionMNIST"):
        folder = tmp_path / name / "raw"
        names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
        write_idx_pair(*(folder / name for name in names))
    with pytest.raises(UnetlibError, match=r"FashionMNIST.* and .*MNIST"):
        load_pictures(tmp_path)
    assert np.array_equal(load_pictures(tmp_path / "MNIST"), IMAGES)


def test_keras_archive(tmp_path):
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[::-1]}
    path = tmp_path / "mnist.npz"
    np.savez_compressed(path, y_test=LABELS[::-1], **arrays)
    train, test = load_npz(path)
    assert np.array_equal(train.images, IMAGES)
    assert np.array_equal(test.images, IMAGES[::-1])
    assert np.array_equal(test.labels, LABELS[::-1])
    for place in (tmp_path, path):
        assert np.array_equal(load_pictures(place), IMAGES)
        assert np.array_equal(load_labelled(place).labels, LABELS)
    np.savez(path, IMAGES)  # arr_0, as Kuzushiji-49
    assert np.array_equal(load_pictures(path), IMAGES)


HEADER = ["label", *(f"pixel{i}" for i in range(784))]


@pytest.mark.parametrize(
    ("name", "header", "label_at"),
    [
        ("train.csv", HEADER, 0),
        ("mnist_train.csv", None, 0),
        ("fashion-mnist_train.csv", HEADER, 0),
        ("mnist_train.csv", [*HEADER[1:], "class"], 784),  # OpenML
        ("train.csv", HEADER[1:], None),  # Kaggle's test.csv has no labels
        ("train.csv", None, None),
    ],
)
@pytest.mark.parametrize("mark", ["utf-8", "utf-8-sig"])
def test_tables(tmp_path, name, header, label_at, mark):
    rows = IMAGES.reshape(12, -1)
    if label_at is not None:
        rows = np.insert(rows, label_at, LABELS, axis=1)
    lines = [",".join(map(str, row)) for row in ([header] if header else [])]
    lines += [",".join(map(str, row)) for row in rows.tolist()]
    (tmp_path / name).write_text("\r\n".join(lines) + "\r\n", encoding=mark)
    for place in (tmp_path, tmp_path / name):
        assert np.array_equal(load_pictures(place), IMAGES)
    if label_at is None:
        with pytest.raises(UnetlibError, match="no labels"):
            load_labelled(tmp_path)
    else:
        assert np.array_equal(load_labelled(tmp_path).labels, LABELS)


@pytest.mark.parametrize("form", ["%.18e", "%.1f", "%d"])  # numpy's, pandas', whole
def test_a_table_without_a_header_keeps_its_first_picture(tmp_path, form):
    rows = np.insert(IMAGES.reshape(12, -1).astype(float), 0, LABELS, axis=1)
    np.savetxt(tmp_path / "train.csv", rows, delimiter=",", fmt=form)
    digits = load_labelled(tmp_path)
    assert np.array_equal(digits.images, IMAGES)
    assert np.array_equal(digits.labels, LABELS)


def test_labels_are_found_beside_a_file_and_in_medmnist(tmp_path):
    np.savez(tmp_path / "b.npz", train_images=IMAGES, train_labels=LABELS)
    assert np.array_equal(load_labelled(tmp_path / "b.npz").labels, LABELS)
    images = tmp_path / "t10k-images-idx3-ubyte"
    write_idx_pair(images, tmp_path / "t10k-labels-idx1-ubyte")
    assert np.array_equal(load_labelled(images).labels, LABELS)


@pytest.mark.parametrize("shape", [(6, 40, 20), (6, 1, 40, 20), (6, 40, 20, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_arrays_of_another_size_without_labels(tmp_path, shape, dtype):
    pixels = RNG.integers(0, 256, shape).astype(dtype)
    np.save(tmp_path / "x_train.npy", pixels)
    for place in (tmp_path, tmp_path / "x_train.npy"):
        found = load_pictures(place)
        assert found.dtype == np.uint8
        assert np.array_equal(found, pixels.reshape(6, 40, 20))


# ---------- pictures ----------


def ramp(dtype=np.uint8) -> np.ndarray:
    return np.arange(8 * 12, dtype=dtype).reshape(8, 12)


def test_pictures_of_every_kind(tmp_path):
    gray = ramp() * 2
    path = tmp_path / "a.png"

    def read(picture: Image.Image, name="a.png", **options) -> np.ndarray:
        picture.save(tmp_path / name, **options)
        return read_picture(tmp_path / name)

    picture = Image.fromarray(gray)
    for mode in ("L", "RGB", "RGBA", "LA"):
        assert np.array_equal(read(picture.convert(mode)), gray)
    assert np.array_equal(read(picture.convert("P")), gray)
    for name in ("a.tif", "a.bmp", "a.pgm", "a.gif"):
        assert np.array_equal(read(picture, name), gray)
    assert np.array_equal(read(picture, "a.tif", compression="tiff_lzw"), gray)
    assert abs(read(picture, "a.jpg", quality=95).astype(int) - gray).max() < 12
    one_bit = read(Image.fromarray(gray > 90))
    assert np.array_equal(one_bit, np.where(gray > 90, 255, 0))
    for name in ("a.png", "a.tif"):
        deep = np.linspace(0, 65535, gray.size).reshape(gray.shape).astype(np.uint16)
        assert np.array_equal(read(Image.fromarray(deep), name), np.round(deep / 257))
    colour = np.zeros((8, 12, 3), np.uint8)
    colour[..., 0], colour[..., 1], colour[..., 2] = 200, 100, 50
    weighed = 0.299 * 200 + 0.587 * 100 + 0.114 * 50
    assert abs(read(Image.fromarray(colour)).astype(float) - weighed).max() <= 0.5
    clear = np.dstack([gray, np.zeros_like(gray)])  # black ink, all transparent
    assert (read(Image.fromarray(clear, "LA")) == 255).all()
    half = read(Image.fromarray(np.dstack([gray * 0, gray * 0 + 128]), "LA"))
    assert abs(half.astype(int) - 127).max() <= 1
    exif = Image.Exif()
    for orientation, turned in ((3, gray[::-1, ::-1]), (6, np.rot90(gray, -1))):
        exif[0x0112] = orientation
        assert np.array_equal(read(picture, exif=exif), turned)
        assert np.array_equal(read_picture(path, turned.shape), turned)


def test_a_folder_of_pictures_with_labels(tmp_path):
    for part in ("training", "testing"):
        for image, label in zip(IMAGES[:10], LABELS, strict=False):
            folder = tmp_path / part / str(label)
            folder.mkdir(parents=True)
            image = 255 - image if part == "testing" else image
            Image.fromarray(image).save(folder / "a.PNG")
            (folder / "._a.png").write_bytes(b"what macOS leaves in archives")
    (tmp_path / "__MACOSX").mkdir()
    digits = load_labelled(tmp_path)
    assert np.array_equal(digits.images, IMAGES[:10])
    assert np.array_equal(digits.labels, LABELS[:10])
    assert np.array_equal(load_pictures(tmp_path), IMAGES[:10])
    assert np.array_equal(load_pictures(tmp_path / "training" / "3"), IMAGES[3:4])


# ---------- what is refused ----------


def web_page(folder: Path) -> Path:
    (folder / "a.png").write_text("<!DOCTYPE html><title>404</title>")
    return folder


def other_size(folder: Path) -> Path:
    for name, height in (("a", 8), ("b", 8), ("c", 9)):
        Image.new("L", (6, height), 99).save(folder / f"{name}.png")
    return folder


def pages(folder: Path) -> Path:
    frames = [Image.new("L", (8, 8), level) for level in (0, 99)]
    frames[0].save(folder / "a.tif", save_all=True, append_images=frames[1:])
    return folder


def floats(folder: Path) -> Path:
    Image.fromarray(ramp(np.float32)).save(folder / "a.tif")
    return folder


def mask(folder: Path) -> Path:
    Image.fromarray(ramp() % 2).save(folder / "a.png")
    return folder


def enormous(folder: Path) -> Path:
    Image.new("1", (20_000, 20_000)).save(folder / "a.png")  # 50 kB
    return folder


def unpacked(folder: Path) -> Path:
    np.savez(folder / "mnist.npz", photographs=IMAGES)
    return folder


def put(name: str, content: bytes):
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder

    return write


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda folder: folder / "typo", "there is no file or folder .*typo"),
        (lambda folder: None, "no path"),
        (lambda folder: "https://example.org/x", "there is no file or folder"),
        (lambda folder: folder, "is empty; expected x_train.npy, mnist.npz, train-im"),
        (put("a.txt", b""), r"holds a\.txt; expected x_train\.npy"),
        (web_page, r"a\.png is not a picture"),
        (other_size, r"c\.png has 9×6 pixels .* before it 8×6"),
        (pages, r"a\.tif holds 2 pictures"),
        (floats, r"a\.tif holds floats"),
        (mask, "only 0 and 1.*images \\* 255"),
        (enormous, r"a\.png is not a picture .*400000000 pixels"),
        (unpacked, "called x_train or .*it holds photographs.*unpacked"),
        (put("train.csv", b"a,b,c\n1,2,3\n"), "3 numbers in each row"),
        (put("train.csv", b"label,pixel0\n1,256\n"), "from 256.0 to 256.0.*/ 257"),
        (put("train.csv", b""), "is an empty file"),
        (put("train.csv", b"label,p\n"), "is not a table"),
        (put("train.csv", b"\xff\xfe,1\n"), "is not a table"),
        (put("train-images-idx3-ubyte", idx_bytes(IMAGES)[:-1]), "truncated"),
        (put("train-images-idx3-ubyte", idx_bytes(LABELS)), r"header \[2049"),
        (put("train-images-idx3-ubyte.gz", b"\x1f\x8b\x08"), "is not an IDX file"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_cannot_be_read_is_named(tmp_path, write, message):
    with pytest.raises(UnetlibError, match=re.compile(message, re.S)):
        load_pictures(write(tmp_path))


def test_a_missing_folder_is_called_missing(tmp_path):
    with pytest.raises(UnetlibError, match="there is no folder .*typo"):
        load_idx(tmp_path / "typo")


# ---------- the wrong scale ----------

UNIT = np.linspace(0, 1, 256)
BYTES = np.arange(256, dtype=np.uint8)
MISTAKES = {
    "float64": UNIT,
    "float32": UNIT.astype(np.float32),
    "float16": UNIT.astype(np.float16),
    "from -1 to 1": UNIT * 2 - 1,
    "divided twice": UNIT / 255,
    "floats of bytes": BYTES.astype(np.float32),
    "whole numbers": BYTES.astype(np.int64),
    "16 bits": BYTES.astype(np.uint16) * 257,
    "mean and deviation": ((UNIT - 0.1307) / 0.3081).astype(np.float32),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_cure_for_an_array_on_another_scale(mistake):
    images = MISTAKES[mistake].reshape(4, 8, 8)
    with pytest.raises(UnetlibError, match="got ") as caught:
        check_images("images", images)
    cure = str(caught.value).split("convert it: ")[1]
    mended = eval(cure, {"np": np, "images": images})
    check_images("images", mended)
    error = abs(mended.ravel().astype(int) - BYTES)
    assert error.max() <= (1 if mistake == "float16" else 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, bool])
def test_zeros_and_ones_are_not_taken_for_bytes(dtype):
    images = (IMAGES > 127).astype(dtype)
    with pytest.raises(UnetlibError) as caught:
        check_images("images", images)
    cure = re.split("(?:convert|scale) it: ", str(caught.value))[1]
    mended = eval(cure, {"np": np, "images": images})
    check_images("images", mended)
    assert np.array_equal(mended, np.where(IMAGES > 127, 255, 0))


@pytest.mark.parametrize("dtype", ["float64", "float32", "bool"])
def test_a_file_on_another_scale(tmp_path, dtype):
    images = (IMAGES > 127).astype(dtype)
    np.save(tmp_path / "x_train.npy", images if dtype == "bool" else images * 0.9999)
    with pytest.raises(UnetlibError, match=r"x_train\.npy.*, save ") as caught:
        load_pictures(tmp_path)
    images = np.load(tmp_path / "x_train.npy")
    mended = eval(str(caught.value).split(", save ")[1], {"np": np, "images": images})
    assert np.array_equal(mended, np.where(IMAGES > 127, 255, 0))


PICTURE = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4)
HELD = {
    "array of bytes": np.array(PICTURE),
    "array of floats": np.array(PICTURE) / 255,
    "array of 16 bits": np.array(PICTURE, np.uint16) * 257,
    "tensor of bytes": torch.tensor(np.array(PICTURE)),
    "tensor of 16 bits": torch.tensor(np.array(PICTURE, np.uint16) * 257),
    "picture": PICTURE,
    "list": np.array(PICTURE).tolist(),
}


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("refuse", [metrics.psnr, check_floats])
def test_the_cure_fits_what_the_user_holds(held, refuse):
    images = HELD[held]
    with pytest.raises(UnetlibError) as caught:
        if refuse is check_floats:
            check_floats("images", images)
        else:
            metrics.psnr(images, images)
    cure = str(caught.value).split("it first: ")[-1].split("convert it: ")[-1]
    mended = eval(cure, {"np": np, "torch": torch, "images": images})
    assert torch.allclose(mended, torch.tensor(np.array(PICTURE)) / 255, atol=1e-6)
    check_floats("images", mended)


@pytest.mark.parametrize("scaled", [lambda x: x * 255, lambda x: x * 65535])
def test_psnr_of_pictures_that_are_not_in_the_unit_range(clean, scaled):
    assert_cured(clean, scaled(clean))


@pytest.mark.parametrize("scaled", [lambda x: x * 2 - 1, lambda x: x / 255])
def test_psnr_of_pictures_scaled_twice_or_for_tanh(clean, scaled):
    assert_cured(clean, scaled(clean))


def assert_cured(right: torch.Tensor, clean: torch.Tensor) -> None:
    with pytest.raises(UnetlibError, match="clean must lie in") as caught:
        metrics.psnr(clean, clean)
    cure = str(caught.value).split("on the right scale it is ")[1]
    mended = eval(cure, {"clean": clean})
    assert torch.allclose(mended, right, atol=1e-5)
    assert torch.isinf(metrics.psnr(mended, mended)).all()


def test_a_picture_given_for_an_array():
    for images in (PICTURE, torch.tensor(IMAGES), IMAGES.tolist()):
        with pytest.raises(UnetlibError) as caught:
            check_images("images", images)
        cure = str(caught.value).split("convert it: ")[1]
        mended = eval(cure, {"np": np, "images": images})
        assert mended.ndim == 3
        if not isinstance(images, list):
            check_images("images", mended)


def test_labels_above_nine_and_other_sizes():
    letters = Digits(IMAGES[:, :20, :24].copy(), LABELS)
    assert letters.images.shape == (12, 20, 24) and letters.labels.max() == 11
    assert len(letters.up_to(9)) == 10


@pytest.mark.parametrize("ending", ["gif", "tif", "webp", "png"])
def test_the_second_picture_of_a_file_is_not_lost_silently(ending, tmp_path):
    pages = [Image.fromarray(image) for image in IMAGES[:2]]
    path = tmp_path / f"a.{ending}"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    with pytest.raises(UnetlibError, match="holds 2 pictures"):
        read_picture(path)


def test_a_phones_smaller_copy_is_no_second_picture(tmp_path):
    large, small = (Image.fromarray(IMAGES[0]).resize((n, n)) for n in (56, 28))
    large.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[small])
    assert read_picture(tmp_path / "a.jpg").shape == (56, 56)


def test_a_table_whose_numbers_are_quoted(tmp_path):
    rows = [["label", *map(str, range(784))]]
    rows += [["3", *map(str, image.ravel())] for image in IMAGES]
    table = "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows)
    (tmp_path / "train.csv").write_text(table + "\n")
    assert np.array_equal(load_pictures(tmp_path), IMAGES)


@pytest.mark.parametrize("name", ["x_train.npy", "train-images-idx3-ubyte", "a.png"])
def test_an_empty_file_is_called_so(name, tmp_path):
    (tmp_path / name).touch()
    with pytest.raises(UnetlibError, match=f"{name} is an empty file; copy or downl"):
        load_pictures(tmp_path / name)


@pytest.mark.parametrize("values", [(-128.0, 127.0), (0.0, np.nan), (0.0, np.inf)])
def test_where_no_line_will_do_it_says_what_there_is(values, tmp_path):
    np.save(tmp_path / "x.npy", np.resize(values, (3, 4, 4)))
    with pytest.raises(UnetlibError, match="; they hold values from .*: undo what was"):
        load_pictures(tmp_path / "x.npy")


def test_channels_that_come_last_are_told_where_they_belong():
    images = np.stack([IMAGES] * 3, axis=3)
    with pytest.raises(UnetlibError, match="move them: ") as caught:
        check_images("images", images)
    cures = re.search("move them: (.*)[.] The .* gray by (.*)", str(caught.value))
    moved, gray = (eval(cure, {"images": images, "np": np}) for cure in cures.groups())
    check_images("images", moved)
    assert np.array_equal(gray, IMAGES)


def test_a_second_array_in_a_file_is_not_lost_silently(tmp_path):
    with (tmp_path / "x_train.npy").open("wb") as file:
        np.save(file, IMAGES)
        np.save(file, IMAGES)
    more = IMAGES.nbytes + 128  # with its header
    with pytest.raises(UnetlibError, match=f"{more} bytes follow its array"):
        load_pictures(tmp_path)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_that_was_cut_off_is_not_read_silently(end, tmp_path):
    whole = end.join([",".join(["7", *["255"] * 784])] * 2)
    path = tmp_path / "train.csv"
    path.write_bytes(whole[:-1].encode())
    with pytest.warns(UserWarning, match="train.csv ends without a line break; if it"):
        assert load_pictures(path)[-1, -1, -1] == 25
    path.write_bytes((whole + end).encode())
    with warnings.catch_warnings(action="error"):
        assert load_pictures(path)[-1, -1, -1] == 255
