"""MNIST's original files, in the IDX format. Introduced in chapter 01."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from unetlib.checks import UnetlibError
from unetlib.data import Digits
from unetlib.formats.arrays import matching, whole_numbers

LARGEST_IDX = 1 << 28  # bytes; five times MNIST, for a .gz of 1 MB may unpack to 1 GB
IDX_NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def load_idx(folder: str | Path) -> tuple[Digits, Digits]:
    """MNIST's four original IDX files in `folder`, plain or gzipped (`.gz`).

    Returns (train, test). Raises UnetlibError, naming the file, where one is missing,
    truncated, too long or no IDX file of 28×28 pictures.
    Source of the format: the MNIST web page (big-endian header, then raw bytes).
    """
    parts = []
    for image_name, label_name in IDX_NAMES.values():
        images_path = _plain_or_gz(Path(folder), image_name)
        labels_path = _plain_or_gz(Path(folder), label_name)
        images = _read_idx(images_path, item_shape=(28, 28))
        labels = whole_numbers(_read_idx(labels_path, item_shape=()), 9, labels_path)
        parts.append(matching(images, labels, images_path, labels_path))
    return parts[0], parts[1]


def _plain_or_gz(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    raise UnetlibError(
        f"{folder} has neither {name} nor {name}.gz; expected one of them"
    )


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
        raise UnetlibError(
            f"{path} is not an IDX file of the expected kind ({error}); expected the "
            f"header {[magic, 'N', *item_shape]}, whole, then one byte per value"
        ) from None
    if len(body) != size or size == 0:
        raise UnetlibError(
            f"{path} does not hold the {size} bytes of data that its header promises: "
            "it is truncated, too long or empty"
        )
    return np.frombuffer(body, np.uint8).reshape(-1, *item_shape)
