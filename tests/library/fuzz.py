"""Damages files and reads them; test_fuzz.py runs it in processes of its own.

    python tests/library/fuzz.py KIND FIRST COUNT FOLDER

A further kind of file is one more line in KINDS: a function that writes valid files
into a folder, and one that reads them back and sees that they hold what they say.
The n-th damage of a kind is always the same: FIRST and COUNT can single one out.
"""

import faulthandler
import gzip
import hashlib
import json
import random
import re
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from damage import damaged, foreign
from PIL import Image
from safetensors.torch import load_file
from test_data import write_idx, write_npy_pair

from unetlib import data
from unetlib.batcher import Batcher
from unetlib.checks import UnetlibError
from unetlib.formats.idx import IDX_NAMES, load_idx
from unetlib.formats.npy import load_npy
from unetlib.formats.npz import load_npz
from unetlib.formats.pictures import load_pictures
from unetlib.model import SkipUnet
from unetlib.pretrained import load_network
from unetlib.recipe import BOOK
from unetlib.saving import checkpoint
from unetlib.saving.files import save_weights
from unetlib.saving.history import History
from unetlib.step import TrainStep

LIMIT = 100 << 20  # bytes of memory beyond the start; MNIST itself is 47 million
SECONDS = 30  # for one file, on a machine that does other things too
PICTURES = np.random.default_rng(0).integers(0, 256, (5, 28, 28)).astype(np.uint8)
LABELS = np.arange(5, dtype=np.uint8)


def write_npy(folder: Path) -> None:
    write_npy_pair(folder, PICTURES, LABELS.astype(float))


def read_npy(folder: Path) -> None:
    digits = load_npy(folder)
    names = ("x_train.npy", "y_train_label.npy")
    check(digits, *(np.load(folder / name) for name in names))


def write_plain_idx(folder: Path) -> None:
    write_idx(folder, PICTURES, LABELS, open)


def write_gzipped_idx(folder: Path) -> None:
    write_plain_idx(folder)
    for path in list(folder.iterdir()):
        packed = gzip.compress(path.read_bytes(), mtime=0)
        path.with_name(f"{path.name}.gz").write_bytes(packed)
        path.unlink()


def read_idx(folder: Path) -> None:
    loaded = dict(zip(IDX_NAMES, load_idx(folder), strict=True))
    for part, names in IDX_NAMES.items():
        packed = [folder / f"{name}.gz" for name in names]
        if packed[0].exists():
            raw = [gzip.decompress(path.read_bytes()) for path in packed]
        else:
            raw = [(folder / name).read_bytes() for name in names]
        pixels, labels = (np.frombuffer(content, np.uint8) for content in raw)
        check(loaded[part], pixels[16:], labels[8:])


def write_npz(folder: Path) -> None:
    """A small one, taken for the one that was shipped."""
    data.SHIPPED = folder / "mnist.npz"
    train = {"x_train": PICTURES, "y_train": LABELS}
    np.savez(data.SHIPPED, x_test=PICTURES, y_test=LABELS, **train)
    data.SHIPPED_SHA256 = hashlib.sha256(data.SHIPPED.read_bytes()).hexdigest()


def read_npz(_folder: Path) -> None:
    for digits in data.load_mnist():
        check(digits, PICTURES, LABELS)


def write_keras(folder: Path) -> None:
    train = {"x_train": PICTURES, "y_train": LABELS}
    np.savez_compressed(folder / "mnist.npz", x_test=PICTURES, y_test=LABELS, **train)


def read_keras(folder: Path) -> None:
    for digits in load_npz(folder / "mnist.npz"):
        assert np.array_equal(digits.images, PICTURES)  # the archive has checksums
        assert np.array_equal(digits.labels, LABELS)


def write_png(folder: Path) -> None:
    for number, picture in enumerate(PICTURES[:2]):
        Image.fromarray(picture).save(folder / f"{number}.png")


def read_png(folder: Path) -> None:
    found = load_pictures(folder)
    assert found.dtype == np.uint8 and found.ndim == 3 and len(found) == 2


class Resumed:
    """A run with a network of few numbers, about to resume."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = SkipUnet(width=1)
        self.step = TrainStep(self.model, RECIPE, steps=10)
        self.batcher = Batcher(PICTURES, RECIPE.batch_size, sigma=RECIPE.sigma)


def write_checkpoint(folder: Path) -> None:
    run, history = Resumed(), History()
    run.step(*next(run.batcher))
    history.unfinished.steps = 1
    checkpoint.save_checkpoint(folder, run.step, run.batcher, history)


def read_checkpoint(folder: Path) -> None:
    run = Resumed()
    checkpoint.load_checkpoint(folder, run.step, run.batcher)
    held = load_file(folder / checkpoint.CHECKPOINT)
    for name, value in run.model.state_dict().items():
        assert torch.equal(value, held[f"model.{name}"])
    assert torch.equal(run.batcher.generator.get_state(), held["generator"])


def write_weights(folder: Path) -> None:
    save_weights(folder / "unet_model.pth", Resumed().model)


def read_weights(folder: Path) -> None:
    found, expected = load_network(folder / "unet_model.pth"), Resumed().model
    for name, value in expected.state_dict().items():
        assert torch.equal(found.state_dict()[name], value)


def check(digits: data.Digits, pixels: np.ndarray, labels: np.ndarray) -> None:
    assert digits.images.dtype == digits.labels.dtype == np.uint8
    assert digits.images.ndim == 3 and len(digits) > 0
    assert np.array_equal(digits.images.ravel(), pixels.ravel())
    assert np.array_equal(digits.labels, labels.ravel())


KINDS: dict[str, tuple[Callable[[Path], None], Callable[[Path], None]]] = {
    "npy": (write_npy, read_npy),
    "idx": (write_plain_idx, read_idx),
    "idx.gz": (write_gzipped_idx, read_idx),
    "npz": (write_npz, read_npz),
    "keras": (write_keras, read_keras),
    "png": (write_png, read_png),
    "checkpoint": (write_checkpoint, read_checkpoint),
    "weights": (write_weights, read_weights),
}
RECIPE = replace(BOOK, batch_size=2, epochs=5)  # 2 steps an epoch on 5 pictures


def damaged_file(
    n: int, kind: str, files: dict[Path, bytes], strange: list[bytes]
) -> tuple[Path, bytes]:
    """Which file is the n-th, and its new content; every tenth is one of `strange`."""
    rng, turn = random.Random(f"{kind} {n}"), n // 10
    if n % 10:
        path = rng.choice(list(files))
        return path, damaged(files[path], rng)
    path = list(files)[turn // len(strange) % len(files)]
    content = strange[turn % len(strange)]
    pack = path.suffix == ".gz" and rng.random() < 0.5
    return path, gzip.compress(content, mtime=0) if pack else content


def peak_memory() -> int:
    """Peak resident bytes of this process; 0 where the system is not Linux."""
    status = Path("/proc/self/status")  # getrusage counts the parent's memory too
    if not status.exists():
        return 0
    return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) << 10


def refuses(read: Callable[[Path], None], folder: Path) -> bool:
    """Whether unetlib refuses the files; any error but its own passes on."""
    try:
        read(folder)
    except UnetlibError:
        return True
    return False


def run(kind: str, first: int, count: int, folder: Path) -> dict[str, int]:
    """Read so many damaged files; returns how many were refused and loaded."""
    (write, read), files, marker = KINDS[kind], folder / "files", folder / "unpickled"
    files.mkdir()
    write(files)
    read(files)
    originals = {path: path.read_bytes() for path in sorted(files.iterdir())}
    strange = list(foreign(marker))
    tally = {"refused": 0, "loaded": 0}
    warnings.simplefilter("error")
    # A header may claim a picture that is as large as Pillow's limit.
    limit = LIMIT + (3 * Image.MAX_IMAGE_PIXELS if kind == "png" else 0)
    tracemalloc.start()
    at_start = peak_memory()
    for n in range(first, first + count):
        path, content = damaged_file(n, kind, originals, strange)
        path.write_bytes(content)
        print(n, path.name, flush=True)  # the last line names what crashed or hung
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        tally["refused" if refuses(read, files) else "loaded"] += 1
        allocated = tracemalloc.get_traced_memory()[1] - before
        resident = peak_memory() - at_start
        assert max(allocated, resident) < limit, (allocated, resident)
        assert not marker.exists(), "unpickled"
        path.write_bytes(originals[path])
    faulthandler.cancel_dump_traceback_later()
    return tally


if __name__ == "__main__":
    kind, first, count, folder = sys.argv[1:]
    print(json.dumps(run(kind, int(first), int(count), Path(folder))))
