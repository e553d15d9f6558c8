"""The training loop: `fit` runs a recipe. Introduced in chapter 04.

An epoch is read here, in `step` and in `batcher`. Saving, stopping and speed come from
their own packages.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from unetlib.batcher import Batcher, to_tensor
from unetlib.checks import check_device, check_network, check_run
from unetlib.metrics import denoising_psnr
from unetlib.model import Denoiser, evaluating
from unetlib.recipe import Recipe
from unetlib.saving.checkpoint import fingerprint, load_checkpoint
from unetlib.saving.folder import claimed
from unetlib.saving.history import History, Progress
from unetlib.saving.safeguards import (
    advice_on_memory,
    check_learning,
    own_randomness,
    stop_between_steps,
)
from unetlib.saving.saver import Saver
from unetlib.speed.distributed import average, rank, shard, world_size
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import FAST, Speed, keep_memory

LOOK_EVERY = 100  # steps; to look at the loss is to wait for a GPU


def fit(
    model: nn.Module,
    images: np.ndarray,
    recipe: Recipe,
    *,
    device: str | torch.device = "cpu",
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    stop_after: int | None = None,
    held_out: np.ndarray | None = None,
    speed: Speed = FAST,
    on_epoch: Callable[[History], None] | None = None,
) -> History:
    """Train `model` on `images` (N, H, W) or (N, C, H, W) uint8 by `recipe`.

    seed: decides which pictures are drawn and what noise they get; see `Batcher`.
    folder: where the checkpoint goes, after every epoch and once a minute; the history
        as `history.csv`; and what the article writes, `unet_model.pth` and pictures.
    resume: go on from the checkpoint in `folder`, to the same weights that an
        uninterrupted run would have reached.
    overwrite: begin anew where `folder` holds a run: else that is refused.
    stop_after: end once this many epochs in all are done (the schedule keeps the
        recipe's length): a later call with `resume` goes on.
    held_out: as `images`; their PSNR at sigma 0.5 is measured every epoch.
    speed: the ways to be fast; `PLAIN` takes none of them.
    on_epoch: called with the history after each epoch.

    Returns the history. Ctrl-C (in Jupyter: the stop button) ends it between two steps:
    all is saved, `model` is what it has become, and KeyboardInterrupt is raised. By a
    recipe with `ema`, what is measured, saved as weights and left in `model` is the
    mean of the weights; the checkpoint holds both.
    Of several processes only the first prints, measures and writes; a checkpoint is
    the same file for any number of them.
    Raises UnetlibError, before anything is learned, for arguments that cannot be right
    and for a checkpoint that does not fit; later, for a loss that is no number any
    more, for a network that has collapsed, and where the last epoch cannot be saved.
    Source: the article, sections 4.1 and 4.2.
    """
    device = check_device(device)
    check_network(model, world_size(), Denoiser)
    check_run(recipe, images, held_out, seed, stop_after, speed, on_epoch)
    with (
        advice_on_memory(),
        own_randomness(seed),
        stop_between_steps(world_size()) as stopped,
        claimed(folder, resume, overwrite) as folder,
    ):
        batcher = Batcher(
            *(images, recipe.batch_size, recipe.scale, recipe.sigma, device, seed),
            shard=shard(recipe.batch_size),
            distribution=recipe.sigma_distribution,
        )
        model.to(device).train()  # not before it is sure that the device will do
        if speed.keep_memory and device.type == "cpu":
            keep_memory()
        steps = recipe.steps_per_epoch(len(images))
        step = FastStep(model, recipe, steps * recipe.epochs, speed)
        history = History(held_out=fingerprint(held_out))
        if resume:
            history = load_checkpoint(folder, step, batcher, history.held_out)
        saver = Saver(None if rank() else folder, step, batcher)
        run = _Run(step, batcher, steps, history, saver, stopped)
        last = min(recipe.epochs, stop_after or recipe.epochs)
        try:
            for epoch in range(len(history.loss), last):
                if not run.epoch():
                    break
                if rank() == 0:
                    said = run.report(held_out)
                    chosen = np.random.default_rng([seed, epoch]).integers(len(images))
                    saver.epoch(history, images[chosen], final=epoch == last - 1)
                    print(said)  # not before it is saved: a terminal may be closed
                if on_epoch is not None:
                    on_epoch(history)
        finally:
            step.swap_average()
    return history


@dataclass
class _Run:
    """A run that is under way: how far it has come, and who looks after it."""

    step: FastStep
    batcher: Batcher
    steps: int  # in an epoch
    history: History
    saver: Saver
    stopped: Callable[[], bool]

    def epoch(self) -> bool:
        """Take the steps of an epoch that are left; False if stopped before its end."""
        progress = self.history.unfinished
        total = torch.tensor(progress.loss, device=self.step.device)
        start, looked = time.perf_counter() - progress.seconds, progress.steps
        left = 0 if self.stopped() else self.steps - progress.steps
        in_a_log = sys.stdout is sys.__stdout__ and not sys.stdout.isatty()
        options = {"desc": f"epoch {len(self.history.loss)}", "disable": rank() > 0}
        options["mininterval"] = 60 if in_a_log else 0.1  # seconds between two lines
        options |= {"total": self.steps, "initial": progress.steps, "file": sys.stdout}
        with tqdm(**options) as bar:
            for losses in self.step.steps(self.batcher, left):
                total += losses.sum()
                progress.steps += losses.numel()
                bar.update(losses.numel())
                end = progress.steps == self.steps or self.stopped()
                if end or progress.steps - looked >= LOOK_EVERY:
                    progress.loss = average(total).item()
                    progress.seconds = time.perf_counter() - start
                    looked = progress.steps
                    self.look()
                if end:
                    break
        if progress.steps < self.steps:
            self.saver.stop(self.history, self.steps)
            return False
        self.history.loss.append(progress.loss / self.steps)
        self.history.seconds.append(progress.seconds)
        self.history.unfinished = Progress()
        return True

    def look(self) -> None:
        """See whether it makes sense to go on; save once in a while."""
        progress, images = self.history.unfinished, self.batcher.images
        examples = images[:: len(images) // 8 or 1] * self.batcher.scale
        lr = self.step.recipe.lr
        check_learning(self.step.model, progress.loss, examples, lr)
        if progress.steps < self.steps:
            self.saver.within_epoch(self.history)

    def report(self, held_out: np.ndarray | None) -> str:
        """Measure what the finished epoch came to, and put it in words."""
        history, recipe = self.history, self.step.recipe
        line = f"epoch {len(history.loss) - 1}: train loss {history.loss[-1]:.5g}"
        if held_out is not None:
            with self.step.averaged():
                denoiser = recipe.denoiser(self.step.model)
                history.psnr_db.append(validate(denoiser, held_out))
            line += f", held-out PSNR at sigma 0.5: {history.psnr_db[-1]:.2f} dB"
        return line


def validate(denoiser: Denoiser, images: np.ndarray) -> float:
    """Mean PSNR in dB of `denoiser` on `images`, uint8 as for `fit`, at sigma 0.5.

    Raises UnetlibError for images that are not uint8, and for other shapes.
    """
    device = next(denoiser.parameters()).device
    with evaluating(denoiser):
        return denoising_psnr(denoiser, to_tensor(images, device) / 255, [0.5])[0.5]
