"""What may go wrong while a network trains, and what is done about it.

Introduced in chapter 04.
"""

import math
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from unetlib.checks import UnetlibError
from unetlib.model import looking_at

# From picture to picture, an untrained network's outputs differ by a thousandth of what
# its inputs do; those of one that has collapsed by less than a millionth.
SAME = 1e-5


def check_learning(model: nn.Module, loss: float, pictures: Tensor, lr: float) -> None:
    """Raise UnetlibError, with advice, where it makes no sense to go on.

    loss: of the latest steps. pictures: a few different ones, (B, 1, H, W), on the
    scale of the network, whose outputs must differ too. lr: what the advice names.
    """
    advice = (
        f"Try a smaller learning rate (it is {lr:g}), and check that the pictures are "
        "on the scale that the recipe names. Whatever was saved was saved before this"
    )
    if not math.isfinite(loss):
        raise UnetlibError(f"training stopped: the loss became {loss}. {advice}")
    if len(pictures) < 2:
        return
    with looking_at(model):
        differ = [images.std(dim=0).max() for images in (pictures, model(pictures))]
    if differ[1] < SAME * differ[0]:
        raise UnetlibError(
            "training stopped: the network has collapsed and gives the same output for "
            f"every picture. {advice}"
        )


@contextmanager
def stop_between_steps(processes: int) -> Iterator[Callable[[], bool]]:
    """Within it, Ctrl-C waits for the step to end: half a step could not be resumed.

    Gives a function that says whether it was pressed. Pressed twice, it stops at once.
    Several processes cannot agree on a step, and only the main thread gets Ctrl-C:
    elsewhere nothing changes.
    """
    pressed: list[int] = []

    def note(number: int, _frame: object) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    try:
        before = None if processes > 1 else signal.signal(signal.SIGINT, note)
    except ValueError:  # not the main thread
        before = None
    try:
        yield lambda: bool(pressed)
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


@contextmanager
def advice_on_memory() -> Iterator[None]:
    """Within it, an error for want of memory says what to do about it."""
    try:
        yield
    except RuntimeError as error:  # on a GPU torch.OutOfMemoryError, which is one
        if "memory" in str(error):
            error.add_note(
                "There is not enough memory. Try a smaller batch_size "
                "(dataclasses.replace(recipe, batch_size=64)), close other notebooks, "
                "or restart the kernel, which frees what earlier cells hold"
            )
        raise


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Within it, a network that draws by itself (dropout) draws by `seed`.

    Then PyTorch's generators are where they were before.
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield
