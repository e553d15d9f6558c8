"""Photographs of any size, and the patches that a network learns from. See chapter 08.

`fit` wants pictures of one size. Photographs have many, and a network that looks no
further than some tens of pixels needs only as much of each at a time.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unetlib.checks import UnetlibError, check_whole
from unetlib.formats.image_files import SUFFIXES, find_pictures, read_picture


def load_photographs(
    path: str | Path, colour: bool = False, least: int = 1
) -> list[np.ndarray]:
    """The pictures in a folder and below, or one file: each (H, W) uint8, of any size.

    In the order of their names. colour: keep it, each (3, H, W); else it becomes gray.
    least: pixels that height and width must have.
    Raises UnetlibError, naming the file, for what cannot be read or is smaller.
    """
    if path == "":  # what a shell makes of a variable that is not set
        raise UnetlibError("the path of the pictures is empty; name a file or folder")
    path = Path(path).expanduser()
    if not path.exists():
        raise UnetlibError(f"there is no file or folder {path}; name one of pictures")
    files = find_pictures(path) if path.is_dir() else [path]
    if not files:
        raise UnetlibError(f"{path} holds no pictures; expected {', '.join(SUFFIXES)}")
    photographs = [read_picture(file, colour=colour) for file in files]
    for file, photograph in zip(files, photographs, strict=True):
        _check_sides(str(file), photograph, least)
    return photographs


def cut_patches(
    photographs: Sequence[np.ndarray], side: int, count: int, seed: int = 0
) -> np.ndarray:
    """`count` squares from anywhere in the photographs, each place equally probable.

    photographs: (H, W) or (3, H, W) uint8 each, as `load_photographs` gives them.
    Returns (count, side, side) or (count, 3, side, side) uint8, what `fit` takes; the
    same ones for the same seed. Squares may overlap.
    Raises UnetlibError for no photographs, and for one smaller than a square.
    """
    side, count = check_whole("side", side, 1), check_whole("count", count, 1)
    rng = np.random.default_rng(check_whole("seed", seed, 0))
    if not len(photographs):
        raise UnetlibError("expected some photographs to cut patches from, got none")
    for index, photograph in enumerate(photographs):
        _check_sides(f"photographs[{index}]", photograph, side)
    places = np.array([[n - side + 1 for n in p.shape[-2:]] for p in photographs])
    area = places.prod(axis=1)
    chosen = rng.choice(len(photographs), count, p=area / area.sum())
    rows, columns = rng.integers(places[chosen]).T
    return np.stack(
        [
            photographs[index][..., row : row + side, column : column + side]
            for index, row, column in zip(chosen, rows, columns, strict=True)
        ]
    )


def _check_sides(name: str, photograph: np.ndarray, least: int) -> None:
    height, width = photograph.shape[-2:]
    if min(height, width) < least:
        raise UnetlibError(
            f"{name} has {height}×{width} pixels (height × width), expected at least "
            f"{least}×{least}; leave it out, or cut smaller patches"
        )
