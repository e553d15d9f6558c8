"""Pictures of one's own, whatever file or folder they are in."""

import gzip
from pathlib import Path

import numpy as np

from unetlib.checks import UnetlibError, check_images
from unetlib.data import Digits
from unetlib.formats import idx, npy, npz
from unetlib.formats.arrays import as_labels, as_pictures, matching
from unetlib.formats.csv import read_csv
from unetlib.formats.image_files import find_pictures, folder_labels, read_pictures

EXPECTED = (
    "expected x_train.npy, mnist.npz, train-images-idx3-ubyte (or .gz), train.csv, or "
    "a folder of PNG, JPEG or TIFF pictures"
)


def load_pictures(path: str | Path) -> np.ndarray:
    """The pictures for training in a file or folder: uint8 (N, H, W).

    A file is known by its content: an array of numpy (.npy, .npz), IDX (plain or
    gzipped), a table (.csv), or a picture (see `image_files` for how colour becomes
    gray). A folder holds one of these, under the names that MNIST's archives, Keras,
    torchvision and Kaggle give them, or pictures of one size, in subfolders too.
    Test files and labels may be absent; the order is that of the files' names.
    Raises UnetlibError, naming the file, where there is nothing of the kind, sizes
    differ, or white is not 255. Nothing is unpickled or downloaded.
    """
    images, _, source = _read(path)
    check_images(str(source), images)
    return images


def load_labelled(path: str | Path) -> Digits:
    """The same with their labels: from the file beside, the table, or the names of the
    pictures' folders (0/ to 9/). Raises UnetlibError also where there are none."""
    images, labels, source = _read(path, labelled=True)
    check_images(str(source), images)
    if labels is None:
        raise UnetlibError(
            f"{source} has no labels; expected a file of labels beside it, a column "
            "called label, or pictures in folders called 0 to 9"
        )
    return matching(images, labels, source, source)


Read = tuple[np.ndarray, np.ndarray | None, Path]


def _read(path: str | Path, labelled: bool = False) -> Read:
    """(images, labels if asked for and present, the file or folder they are in)."""
    if path == "":  # what a shell makes of a variable that is not set; Path says "."
        raise UnetlibError("the path of the pictures is empty; name a file or folder")
    try:
        path = Path(path).expanduser()
        exists, is_folder = path.exists(), path.is_dir()
    except (TypeError, ValueError, OSError, RuntimeError) as error:
        raise UnetlibError(
            f"{path!r} is no path ({error}); expected that of a file or folder"
        ) from None
    if not exists:
        raise UnetlibError(f"there is no file or folder {path}; {EXPECTED}")
    return _read_folder(path, labelled) if is_folder else _read_file(path, labelled)


def _read_folder(folder: Path, labelled: bool) -> Read:
    tables = [folder / "train.csv", *sorted(folder.glob("*mnist*train.csv"))]
    for file in (folder / npy.IMAGES, folder / "mnist.npz", *tables):
        if file.is_file():
            return _read_file(file, labelled)
    image_name, label_name = idx.IDX_NAMES["train"]
    if path := idx.find_idx(folder, image_name):
        labels_path = idx.find_idx(folder, label_name) if labelled else None
        return _idx_pictures(path, labels_path)
    if paths := find_pictures(folder):
        return read_pictures(paths), folder_labels(paths), folder
    held = sorted(path.name for path in folder.iterdir())
    inside = f"holds {', '.join(held[:5])}" if held else "is empty"
    raise UnetlibError(f"{folder} {inside}; {EXPECTED}")


def _read_file(path: Path, labelled: bool) -> Read:
    start = _start(path)
    if not start:
        raise UnetlibError(f"{path} is an empty file; copy or download it again")
    if start.startswith(b"\x93NUMPY"):
        beside = path.with_name(npy.LABELS)
        labels = None
        if labelled and path.name == npy.IMAGES and beside.exists():
            labels = as_labels(npy.read_npy(beside), beside)
        return as_pictures(npy.read_npy(path), path), labels, path
    if start.startswith(b"PK"):
        labels = as_labels(npz.read_npz(path, *npz.LABELS), path) if labelled else None
        return as_pictures(npz.read_npz(path, *npz.IMAGES), path), labels, path
    if start.startswith(idx.IDX_START):
        name = path.name.replace("images", "labels").replace("idx3", "idx1")
        beside = path.with_name(name)
        found = labelled and beside != path and beside.is_file()
        return _idx_pictures(path, beside if found else None)
    if path.suffix.lower() == ".csv":
        return *read_csv(path), path
    return read_pictures([path]), None, path


def _idx_pictures(path: Path, labels_path: Path | None) -> Read:
    images, labels = as_pictures(idx.read_idx(path, 3), path), None
    if labels_path:
        labels = as_labels(idx.read_idx(labels_path, 1), labels_path)
    return images, labels, path


def _start(path: Path) -> bytes:
    """The first bytes of a file, or of what is gzipped in it."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if start.startswith(idx.GZIP_START):
            with gzip.open(path) as file:
                return file.read(8)
    except (OSError, EOFError, ValueError) as error:
        raise UnetlibError(f"cannot read {path} ({error}); {EXPECTED}") from None
    return start
