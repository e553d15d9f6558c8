"""What all of these files must hold once they are read: whole numbers, and labels."""

from pathlib import Path

import numpy as np

from unetlib.checks import UnetlibError
from unetlib.data import Digits


def whole_numbers(array: np.ndarray, largest: int, path: Path) -> np.ndarray:
    """`array` as uint8, after seeing that it holds whole numbers in [0, largest]."""
    if array.dtype.kind not in "uif":
        raise UnetlibError(f"{path} holds {array.dtype}, expected numbers")
    if array.size == 0:
        raise UnetlibError(
            f"{path} is empty (shape {array.shape}), expected some numbers"
        )
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= largest):  # written so that NaN fails too
        raise UnetlibError(
            f"{path} has values from {low} to {high}, expected 0 to {largest}"
        )
    whole = array.astype(np.uint8)
    if not np.array_equal(whole, array):
        raise UnetlibError(
            f"{path} has fractions, expected whole numbers from 0 to {largest}; "
            "load the pictures before they are scaled"
        )
    return whole


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
