"""MNIST as uint8 arrays: from the shipped file, the article's `.npy` pair or IDX.

Introduced in chapter 01. Nothing here scales, shuffles or unpickles anything.
"""

import gzip
import hashlib
import io
import math
import zlib
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path

import numpy as np

SHIPPED = Path(__file__).parent / "mnist" / "mnist.npz"
SHIPPED_SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"
VALIDATION_SIZE = 5_000  # the last training digits are for choosing, not for learning
# How numpy.save starts a file of numbers. Later versions are for names of fields, and
# their header may ask for 4 GB of memory.
NPY_START = b"\x93NUMPY\x01\x00"
LARGEST_IDX = 1 << 28  # bytes; five times MNIST, for a .gz of 1 MB may unpack to 1 GB
IDX_NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


@dataclass(frozen=True, eq=False)
class Digits:
    """Pictures with their labels.

    images: (N, 28, 28) uint8, 0 is background and 255 is ink.
    labels: (N,) uint8, the digit 0 to 9 that each picture shows.
    Raises TypeError for other dtypes, ValueError for other shapes or labels.
    """

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        for array in (self.images, self.labels):
            if not (isinstance(array, np.ndarray) and array.dtype == np.uint8):
                kind = getattr(array, "dtype", type(array))
                raise TypeError(f"expected numpy arrays of uint8, got {kind}")
        if self.labels.ndim != 1 or self.images.shape != (*self.labels.shape, 28, 28):
            raise ValueError(
                "expected images (N, 28, 28) and labels (N,), "
                f"got {self.images.shape} and {self.labels.shape}"
            )
        if self.labels.max(initial=0) > 9:
            raise ValueError(f"labels must be 0 to 9, got {self.labels.max()}")

    def __len__(self) -> int:
        return len(self.images)

    def up_to(self, largest: int) -> "Digits":
        """Only the digits 0 to `largest`: the article's filter, `labels <= largest`.

        Raises ValueError where that leaves nothing, TypeError for what is no number.
        """
        if not isinstance(largest, Real):
            raise TypeError(f"largest must be a number, got {largest!r}")
        kept = self.labels <= largest
        if not kept.any():
            raise ValueError(
                f"up_to({largest}) keeps no picture: the labels here are "
                f"{np.unique(self.labels).tolist()}"
            )
        return Digits(self.images[kept], self.labels[kept])


def load_mnist() -> tuple[Digits, Digits]:
    """The full MNIST that ships with unetlib: 60,000 training and 10,000 test digits.

    Raises ValueError where the file is missing or not the one that was shipped.
    Source: LeCun, Cortes and Burges, CC BY-SA 3.0 (`unetlib/mnist/LICENSE.md`).
    """
    raw = _read(SHIPPED, "the MNIST file that ships with unetlib; reinstall unetlib")
    if hashlib.sha256(raw).hexdigest() != SHIPPED_SHA256:
        raise ValueError(
            f"{SHIPPED} is damaged or altered: expected sha256 {SHIPPED_SHA256}; "
            "reinstall unetlib"
        )
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        train = Digits(arrays["x_train"], arrays["y_train"])
        test = Digits(arrays["x_test"], arrays["y_test"])
    return train, test


def split(
    train: Digits, validation_size: int = VALIDATION_SIZE
) -> tuple[Digits, Digits]:
    """Cut the training digits in two: (for learning, the last ones for choosing).

    Raises ValueError unless 0 < validation_size < len(train).
    """
    check_whole("validation_size", validation_size, 1, len(train) - 1)
    images, labels, cut = train.images, train.labels, len(train) - validation_size
    return Digits(images[:cut], labels[:cut]), Digits(images[cut:], labels[cut:])


def load_npy(folder: str | Path) -> Digits:
    """The article's pair `x_train.npy` and `y_train_label.npy` in `folder`.

    Accepts pictures of 784 pixels in any layout, as uint8 or as whole numbers from
    0 to 255 in another dtype (the article's own file holds floats).
    Raises ValueError, naming the file, for anything else; nothing is unpickled.
    """
    images_path = Path(folder) / "x_train.npy"
    labels_path = Path(folder) / "y_train_label.npy"
    images = _whole_numbers(_read_npy(images_path), 255, images_path)
    labels = _whole_numbers(_read_npy(labels_path), 9, labels_path)
    if images.ndim < 2 or math.prod(images.shape[1:]) != 784:
        raise ValueError(
            f"{images_path} has shape {images.shape}, expected (N, 28, 28): "
            "one picture of 784 pixels per row"
        )
    images = images.reshape(-1, 28, 28)
    labels = np.atleast_1d(labels.squeeze())
    return _matching(images, labels, images_path, labels_path)


def load_idx(folder: str | Path) -> tuple[Digits, Digits]:
    """MNIST's four original IDX files in `folder`, plain or gzipped (`.gz`).

    Returns (train, test). Raises ValueError, naming the file, where one is missing,
    truncated, too long or no IDX file of 28×28 pictures.
    Source of the format: the MNIST web page (big-endian header, then raw bytes).
    """
    parts = []
    for image_name, label_name in IDX_NAMES.values():
        images_path = _plain_or_gz(Path(folder), image_name)
        labels_path = _plain_or_gz(Path(folder), label_name)
        images = _read_idx(images_path, item_shape=(28, 28))
        labels = _whole_numbers(_read_idx(labels_path, item_shape=()), 9, labels_path)
        parts.append(_matching(images, labels, images_path, labels_path))
    return parts[0], parts[1]


def check_whole(name: str, number: int, low: int, high: int = 2**31 - 1) -> int:
    """Return `number`, or raise ValueError unless it is whole and in [low, high]."""
    if not (isinstance(number, (int, Integral)) and low <= number <= high):
        raise ValueError(
            f"{name} must be a whole number from {low} to {high}, got {number!r}"
        )
    return int(number)


def _read(path: Path, expected: str, size: int = -1) -> bytes:
    """The first `size` bytes of a file, or all of them."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise ValueError(f"cannot read {path} ({error}); expected {expected}") from None


def _read_npy(path: Path) -> np.ndarray:
    expected = "one of the article's two files, written by numpy.save"
    start = _read(path, expected, len(NPY_START))
    try:
        if start != NPY_START:
            raise ValueError(f"it starts with {start!r}")
        # Memory-mapped, so that a header that promises more than the file holds
        # is refused before anything is allocated.
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy raises many kinds on a damaged header
        raise ValueError(
            f"{path} is not a plain numpy array ({error}); expected numbers written by "
            "numpy.save. Files with pickled objects are never opened"
        ) from None


def _whole_numbers(array: np.ndarray, largest: int, path: Path) -> np.ndarray:
    """`array` as uint8, after seeing that it holds whole numbers in [0, largest]."""
    if array.dtype.kind not in "uif":
        raise ValueError(f"{path} holds {array.dtype}, expected numbers")
    if array.size == 0:
        raise ValueError(
            f"{path} is empty (shape {array.shape}), expected some numbers"
        )
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= largest):  # written so that NaN fails too
        raise ValueError(
            f"{path} has values from {low} to {high}, expected 0 to {largest}"
        )
    whole = array.astype(np.uint8)
    if not np.array_equal(whole, array):
        raise ValueError(
            f"{path} has fractions, expected whole numbers from 0 to {largest}; "
            "load the pictures before they are scaled"
        )
    return whole


def _matching(
    images: np.ndarray, labels: np.ndarray, images_path: Path, labels_path: Path
) -> Digits:
    if labels.shape != (len(images),):
        raise ValueError(
            f"{labels_path} has shape {labels.shape}, expected ({len(images)},): "
            f"one label for each picture in {images_path}"
        )
    return Digits(images, labels)


def _plain_or_gz(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    raise ValueError(f"{folder} has neither {name} nor {name}.gz; expected one of them")


def _read_idx(path: Path, item_shape: tuple[int, ...]) -> np.ndarray:
    """The array of one IDX file of bytes whose items have `item_shape`."""
    header = np.dtype(">i4").newbyteorder(">")
    magic = 0x0801 + len(item_shape)  # 08: bytes; then the number of dimensions
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            head = np.frombuffer(file.read(8 + 4 * len(item_shape)), header)
            if len(head) < 2 or head[0] != magic or tuple(head[2:]) != item_shape:
                raise ValueError(f"header {head.tolist()}")
            size = int(head[1]) * math.prod(item_shape)
            if size > LARGEST_IDX:
                raise ValueError(f"its {size} bytes are more than {LARGEST_IDX}")
            body = bytearray()  # grows with what the file holds, not with its header
            while len(body) <= size and (part := file.read(1 << 20)):
                body += part
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ValueError(
            f"{path} is not an IDX file of the expected kind ({error}); expected the "
            f"header {[magic, 'N', *item_shape]}, whole, then one byte per value"
        ) from None
    if len(body) != size or size == 0:
        raise ValueError(
            f"{path} does not hold the {size} bytes of data that its header promises: "
            "it is truncated, too long or empty"
        )
    return np.frombuffer(body, np.uint8).reshape(-1, *item_shape)
