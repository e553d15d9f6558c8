"""What a training run writes. Introduced in chapter 04."""

import io
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from matplotlib.image import imsave
from torch import nn

from unetlib.batcher import Batcher, to_tensor
from unetlib.checks import UnetlibError
from unetlib.model import looking_at
from unetlib.saving.checkpoint import save_checkpoint
from unetlib.saving.files import save_weights, write_safely
from unetlib.saving.history import History
from unetlib.step import TrainStep

SAVE_EVERY = 60.0  # seconds within an epoch; at its end it is saved anyway


def save_picture(path: Path, model: nn.Module, image: np.ndarray, scale: float) -> None:
    """The article's picture of an epoch: `image` (28, 28) uint8 through the network.

    Drawn as the article draws it: matplotlib's default colours, stretched from the
    darkest to the brightest pixel, without the input (chapter 05 says what that hides).
    """
    x = to_tensor(image[None], next(model.parameters()).device) * scale
    with looking_at(model):
        output = model(x)[0].float().mean(dim=0).cpu().numpy()  # gray, of any channels
    drawn = io.BytesIO()
    imsave(drawn, output.repeat(8, axis=0).repeat(8, axis=1), format="jpg")
    write_safely(path, drawn.getvalue())


class Saver:
    """Writes checkpoints, weights and pictures of a run into `folder`; None: nothing.

    A disk that is full ends nothing but the end of a run: till then it is a warning.
    """

    def __init__(self, folder: Path | None, step: TrainStep, batcher: Batcher) -> None:
        self.folder, self.step, self.batcher = folder, step, batcher
        self.saved = time.monotonic()
        if folder is not None:
            (folder / "img").mkdir(parents=True, exist_ok=True)

    def within_epoch(self, history: History) -> None:
        """A checkpoint, where the last one is a while ago."""
        if time.monotonic() - self.saved >= SAVE_EVERY:
            self.checkpoint(history)

    def checkpoint(self, history: History, final: bool = False) -> None:
        if self.folder is None:
            return
        with self._unless_full(final):
            save_checkpoint(self.folder, self.step, self.batcher, history)
        self.saved = time.monotonic()

    def stop(self, history: History, steps: int) -> None:
        """A last checkpoint, in the midst of an epoch of `steps`, and a word on it."""
        epoch, taken = len(history.loss), history.unfinished.steps
        further = ""
        if self.folder is not None and epoch + taken > 0:
            self.checkpoint(history, final=True)
            further = "; resume=True goes on from there"
        print(f"stopped in epoch {epoch} after {taken} of {steps} steps{further}")

    def epoch(self, history: History, image: np.ndarray, final: bool) -> None:
        """The checkpoint, and what the article writes after an epoch: a picture of
        `image`, and every so many epochs the weights."""
        self.checkpoint(history, final)
        if self.folder is None:
            return
        epoch, recipe = len(history.loss) - 1, self.step.recipe
        with self._unless_full(final), self.step.averaged():
            picture = self.folder / "img" / f"img_{epoch}.jpg"
            save_picture(picture, self.step.model, image, recipe.scale)
            if epoch % recipe.save_every == 0 or final:
                save_weights(self.folder / "unet_model.pth", self.step.model)

    @contextmanager
    def _unless_full(self, final: bool) -> Iterator[None]:
        try:
            yield
        except UnetlibError as error:
            if final:
                raise
            warnings.warn(str(error), stacklevel=4)
