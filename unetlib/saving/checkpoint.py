"""Saving a training run and going on where it stopped. Introduced in chapter 04.

A checkpoint is a safetensors file: tensors with names, and beside them a text. To read
one runs no code, as unpickling does, and takes no more memory than the file is long.
"""

import hashlib
import io
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from unetlib.batcher import Batcher
from unetlib.step import TrainStep

CHECKPOINT = "checkpoint.safetensors"
VERSION = 1  # of what is in a checkpoint
ADAM = ("exp_avg", "exp_avg_sq")  # two means for every number that is learned


@dataclass
class Begun:
    """How far an epoch has come."""

    steps: int = 0
    loss: float = 0.0  # the sum over these steps
    seconds: float = 0.0


@dataclass
class History:
    """What `fit` saw: one entry per finished epoch in each list, and the one begun."""

    loss: list[float] = field(default_factory=list)  # mean of the steps' losses
    psnr_db: list[float] = field(default_factory=list)  # held-out digits, sigma 0.5
    seconds: list[float] = field(default_factory=list)
    begun: Begun = field(default_factory=Begun)


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    step: TrainStep,
    batcher: Batcher,
    history: History,
) -> None:
    """Write all that resuming needs to `checkpoint.safetensors` in `folder`.

    Raises OSError where the disk is full; what was saved before is then untouched.
    """
    state = step.state_dict()
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, memory in state["adam"].items():
        tensors |= {f"adam.{index}.{name}": value for name, value in memory.items()}
    tensors |= batcher.state_dict()
    about = {
        "version": VERSION,
        "recipe": asdict(step.recipe),
        "images": len(batcher.images),
        "lr": state["lr"],
        "history": asdict(history),
    }
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    text = json.dumps(about)
    metadata = {"unetlib": text, "sha256": checksum(text, tensors)}
    content = save(tensors, metadata=metadata)
    write_safely(folder / CHECKPOINT, content)


def checksum(text: str, tensors: dict[str, Tensor]) -> str:
    """SHA-256 of what a checkpoint holds, in hexadecimal."""
    digest = hashlib.sha256(text.encode())
    for name, value in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(value.cpu().numpy().tobytes())
    return digest.hexdigest()


def save_weights(path: Path, model: nn.Module) -> None:
    """Write the bare state dict to `path`, as the article's program does."""
    content = io.BytesIO()
    torch.save(model.state_dict(), content)
    write_safely(path, content.getvalue())


def write_safely(path: Path, content: bytes) -> None:
    """Write beside `path` and move it there: a kill or a full disk loses nothing.

    Raises OSError where it cannot be written; what lay at `path` is then untouched.
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
        raise OSError(error.errno, f"{reason} {advice}") from None


def load_checkpoint(
    folder: Path, model: nn.Module, step: TrainStep, batcher: Batcher
) -> History:
    """Set model, step and batcher to where the checkpoint in `folder` left them.

    Raises ValueError where it is missing, damaged, of a later unetlib, of another
    recipe, network or data; model, step and batcher are then as they were.
    """
    path = folder / CHECKPOINT
    about, tensors = read_checkpoint(path)
    _check_run(path, about, step, batcher)
    _check_tensors(path, tensors, model)
    history, lr = about["history"], about["lr"]
    per_epoch = step.recipe.steps_per_epoch(len(batcher.images))
    taken = len(history.loss) * per_epoch + history.begun.steps
    adam: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("adam."):
            _, index, what = name.split(".")
            adam.setdefault(int(index), {})[what] = value
    try:
        batcher.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"cannot resume from {path}: {error}") from None
    model.load_state_dict(
        {name: tensors[f"model.{name}"] for name in model.state_dict()}
    )
    step.load_state_dict({"steps": taken, "lr": lr, "adam": adam})
    return history


def read_checkpoint(path: Path) -> tuple[dict, dict[str, Tensor]]:
    """What a checkpoint says of itself, and its tensors by name, on the CPU.

    The first holds "recipe" (a dictionary), "images" (how many there were to learn
    from), "lr" and "history" (a `History`).
    Raises ValueError where the file is missing, damaged or of a later unetlib.
    """
    expected = "a checkpoint written by unetlib.train"
    if not path.exists():
        raise ValueError(f"cannot resume: there is no {path}; expected {expected}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata["sha256"] != checksum(metadata["unetlib"], tensors):
            raise ValueError("its checksum is wrong")
        about = json.loads(metadata["unetlib"])
        later = about["version"] > VERSION
        if not later:
            about["history"] = _history(about["history"])
            about["lr"] = float(about["lr"])
    except Exception as error:  # a file can be wrong in many ways
        raise ValueError(
            f"cannot resume from {path} ({type(error).__name__}: {error}); expected "
            f"{expected}"
        ) from None
    if later:
        raise ValueError(
            f"cannot resume from {path}: a later unetlib wrote it (version "
            f"{about['version']}, this one knows {VERSION}). Install the newest unetlib"
        )
    return about, tensors


def _history(saved: dict) -> History:
    lists = [[float(x) for x in saved[key]] for key in ("loss", "psnr_db", "seconds")]
    begun = saved["begun"]
    steps = int(begun["steps"])
    return History(*lists, Begun(steps, float(begun["loss"]), float(begun["seconds"])))


def _check_run(path: Path, about: dict, step: TrainStep, batcher: Batcher) -> None:
    """Raise ValueError unless the checkpoint is of the same recipe and data."""
    wanted = json.loads(json.dumps(asdict(step.recipe)))
    saved = about.get("recipe")
    if saved != wanted:
        saved = saved if isinstance(saved, dict) else {}
        differing = sorted(key for key in wanted if saved.get(key) != wanted[key])
        raise ValueError(
            f"{path} was made by another recipe: {', '.join(differing)} differ. "
            "Resume with the same recipe, or train into another folder"
        )
    images, history = len(batcher.images), about["history"]
    per_epoch, begun = step.recipe.steps_per_epoch(images), history.begun.steps
    fits = 0 <= begun < per_epoch and len(history.loss) <= step.recipe.epochs
    if about.get("images") != images or not fits:
        raise ValueError(
            f"{path} was made with {about.get('images')} pictures and stands at step "
            f"{begun} of epoch {len(history.loss)}; here are {images} pictures, "
            f"{per_epoch} steps an epoch. Resume with the same pictures"
        )


def _check_tensors(path: Path, tensors: dict[str, Tensor], model: nn.Module) -> None:
    """Raise ValueError unless the tensors are those of this network."""
    wanted = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, parameter in enumerate(model.parameters()):
        wanted |= {f"adam.{index}.{name}": parameter for name in ADAM}
        wanted[f"adam.{index}.step"] = torch.zeros(())
    drawn = tensors.get("generator", torch.zeros(0)).numel()  # a GPU's is a short one
    wanted["generator"] = torch.zeros(drawn, dtype=torch.uint8)

    def kind(named: dict[str, Tensor], name: str) -> str:
        found = named.get(name)
        return "nothing" if found is None else f"{found.dtype} {tuple(found.shape)}"

    for name in [*wanted, *(tensors.keys() - wanted.keys())]:  # the model's own first
        if kind(tensors, name) != kind(wanted, name):
            raise ValueError(
                f"{path} holds another network: {name} is {kind(tensors, name)}, "
                f"expected {kind(wanted, name)}. Resume with the network that it holds"
            )
