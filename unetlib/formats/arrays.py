"""What all of these files must hold once they are read: whole numbers, and labels."""

import math
from pathlib import Path

import numpy as np

from unetlib.checks import UnetlibError, as_bytes
from unetlib.data import Digits

CURE = "with the array as images, save"
LARGEST = 1 << 28  # bytes of one array; five times MNIST, for 1 MB may unpack to 1 GB


def as_pictures(array: np.ndarray, path: Path) -> np.ndarray:
    """`array` as uint8 pictures (N, H, W): axes of length 1 go, rows become squares.

    Raises UnetlibError, with what mends it, for another scale than 0 (black) to 255
    (white) and where the array is not one gray picture after the other.
    """
    found = _not_bytes(array, path)
    if found or array.max() == 1:
        raise UnetlibError(
            f"{found or f'{path} holds only 0 and 1'}; expected whole numbers from 0 "
            f"(black) to 255 (white); {as_bytes(array, CURE)}"
        )
    count, *sides = array.shape or (1,)
    if len(sides) > 2:
        sides = [side for side in sides if side > 1]
    if len(sides) == 1:
        sides = [math.isqrt(sides[0])] * 2
    if len(sides) != 2 or count * math.prod(sides) != array.size:
        raise UnetlibError(
            f"{path} has shape {array.shape}, expected (N, H, W): gray pictures, or "
            "one square picture per row"
        )
    return array.astype(np.uint8, order="C").reshape(count, *sides)


def as_labels(array: np.ndarray, path: Path) -> np.ndarray:
    """`array` as uint8 labels (N,): whole numbers from 0 to 255, one per picture."""
    if found := _not_bytes(array, path):
        raise UnetlibError(f"{found}; expected labels from 0 to 255")
    return np.atleast_1d(array.astype(np.uint8).squeeze())


def _not_bytes(array: np.ndarray, path: Path) -> str:
    """What keeps `array` from being whole numbers from 0 to 255, or nothing."""
    if array.dtype.kind not in "buif":
        raise UnetlibError(f"{path} holds {array.dtype}, expected numbers")
    if array.size == 0:
        raise UnetlibError(
            f"{path} is empty (shape {array.shape}), expected some numbers"
        )
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 255):  # written so that NaN fails too
        return f"{path} has values from {low} to {high}"
    if not np.array_equal(array.astype(np.uint8), array):
        return f"{path} has fractions, from {low} to {high}"
    return ""


def matching(
    images: np.ndarray, labels: np.ndarray, images_path: Path, labels_path: Path
) -> Digits:
    """Both as `Digits`, after seeing that each picture has a label."""
    if labels.shape != (len(images),):
        raise UnetlibError(
            f"{labels_path} has shape {labels.shape}, expected ({len(images)},): "
            f"one label for each picture in {images_path}"
        )
    return Digits(images, labels)
