"""What a training run writes. Introduced in chapter 04."""

import io
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from unetlib.batcher import Batcher
from unetlib.checks import UnetlibError
from unetlib.model import evaluating
from unetlib.saving.checkpoint import rehearse, save_checkpoint
from unetlib.saving.files import save_weights, write_safely
from unetlib.saving.folder import PICTURES, WEIGHTS
from unetlib.saving.history import TABLE, History
from unetlib.speed.distributed import rank
from unetlib.step import TrainStep

SAVE_EVERY = 60.0  # seconds within an epoch; at its end it is saved anyway


def save_picture(path: Path, model: nn.Module, image: np.ndarray, scale: float) -> None:
    """The article's picture of an epoch: `image` through the network.

    image: (H, W) or (C, H, W) uint8. scale: what a pixel times makes its input.
    Drawn as the article draws it: matplotlib's default colours, stretched from the
    darkest to the brightest pixel, without the input (chapter 05 says what that hides).
    """
    from matplotlib.image import imsave  # here, since it takes long to import

    # One picture of many may well be black: what all must be is asked of all at once.
    pixels = torch.from_numpy(image.reshape(1, -1, *image.shape[-2:]).copy())
    x = pixels.to(next(model.parameters()).device) * scale
    with evaluating(model):
        output = model(x)[0].float().mean(dim=0).cpu().numpy()  # gray, of any channels
    drawn = io.BytesIO()
    imsave(drawn, output.repeat(8, axis=0).repeat(8, axis=1), format="jpg")
    write_safely(path, drawn.getvalue())


class Saver:
    """Writes checkpoints, weights and pictures of a run into `folder`; None: nothing.

    A disk that is full ends nothing but the end of a run: till then it is a warning.
    Raises UnetlibError where it is sure from the start that nothing could be saved, or
    that it could not be resumed.
    """

    def __init__(self, folder: Path | None, step: TrainStep, batcher: Batcher) -> None:
        self.folder, self.step, self.batcher = folder, step, batcher
        self.saved = time.monotonic()
        if folder is not None:
            rehearse(folder / PICTURES / "trial", step, batcher)

    def within_epoch(self, history: History) -> None:
        """A checkpoint, where the last one is a while ago."""
        if self.folder is not None and time.monotonic() - self.saved >= SAVE_EVERY:
            self._try(partial(self._checkpoint, history))

    def stop(self, history: History, steps: int) -> None:
        """A last checkpoint and the weights, in the midst of an epoch of `steps`, and a
        word on it."""
        epoch, taken = len(history.loss), history.unfinished.steps
        further = ""
        if self.folder is not None and epoch + taken > 0:
            self._try(partial(self._checkpoint, history), self._weights, final=True)
            further = "; resume=True goes on from there"
            further += f", and {self.folder / WEIGHTS} holds the weights"
        if rank() == 0:
            # Flushed, for a signal may now end the process.
            said = f"stopped in epoch {epoch} after {taken} of {steps} steps{further}"
            print(said, flush=True)

    def epoch(self, history: History, image: np.ndarray, final: bool) -> None:
        """The checkpoint, the history as a table, and what the article writes after an
        epoch: a picture of `image`, and every so many epochs the weights."""
        if self.folder is None:
            return
        epoch, recipe = len(history.loss) - 1, self.step.recipe
        files = [partial(self._checkpoint, history)]
        if epoch % recipe.save_every == 0 or final:
            files.append(self._weights)
        files += [partial(self._picture, epoch, image), partial(self._table, history)]
        self._try(*files, final=final)

    def _checkpoint(self, history: History) -> None:
        self.saved = time.monotonic()  # whether or not there is room
        save_checkpoint(self.folder, self.step, self.batcher, history)

    def _weights(self) -> None:
        with self.step.averaged():
            save_weights(self.folder / WEIGHTS, self.step.model)

    def _picture(self, epoch: int, image: np.ndarray) -> None:
        path = self.folder / PICTURES / f"img_{epoch}.jpg"
        if epoch == 0:  # of a run that this one replaces
            for old in path.parent.glob("img_[0-9]*.jpg"):
                with suppress(OSError):  # a virus scanner may be reading it
                    old.unlink()
        with self.step.averaged():
            save_picture(path, self.step.model, image, self.step.recipe.scale)

    def _table(self, history: History) -> None:
        write_safely(self.folder / TABLE, history.table().encode())

    def _try(self, *files: Callable[[], None], final: bool = False) -> None:
        """Write each of the files, whatever becomes of the others."""
        failed = []
        for write in files:
            try:
                write()
            except UnetlibError as error:
                failed.append((write, str(error)))
        said = ". ".join(text for _, text in failed)
        if failed and not final:
            warnings.warn(said, stacklevel=5)
        elif failed:
            if self._weights in [write for write, _ in failed]:
                said += self._elsewhere()
            raise UnetlibError(said)

    def _elsewhere(self) -> str:
        """Save the weights where the system keeps files for a while; says so."""
        try:
            path = Path(tempfile.mkdtemp(prefix="unetlib-")) / WEIGHTS
            with self.step.averaged():
                save_weights(path, self.step.model)
        except (UnetlibError, OSError):
            return ""
        return f". The weights are in {path}: move them to where they are safe"
