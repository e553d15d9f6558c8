"""What may go wrong while a network trains, and what is done about it.

Introduced in chapter 04.
"""

import math
import random
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from unetlib.checks import UnetlibError
from unetlib.model import evaluating
from unetlib.speed.distributed import agreed

# From picture to picture, an untrained network's outputs differ by a thousandth of what
# its inputs do; those of one that has collapsed by less than a millionth.
SAME = 1e-5
WANT = re.compile("allocate|out of memory|ALLOC_FAILED")
ADVICE = (
    "There is not enough memory. Try a smaller batch_size "
    "(dataclasses.replace(recipe, batch_size=64)), close other notebooks, "
    "or restart the kernel, which frees what earlier cells hold"
)
STOPPING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # the last is of Windows


def check_learning(model: nn.Module, loss: float, pictures: Tensor, lr: float) -> None:
    """Raise UnetlibError, with advice, where it makes no sense to go on.

    loss: of the steps so far in this epoch. pictures: a few different ones,
    (B, C, H, W), on the scale of the network, whose outputs must differ too.
    lr: what the advice names.
    """
    advice = (
        f"Try a smaller learning rate (it is {lr:g}), and check that the pictures are "
        "on the scale that the recipe names. Files saved earlier are untouched"
    )
    if not math.isfinite(loss):
        raise UnetlibError(f"training stopped: the loss became {loss}. {advice}")
    if len(pictures) < 2:
        return
    with evaluating(model):
        differ = [images.std(dim=0).max() for images in (pictures, model(pictures))]
    if differ[1] < SAME * differ[0]:
        raise UnetlibError(
            "training stopped: the network has collapsed and gives the same output for "
            f"every picture. {advice}"
        )


@contextmanager
def stop_between_steps(processes: int) -> Iterator[Callable[[], bool]]:
    """Within it, Ctrl-C waits for the step to end: half a step could not be resumed.
    So do the signals by which a system ends a program (SIGTERM) or a terminal is closed
    (SIGHUP); afterwards, each does what it would have done.

    Gives a function that says whether one came. Ctrl-C pressed again stops at once.
    Only the main thread gets signals: elsewhere nothing changes. Several processes ask
    each other, so that they stop after the same step.
    """
    came: list[int] = []

    def note(number: int, _frame: object) -> None:
        if came and number == signal.SIGINT:
            raise KeyboardInterrupt
        came.append(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in STOPPING:
            number = getattr(signal, name, None)  # Windows lacks some
            handler = number and signal.getsignal(number)
            # What nohup told the process to ignore; None: not set by Python.
            ignored = name != "SIGINT" and handler is signal.SIG_IGN
            if handler is not None and not ignored:
                before[number] = signal.signal(number, note)
    try:
        yield agreed(lambda: bool(came)) if processes > 1 else lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])
        if before[came[0]] is signal.SIG_IGN:  # Ctrl-C, for a job in the background
            raise KeyboardInterrupt  # for half a run must not be taken for a whole one


@contextmanager
def advice_on_memory() -> Iterator[None]:
    """Within it, an error for want of memory says what to do about it."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch's and numpy's
        if WANT.search(str(error)):
            error.add_note(ADVICE)
        raise


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Within it, a network that draws by itself (dropout) draws by `seed`, be it from
    PyTorch's generators, NumPy's or Python's.

    Then they are where they were before.
    """
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        random.seed(int(seed))  # it takes no number of NumPy
        np.random.seed(int(seed) % 2**32)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
