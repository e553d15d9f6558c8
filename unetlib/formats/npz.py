"""Archives of arrays by `numpy.savez`, such as Keras' `mnist.npz`."""

import math
import zipfile
from pathlib import Path

import numpy as np

from unetlib.checks import UnetlibError
from unetlib.data import Digits
from unetlib.formats.arrays import LARGEST, as_labels, as_pictures, matching
from unetlib.formats.npy import NPY_START

IMAGES = ("x_train", "train_images", "arr_0")  # by Keras, MedMNIST, Kuzushiji-49
LABELS = ("y_train", "train_labels")  # by the first two; the third has a file of them


def load_npz(path: str | Path) -> tuple[Digits, Digits]:
    """Keras' `mnist.npz`: (train, test), of the arrays x_train, y_train and so on.

    Raises UnetlibError, naming the file, where an array is missing, is none of numbers
    or larger than MNIST five times; nothing is unpickled.
    """
    path, parts = Path(path), []
    for part in ("train", "test"):
        images = as_pictures(read_npz(path, f"x_{part}"), path)
        labels = as_labels(read_npz(path, f"y_{part}"), path)
        parts.append(matching(images, labels, path, path))
    return parts[0], parts[1]


def read_npz(path: Path, *names: str) -> np.ndarray:
    """The first of the arrays of these names that the archive holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            held = {Path(name).stem for name in archive.namelist()}
            name = next((name for name in names if name in held), None)
            if name is None:
                raise ValueError(f"it holds {', '.join(sorted(held)[:5])}")
            return _read_member(archive, archive.getinfo(f"{name}.npy"))
    except Exception as error:  # zipfile, zlib and numpy raise many kinds
        raise UnetlibError(
            f"{path} is not an archive by numpy.savez with an array of numbers called "
            f"{' or '.join(names)} ({error}). An archive of other files must be "
            "unpacked first; files with pickled objects are never opened"
        ) from None


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """One array; its header is read first, and refused if it promises too much."""
    with archive.open(info) as file:
        if (start := file.read(len(NPY_START))) != NPY_START:
            raise ValueError(f"{info.filename} starts with {start!r}")
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
        if dtype.kind not in "buif":
            raise ValueError(f"{info.filename} holds {dtype}")
        size = math.prod(shape) * dtype.itemsize
        if not 0 <= size <= LARGEST:
            raise ValueError(
                f"the {size} bytes of {info.filename} are more than {LARGEST}"
            )
        raw = file.read(size)
        if len(raw) != size or file.read(1):
            raise ValueError(f"{info.filename} is not as long as its header says")
    return np.frombuffer(raw, dtype).reshape(shape, order="F" if by_columns else "C")
