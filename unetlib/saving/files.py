"""Writing files so that nothing is lost. Introduced in chapter 04."""

import errno
import io
import os
import time
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn

from unetlib.checks import UnetlibError

WAITS = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds, between tries to give a file its name
FULL = (errno.ENOSPC, errno.EDQUOT) if hasattr(errno, "EDQUOT") else (errno.ENOSPC,)


def save_weights(path: Path, model: nn.Module) -> None:
    """Write the bare state dict to `path`, as the article's program does.

    Tensors are saved as they would be on a CPU: every machine can then load them.
    """
    content, state = io.BytesIO(), model.state_dict()
    tensors = {k: v.cpu() for k, v in state.items() if isinstance(v, Tensor)}
    torch.save(state | tensors, content)
    write_safely(path, content.getvalue())


def write_safely(path: Path, content: bytes) -> None:
    """Write beside `path` and move it there: a kill or a full disk loses nothing.

    Makes the folder where it is missing.
    Raises UnetlibError where it cannot be written; what lay there is then untouched.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # on the disk before it takes the old one's place
        _move(part, path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise UnetlibError(
            f"{error.strerror or error}: could not save {path}. What was saved before "
            f"is untouched. {what_to_do(error)}"
        ) from error


def _move(part: Path, path: Path) -> None:
    """On Windows refused while another program, such as a virus scanner, has one of
    the two open, which mostly is a moment."""
    for wait in WAITS:
        try:
            part.replace(path)
            return
        except PermissionError:
            time.sleep(wait)
    part.replace(path)


def what_to_do(error: OSError) -> str:
    """Advice for one who could not write."""
    if error.errno in FULL:
        return "Make room on the disk, or name another folder"
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return "A file is in the way: move it, or name another folder"
    if error.errno in (errno.EISDIR, errno.ENOTEMPTY):
        return "A folder is in the way: move it, or name another folder"
    return "Name another folder, one where you may write"
