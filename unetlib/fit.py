"""The training loop: `fit` runs a recipe. Introduced in chapter 04."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from unetlib.batcher import Batcher, check_images
from unetlib.data import check_whole
from unetlib.metrics import denoising_psnr
from unetlib.model import count_parameters
from unetlib.pretrained import Denoiser
from unetlib.recipe import Recipe
from unetlib.saving.checkpoint import History, load_checkpoint
from unetlib.saving.safeguards import advice_on_memory, stop_between_steps
from unetlib.saving.saver import Run
from unetlib.speed.cuda_graph import GraphedSteps
from unetlib.speed.distributed import own_share
from unetlib.speed.options import FAST, Speed
from unetlib.step import TrainStep, check_device


def fit(
    model: nn.Module,
    images: np.ndarray,
    recipe: Recipe,
    *,
    device: str | torch.device = "cpu",
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    stop_after: int | None = None,
    held_out: np.ndarray | None = None,
    speed: Speed = FAST,
) -> History:
    """Train `model` on `images` (N, 28, 28) uint8 by `recipe`.

    seed: decides which pictures are drawn and what noise they get; see `Batcher`.
    folder: where the checkpoint goes, after every epoch and once a minute; and what
        the article writes, `unet_model.pth` and a picture per epoch in `img/`.
    resume: go on from the checkpoint in `folder`, to the same weights that an
        uninterrupted run would have reached.
    stop_after: end once this many epochs in all are done (the schedule keeps the
        recipe's length): a later call with `resume` goes on.
    held_out: (M, 28, 28) uint8; their PSNR at sigma 0.5 is measured every epoch.
    speed: the ways to be fast; `PLAIN` takes none of them.

    Prints a progress bar and the mean loss of each epoch. Returns the history, also
    where Ctrl-C (in Jupyter: the stop button) ends it early, between two steps.
    Where several processes train together, only the first one prints, measures and
    writes; a checkpoint is the same file for any number of them.
    Raises RuntimeError for a CUDA device that is not there, for a loss that is no
    number any more and for a network that has collapsed; ValueError where a checkpoint
    does not fit or the processes cannot share the batch equally; OSError where the
    last epoch cannot be saved (an earlier one that cannot is a warning); TypeError or
    ValueError, before anything is learned, for arguments that cannot be right.
    Source: the article, sections 4.1 and 4.2.
    """
    device = check_device(device)
    _check(model, images, recipe, stop_after, held_out)
    if resume and folder is None:
        raise ValueError("resume=True needs the folder that holds the checkpoint")
    with advice_on_memory(), stop_between_steps() as stopped:
        batcher = Batcher(
            images,
            recipe.batch_size,
            recipe.scale,
            recipe.sigma,
            device,
            seed,
            own_share(recipe.batch_size),
        )
        model.to(device).train()  # not before it is sure that the device will do
        steps = recipe.steps_per_epoch(len(images))
        step = TrainStep(model, recipe, steps * recipe.epochs, speed)
        run = Run(model, GraphedSteps(step, batcher), steps, folder, stopped)
        if speed.graph and device.type == "cuda" and run.graphed.obstacle and run.first:
            print(f"no CUDA graph: {run.graphed.obstacle}")
        if resume:
            run.history = load_checkpoint(run.folder, model, step, batcher)
        last = min(recipe.epochs, stop_after or recipe.epochs)
        for epoch in range(len(run.history.loss), last):
            if not run.epoch():
                break
            if not run.first:
                continue
            line = f"epoch {epoch}: train loss {run.history.loss[-1]:.5g}"
            if held_out is not None:
                psnr_db = validate(model, held_out, recipe.scale)
                run.history.psnr_db.append(psnr_db)
                line += f", held-out PSNR at sigma 0.5: {psnr_db:.2f} dB"
            print(line)
            chosen = np.random.default_rng([seed, epoch]).integers(len(images))
            run.save_epoch(images[chosen], final=epoch == last - 1)
    return run.history


def _check(
    model: nn.Module,
    images: np.ndarray,
    recipe: Recipe,
    stop_after: int | None,
    held_out: np.ndarray | None,
) -> None:
    """Refuse at once what would otherwise be noticed after hours, or never."""
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe, such as BOOK, got {recipe!r}")
    if not (isinstance(model, nn.Module) and count_parameters(model)):
        kind = type(model).__name__
        raise TypeError(f"model must be a network with parameters to learn, got {kind}")
    if stop_after is not None:
        check_whole("stop_after", stop_after, 1)
    check_images("images", images)
    if held_out is not None:
        check_images("held_out", held_out)
        if held_out.shape[1:] != images.shape[1:]:
            raise ValueError(
                f"held_out must be pictures of the size of images {images.shape[1:]}, "
                f"got {held_out.shape[1:]}"
            )


def validate(model: nn.Module, images: np.ndarray, scale: float) -> float:
    """Mean PSNR in dB of `model` on `images` (M, 28, 28) uint8 at sigma 0.5.

    `scale` is the one that the network was trained on; PSNR is taken on [0, 1].
    Raises TypeError for images that are not uint8, ValueError for other shapes.
    """
    check_images("images", images)
    device = next(model.parameters()).device
    clean = torch.from_numpy(images.copy()).to(device).unsqueeze(1).float() / 255
    result = denoising_psnr(Denoiser(model, 255 * scale).eval(), clean, [0.5])
    model.train()
    return result[0.5]
