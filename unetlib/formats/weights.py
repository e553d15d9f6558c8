"""Weights as other programs and other machines write them.

From a GPU or a CPU, in any precision, by `torch.save` (new format or old) or by
safetensors: a file's content says which, not its name. Only tensors and plain
containers are unpickled; what holds more is refused, with a way to write it anew.
"""

import io
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from unetlib.checks import UnetlibError

ANEW = 'torch.save(model.state_dict(), "weights.pth")'
AGAIN = "Copy or download it again"
KINDS = {  # how a file begins: what it is, and what to do
    rb"\Z": ("empty", AGAIN),
    rb"version https://git-lfs": (
        "a Git LFS pointer, which stands for the file",
        "Fetch the file itself: git lfs pull, in the repository that it lies in",
    ),
    rb"(\xef\xbb\xbf)?\s*<": (
        "a web page, sent in place of the file",
        "Download the file itself, after signing in where that is asked for",
    ),
    rb"[\t\n\r -~]+\Z": ("text, sent in place of the file", AGAIN),
    rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!": ("an archive", "Unpack it first"),
    rb"\x08[\x03-\x20][\x12\x3a]": (
        "an ONNX file",
        "Read it with the package onnx, and give load_network its weights: {x.name: "
        "onnx.numpy_helper.to_array(x) for x in onnx.load(path).graph.initializer}",
    ),
}


def read_weights(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors in a file by name, on the CPU, and what the file says of itself.

    See `flat` for the names. Only safetensors says something of itself.
    Raises UnetlibError where the file is missing, damaged or of another kind.
    """
    file = Path(path)
    start = _start(file, path)
    if not is_safetensors(start):
        _check_kind(file, start)
    try:
        if is_safetensors(start):
            with safe_open(file, framework="pt") as opened:
                names = opened.keys()
                tensors = {name: opened.get_tensor(name) for name in names}
                return tensors, opened.metadata() or {}
        # From memory: of a file, as much is allocated as a false length says.
        held = io.BytesIO(file.read_bytes())
        with warnings.catch_warnings(action="ignore"):
            content = torch.load(held, map_location="cpu", weights_only=True)
    except Exception as error:  # a file can be wrong in many ways
        raise UnetlibError(f"cannot read {file}: {_reason(error)}") from None
    return flat(content), {}


def is_safetensors(start: bytes) -> bool:
    """Whether a file that begins so is one of safetensors: eight bytes that tell how
    long its header is, here less than 4 GB, then the header, which is JSON. To be asked
    first: the length can be any number, "PK" of a zip archive among them.
    """
    return start[4:9] == b"\0\0\0\0{"


def flat(content: object) -> dict[str, Tensor]:
    """All tensors and arrays of numbers in `content` by name, dictionaries within it
    opened: {"model.a": x} of {"model": {"a": x}}."""
    entries, found, seen = [("", content)], {}, set()
    for name, value in entries:  # which grow meanwhile
        if isinstance(value, Mapping) and id(value) not in seen:
            seen.add(id(value))  # under a second name it is the same
            entries += [
                (f"{name}.{k}" if name else str(k), v) for k, v in value.items()
            ]
        elif isinstance(value, Tensor):
            found[name] = value
        elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
            found[name] = torch.tensor(value)
    return found


def _start(file: Path, path: str | Path) -> bytes:
    """How the file begins; refuses what is no file."""
    if file.is_dir():
        if any([*file.glob("data.pkl"), *file.glob("*/data.pkl")]):
            cure = f"A browser has unpacked it. {AGAIN}, without unpacking it"
        else:
            endings = {".pth", ".pt", ".ckpt", ".bin", ".safetensors"}
            inside = sorted(one.name for one in file.iterdir() if one.suffix in endings)
            cure = f"Name a file of weights; it holds {', '.join(inside) or 'none'}"
        raise UnetlibError(f"'{path}' is a folder. {cure}")
    try:
        with file.open("rb") as opened:
            return opened.read(100)
    except (OSError, ValueError) as error:
        raise UnetlibError(f"cannot read '{path}': {error}") from None


def _check_kind(file: Path, start: bytes) -> None:
    """Refuses what holds no weights by how it begins."""
    if start.startswith(b"PK"):
        _check_archive(file)
    for sign, (what, cure) in KINDS.items():
        if re.match(sign, start):
            raise UnetlibError(f"{file} is {what} (it begins {start[:20]!r}). {cure}")


def _check_archive(file: Path) -> None:
    """Refuses all zip archives but those that torch.save writes, and damaged ones."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if entries and min(entry.header_offset for entry in entries):
                raise ValueError("an archive within another file")
            packed = any(entry.compress_type for entry in entries)  # torch packs none
            # PyTorch itself does not look at the checksums; 0 where it wrote none.
            checked = not packed and any(entry.CRC for entry in entries)
            damaged = archive.testzip() if checked else None
    except Exception as error:  # zipfile raises many kinds
        raise UnetlibError(
            f"{file} is truncated or damaged ({error}). {AGAIN}"
        ) from None
    if damaged:
        raise UnetlibError(f"{file} is damaged ({damaged}: wrong checksum). {AGAIN}")
    names = {entry.filename.rpartition("/")[2] for entry in entries}
    if "constants.pkl" in names:
        raise UnetlibError(
            f"{file} is a TorchScript program. If you trust it, give load_network its "
            "weights: torch.jit.load(path, map_location='cpu').state_dict()"
        )
    if "archive_format" in names:
        raise UnetlibError(
            f"{file} is a program written by torch.export. If you trust it, give "
            "load_network its weights: torch.export.load(path).state_dict"
        )
    if any(name.endswith(".npy") for name in names):
        raise UnetlibError(
            f"{file} holds numpy's arrays. Give load_network what np.load(path) returns"
        )
    if packed or "data.pkl" not in names:
        holds = ", ".join(sorted(names)[:3]) or "nothing"
        raise UnetlibError(f"{file} is an archive that holds {holds}. Unpack it first")


def _reason(error: Exception) -> str:
    foreign = re.search(r"(?:GLOBAL|class) ([\w.]+)", str(error))
    if foreign:
        return (
            f"it holds Python objects ({foreign[1]}), not weights alone; to restore "
            f"them may run any code. Where it was made, save the weights alone: {ANEW}"
        )
    return (
        "it is truncated or damaged, or neither torch.save nor safetensors wrote it "
        f"({type(error).__name__}). {AGAIN}; or where it was made, {ANEW}"
    )
