"""Writing files so that nothing is lost. Introduced in chapter 04."""

import io
import os
from pathlib import Path

import torch
from torch import Tensor, nn

from unetlib.checks import UnetlibError


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

    Raises UnetlibError where it cannot be written; what lay there is then untouched.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # on the disk before it takes the old one's place
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        reason = f"{error.strerror}: could not save {path}. What was saved before is"
        advice = "untouched. Make room on the disk, or name another folder"
        raise UnetlibError(f"{reason} {advice}") from error
