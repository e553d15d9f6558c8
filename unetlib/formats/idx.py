"""MNIST's original files, in the IDX format. Introduced in chapter 01."""

import gzip
import math
import re
import zlib
from pathlib import Path

import numpy as np

from unetlib.checks import UnetlibError
from unetlib.data import Digits
from unetlib.formats.arrays import LARGEST, as_labels, as_pictures, matching

GZIP_START = b"\x1f\x8b"
IDX_START = b"\x00\x00\x08"  # bytes; then comes the number of dimensions
IDX_NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def load_idx(folder: str | Path) -> tuple[Digits, Digits]:
    """MNIST's four IDX files in `folder`, plain or gzipped, under any usual name.

    `train-images.idx3-ubyte` is one as well, and so are the files of torchvision's
    `MNIST/raw` and of a folder that has the name of the file.
    Returns (train, test). Raises UnetlibError, naming the file, where one is missing,
    truncated, too long or no IDX file.
    Source of the format: the MNIST web page (big-endian header, then raw bytes).
    """
    parts = []
    for image_name, label_name in IDX_NAMES.values():
        images_path = _need_idx(Path(folder), image_name)
        labels_path = _need_idx(Path(folder), label_name)
        images = as_pictures(read_idx(images_path, 3), images_path)
        labels = as_labels(read_idx(labels_path, 1), labels_path)
        parts.append(matching(images, labels, images_path, labels_path))
    return parts[0], parts[1]


def find_idx(folder: Path, name: str) -> Path | None:
    """The file of this name in `folder`, or at most two folders further down.

    Other spellings count: a dot for the dash before idx, `.gz`, and the prefixes of
    EMNIST with its "test" for "t10k". Raises UnetlibError for two sets of data.
    """
    part, kind, dimensions, _ = name.split("-")
    part = "(?:t10k|test)" if part == "t10k" else part
    spelling = re.compile(rf"(.*-)?{part}-{kind}[-.]{dimensions}-ubyte(?:\.gz)?")
    for depth in ("", "*/", "*/*/"):
        paths = sorted(folder.glob(f"{depth}*{kind}?{dimensions}-ubyte*"))
        found = [p for p in paths if spelling.fullmatch(p.name) and p.is_file()]
        if len({(p.parent, spelling.match(p.name)[1]) for p in found}) > 1:
            raise UnetlibError(
                f"{folder} holds several sets of data, {found[0]} and {found[-1]}; "
                "expected one: give each a folder of its own"
            )
        if found:
            return next((p for p in found if p.name == name), found[0])
    return None


def _need_idx(folder: Path, name: str) -> Path:
    if not folder.is_dir():
        raise UnetlibError(f"there is no folder {folder}; expected one with {name}")
    if found := find_idx(folder, name):
        return found
    raise UnetlibError(
        f"{folder} has neither {name} nor {name}.gz; expected one of them"
    )


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """The array of one IDX file of bytes, which has so many dimensions."""
    header = np.dtype(">i4")
    magic = 0x0800 + dimensions
    try:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP_START  # whatever it is called
        with (gzip.open if packed else open)(path, "rb") as file:
            head = np.frombuffer(file.read(4 + 4 * dimensions), header).tolist()
            if len(head) <= dimensions or head[0] != magic or min(head) < 0:
                raise ValueError(f"header {head}")
            shape = head[1:]
            size = math.prod(shape)
            if size > LARGEST:
                raise ValueError(f"its {size} bytes are more than {LARGEST}")
            body = bytearray()  # grows with what the file holds, not with its header
            while len(body) <= size and (part := file.read(1 << 20)):
                body += part
    except (OSError, EOFError, ValueError, zlib.error) as error:
        sides = ["N", "height", "width"][:dimensions]
        raise UnetlibError(
            f"{path} is not an IDX file of the expected kind ({error}); expected the "
            f"header {[magic, *sides]}, whole, then one byte per value"
        ) from None
    if len(body) != size or size == 0:
        raise UnetlibError(
            f"{path} does not hold the {size} bytes of data that its header promises: "
            "it is truncated, too long or empty"
        )
    return np.frombuffer(body, np.uint8).reshape(shape)
