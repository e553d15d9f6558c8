"""The article's two files, written by `numpy.save`. Introduced in chapter 01."""

from pathlib import Path

import numpy as np

from unetlib.checks import UnetlibError
from unetlib.data import Digits
from unetlib.formats.arrays import as_labels, as_pictures, matching

# How numpy.save starts a file of numbers. Later versions are for names of fields, and
# their header may ask for 4 GB of memory.
NPY_START = b"\x93NUMPY\x01\x00"
IMAGES, LABELS = "x_train.npy", "y_train_label.npy"


def load_npy(folder: str | Path) -> Digits:
    """The article's pair `x_train.npy` and `y_train_label.npy` in `folder`.

    Accepts gray pictures of one size in any layout, of 784 pixels for instance, as
    uint8 or as whole numbers from 0 to 255 in another dtype (the article's own file
    holds floats).
    Raises UnetlibError, naming the file, for anything else; nothing is unpickled.
    """
    images_path, labels_path = Path(folder) / IMAGES, Path(folder) / LABELS
    images, labels = read_npy(images_path), read_npy(labels_path)
    return matching(
        as_pictures(images, images_path),
        as_labels(labels, labels_path),
        images_path,
        labels_path,
    )


def read_npy(path: Path) -> np.ndarray:
    """The array of one file, memory-mapped; objects are refused unread."""
    expected = "one of the article's two files, written by numpy.save"
    try:
        with path.open("rb") as file:
            start = file.read(len(NPY_START))
    except OSError as error:
        raise UnetlibError(
            f"cannot read {path} ({error}); expected {expected}"
        ) from None
    try:
        if start != NPY_START:
            raise ValueError(f"it starts with {start!r}")
        # Memory-mapped, so that a header that promises more than the file holds
        # is refused before anything is allocated.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if more := path.stat().st_size - array.offset - array.nbytes:
            raise ValueError(f"{more} bytes follow its array, such as a second one")
        return array
    except Exception as error:  # numpy raises many kinds on a damaged header
        raise UnetlibError(
            f"{path} is not a plain numpy array ({error}); expected numbers written by "
            "numpy.save. Files with pickled objects are never opened"
        ) from None
