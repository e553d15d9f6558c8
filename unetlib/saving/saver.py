"""A training run under way: its epochs, and what it writes.

Introduced in chapter 04.
"""

import io
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from matplotlib.image import imsave
from torch import nn
from tqdm import tqdm

from unetlib.saving.checkpoint import (
    Begun,
    History,
    save_checkpoint,
    save_weights,
    write_safely,
)
from unetlib.saving.safeguards import check_learning
from unetlib.speed.cuda_graph import GraphedSteps
from unetlib.speed.distributed import average, rank

LOOK_EVERY = 100  # steps; to look at the loss is to wait for a GPU
SAVE_EVERY = 60.0  # seconds within an epoch; at its end it is saved anyway


def save_picture(path: Path, model: nn.Module, image: np.ndarray, scale: float) -> None:
    """The article's picture of an epoch: `image` (28, 28) uint8 through the network.

    Drawn as the article draws it: matplotlib's default colours, stretched from the
    darkest to the brightest pixel, without the input (chapter 05 says what that hides).
    """
    x = torch.tensor(image, device=next(model.parameters()).device)[None, None] * scale
    with torch.no_grad():
        output = model(x)[0, 0].float().cpu().numpy()
    drawn = io.BytesIO()
    imsave(drawn, output.repeat(8, axis=0).repeat(8, axis=1), format="jpg")
    write_safely(path, drawn.getvalue())


class Run:
    """A run of `fit` that is under way: its epochs, and what it writes."""

    def __init__(
        self,
        model: nn.Module,
        graphed: GraphedSteps,
        steps: int,
        folder: str | Path | None,
        stopped: Callable[[], bool],
    ) -> None:
        self.model, self.graphed, self.steps = model, graphed, steps
        self.stopped = stopped
        self.first = rank() == 0
        self.history = History()
        self.saved = time.monotonic()
        self.folder = None if folder is None else Path(folder)
        if self.folder is not None:
            (self.folder / "img").mkdir(parents=True, exist_ok=True)
        batcher = graphed.batcher
        self.examples = batcher.images[:: len(batcher.images) // 8 or 1] * batcher.scale

    def epoch(self) -> bool:
        """Take the steps of an epoch that are left; False if stopped before its end."""
        begun, graphed = self.history.begun, self.graphed
        total = torch.tensor(begun.loss, device=graphed.step.device)
        start, looked = time.perf_counter() - begun.seconds, begun.steps
        with tqdm(
            total=self.steps,
            initial=begun.steps,
            desc=f"epoch {len(self.history.loss)}",
            file=sys.stdout,
            disable=not self.first,
        ) as bar:
            while begun.steps < self.steps and not self.stopped():
                many = self.steps - begun.steps >= graphed.count
                if many and not graphed.obstacle:
                    losses = graphed()
                else:
                    losses = graphed.step(*graphed.batcher.next())
                total += losses.sum()
                begun.steps += losses.numel()
                bar.update(losses.numel())
                there = begun.steps == self.steps or self.stopped()
                if there or begun.steps - looked >= LOOK_EVERY:
                    begun.loss = average(total).item()
                    begun.seconds = time.perf_counter() - start
                    looked = begun.steps
                    self._look()
        if begun.steps < self.steps:
            self._stop()
            return False
        self.history.loss.append(begun.loss / self.steps)
        self.history.seconds.append(begun.seconds)
        self.history.begun = Begun()
        return True

    def _look(self) -> None:
        """See whether it makes sense to go on; save once in a while."""
        begun, lr = self.history.begun, self.graphed.step.recipe.lr
        check_learning(self.model, begun.loss, self.examples, lr)
        if begun.steps < self.steps and time.monotonic() - self.saved >= SAVE_EVERY:
            self._save()

    def _stop(self) -> None:
        epoch, begun = len(self.history.loss), self.history.begun.steps
        further = ""
        if self.folder is not None and epoch + begun > 0:
            self._save(final=True)
            further = "; resume=True goes on from there"
        print(f"stopped in epoch {epoch} after {begun} of {self.steps} steps{further}")

    def save_epoch(self, image: np.ndarray, final: bool) -> None:
        """The checkpoint, and what the article writes after an epoch."""
        if self.folder is None:
            return
        epoch, recipe = len(self.history.loss) - 1, self.graphed.step.recipe
        self._save(final)
        with self._unless_full(final):
            picture = self.folder / "img" / f"img_{epoch}.jpg"
            save_picture(picture, self.model, image, recipe.scale)
            if epoch % recipe.save_every == 0 or final:
                save_weights(self.folder / "unet_model.pth", self.model)

    def _save(self, final: bool = False) -> None:
        if self.folder is None or not self.first:
            return
        step, batcher = self.graphed.step, self.graphed.batcher
        with self._unless_full(final):
            save_checkpoint(self.folder, self.model, step, batcher, self.history)
        self.saved = time.monotonic()

    @contextmanager
    def _unless_full(self, final: bool) -> Iterator[None]:
        """A full disk ends nothing but the end: till then there may be room again."""
        try:
            yield
        except OSError as error:
            if final:
                raise
            warnings.warn(str(error), stacklevel=4)
