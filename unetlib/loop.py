"""The training loop: `fit` runs a recipe. Introduced in chapter 04."""

import sys
import time
from pathlib import Path

import numpy as np
import torch
from matplotlib.image import imsave
from torch import nn
from tqdm import tqdm

from unetlib.batcher import Batcher
from unetlib.checkpoints import History, load_checkpoint, save_checkpoint
from unetlib.distributed import average, own_share, rank
from unetlib.graph import GraphedSteps
from unetlib.metrics import denoising_psnr
from unetlib.pretrained import Denoiser
from unetlib.recipes import Recipe
from unetlib.speed import FAST, Speed
from unetlib.step import TrainStep, check_device


def save_picture(path: Path, model: nn.Module, image: np.ndarray, scale: float) -> None:
    """The article's picture of an epoch: `image` (28, 28) uint8 through the network.

    Drawn as the article draws it: matplotlib's default colours, stretched from the
    darkest to the brightest pixel, without the input (chapter 05 says what that hides).
    """
    x = torch.tensor(image, device=next(model.parameters()).device)[None, None] * scale
    with torch.no_grad():
        output = model(x)[0, 0].float().cpu().numpy()
    imsave(path, output.repeat(8, axis=0).repeat(8, axis=1))


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

    folder: where checkpoints and one picture per epoch (`img/img_{epoch}.jpg`) go.
    resume: go on from the checkpoint in `folder`, to the same weights that an
        uninterrupted run would have reached.
    stop_after: end once this many epochs in all are done (the schedule keeps the
        recipe's length): a later call with `resume` goes on.
    held_out: (M, 28, 28) uint8; their PSNR at sigma 0.5 is measured every epoch.
    speed: the ways to be fast; `PLAIN` takes none of them.

    Prints a progress bar and the mean loss of each epoch. Returns the history.
    Where several processes train together, only the first one prints, measures and
    writes; a checkpoint is the same file for any number of them.
    Raises RuntimeError for a CUDA device that is not there, ValueError where a
    checkpoint does not fit or the processes cannot share the batch equally.
    Source: the article, sections 4.1 and 4.2.
    """
    device = check_device(device)
    model.to(device).train()
    batcher = Batcher(
        images,
        recipe.batch_size,
        recipe.scale,
        recipe.sigma,
        device,
        seed,
        own_share(recipe.batch_size),
    )
    steps = recipe.steps_per_epoch(len(images))
    step = TrainStep(model, recipe, steps * recipe.epochs, speed)
    graphed = GraphedSteps(step, batcher)
    if speed.graph and device.type == "cuda" and graphed.obstacle and rank() == 0:
        print(f"no CUDA graph: {graphed.obstacle}")
    history = History()
    if folder is not None:
        folder = Path(folder)
        (folder / "img").mkdir(parents=True, exist_ok=True)
    if resume:
        if folder is None:
            raise ValueError("resume=True needs the folder that holds the checkpoint")
        history = load_checkpoint(folder, model, step, batcher)

    last = min(recipe.epochs, stop_after or recipe.epochs)
    for epoch in range(len(history.loss), last):
        start = time.perf_counter()
        history.loss.append(_epoch(graphed, steps, f"epoch {epoch}"))
        history.seconds.append(time.perf_counter() - start)
        if rank() > 0:
            continue
        line = f"epoch {epoch}: train loss {history.loss[-1]:.5g}"
        if held_out is not None:
            history.psnr_db.append(validate(model, held_out, recipe.scale))
            line += f", held-out PSNR at sigma 0.5: {history.psnr_db[-1]:.2f} dB"
        print(line)
        if folder is not None:
            chosen = np.random.default_rng([seed, epoch]).integers(len(images))
            picture = folder / "img" / f"img_{epoch}.jpg"
            save_picture(picture, model, images[chosen], recipe.scale)
            if epoch % recipe.save_every == 0 or epoch == last - 1:
                save_checkpoint(folder, model, step, batcher, history)
    return history


def _epoch(graphed: GraphedSteps, steps: int, name: str) -> float:
    """Take so many steps; returns the mean of their losses."""
    step, batcher = graphed.step, graphed.batcher
    total = torch.zeros((), device=step.device)
    with tqdm(total=steps, desc=name, file=sys.stdout, disable=rank() > 0) as bar:
        left = steps
        while left > 0:
            many = left >= graphed.count and not graphed.obstacle
            losses = graphed() if many else step(*batcher.next())
            total += losses.sum()
            left -= losses.numel()
            bar.update(losses.numel())
    return average(total).item() / steps


def validate(model: nn.Module, images: np.ndarray, scale: float) -> float:
    """Mean PSNR in dB of `model` on `images` (M, 28, 28) uint8 at sigma 0.5.

    `scale` is the one that the network was trained on; PSNR is taken on [0, 1].
    """
    device = next(model.parameters()).device
    clean = torch.tensor(images, device=device).unsqueeze(1).float() / 255
    result = denoising_psnr(Denoiser(model, 255 * scale).eval(), clean, [0.5])
    model.train()
    return result[0.5]
