"""Saving a training run and going on where it stopped. Introduced in chapter 04."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn

from unetlib.batcher import Batcher
from unetlib.step import TrainStep


@dataclass
class History:
    """What `fit` saw: one entry per epoch in each list."""

    loss: list[float] = field(default_factory=list)  # mean of the steps' losses
    psnr_db: list[float] = field(default_factory=list)  # held-out digits, sigma 0.5
    seconds: list[float] = field(default_factory=list)


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    step: TrainStep,
    batcher: Batcher,
    history: History,
) -> None:
    """Write `checkpoint.pt` (all that resuming needs) and `unet_model.pth`.

    The second holds the bare state dict, as the article's program writes it. Each is
    written beside its place and moved there, so that a kill loses no earlier one.
    """
    checkpoint = {
        "model": model.state_dict(),
        "step": step.state_dict(),
        "batcher": batcher.state_dict(),
        "recipe": asdict(step.recipe),
        "history": asdict(history),
    }
    files = {"checkpoint.pt": checkpoint, "unet_model.pth": checkpoint["model"]}
    for name, content in files.items():
        torch.save(content, folder / f"{name}.part")
        (folder / f"{name}.part").replace(folder / name)


def load_checkpoint(
    folder: Path, model: nn.Module, step: TrainStep, batcher: Batcher
) -> History:
    """Set model, step and batcher to where `checkpoint.pt` left them.

    Raises ValueError where the file is missing, unreadable or of another recipe;
    nothing is unpickled but tensors and plain containers.
    """
    path = folder / "checkpoint.pt"
    device = batcher.images.device
    try:
        checkpoint = torch.load(path, map_location=device, weights_only=True)
        saved = checkpoint["recipe"]
    except Exception as error:  # torch raises many kinds on a damaged file
        raise ValueError(
            f"cannot resume from {path} ({error}); expected a checkpoint written by "
            "unetlib.train"
        ) from None
    if saved != asdict(step.recipe):
        wanted = asdict(step.recipe)
        differing = sorted(key for key in wanted if saved.get(key) != wanted[key])
        raise ValueError(
            f"{path} was made by another recipe: {', '.join(differing)} differ. "
            "Resume with the same recipe, or train into another folder"
        )
    model.load_state_dict(checkpoint["model"])
    step.load_state_dict(checkpoint["step"])
    batcher.load_state_dict(checkpoint["batcher"])
    return History(**checkpoint["history"])
