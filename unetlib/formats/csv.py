"""Tables with one picture per row, as Kaggle has MNIST: label, then the pixels."""

import math
import os
import warnings
from pathlib import Path

import numpy as np

from unetlib.checks import UnetlibError
from unetlib.formats.arrays import as_labels, as_pictures

COMMAS = {"delimiter": ",", "quotechar": '"', "ndmin": 2}  # how numpy is to read it
LABEL = ("label", "class")  # what the column of the labels is called, by Kaggle, OpenML


def read_csv(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """(images, labels) of a table: uint8 (N, side, side) and (N,), or None.

    The header tells which column is the label. Without one it is the first, if what is
    left makes a square. Raises UnetlibError, naming the file, for anything but whole
    numbers from 0 to 255.
    """
    try:
        first, table = _read_table(path)
    except Exception as error:  # numpy raises many kinds, and there are encodings
        raise UnetlibError(
            f"{path} is not a table of pictures ({error}); expected rows of whole "
            "numbers from 0 to 255 with commas between them: label, pixel, pixel, …"
        ) from None
    if _last_byte(path) not in b"\n\r":
        warnings.warn(
            f"{path} ends without a line break; if it was cut off, so was its last "
            "number",
            stacklevel=4,
        )
    columns = table.shape[1]
    named = [i for i, cell in enumerate(first) if cell in LABEL]
    if not named and not _is_square(columns):
        named = [0]
    if not _is_square(columns - len(named[:1])):
        raise UnetlibError(
            f"{path} has {columns} numbers in each row; expected the pixels of a "
            "square picture, 784 for MNIST, and a label before them or none"
        )
    if not named:
        return as_pictures(table, path), None
    pixels = np.delete(table, named[0], axis=1)
    return as_pictures(pixels, path), as_labels(table[:, named[0]], path)


def _read_table(path: Path) -> tuple[list[str], np.ndarray]:
    """The cells of the first line, and all rows of numbers, (rows, columns)."""
    with path.open(encoding="utf-8-sig") as file, warnings.catch_warnings():
        warnings.simplefilter("error")  # of a table without rows, for one
        first = [cell.strip().strip('"').lower() for cell in file.readline().split(",")]
        start = 0 if all(map(_is_number, first)) else file.tell()
        file.seek(start)
        try:
            return first, np.loadtxt(file, np.uint8, **COMMAS)
        except Exception:  # fractions, or numbers that are no bytes: see as_pictures
            file.seek(start)
            return first, np.loadtxt(file, np.float32, **COMMAS)


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_square(count: int) -> bool:
    return math.isqrt(count) ** 2 == count > 0
