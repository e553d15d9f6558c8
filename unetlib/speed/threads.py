"""Each core its own share of a batch. Introduced in chapter 10.

PyTorch's threads share the work of every single operation, and wait for each other at
its end, dozens of times a step: where another program keeps one core busy, the others
may wait for it each time. Here each thread takes its share of the batch through the
whole network alone, and they meet once a step. It is `distributed` within one process:
the gradient of a batch is the sum of those of its shares.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor, nn

from unetlib.model import Up
from unetlib.networks import NETWORKS, MixerBlock
from unetlib.speed.upsampling import hooked

MOST = 4  # shares; more of Python's threads wait for Python itself
# What is known to treat each picture by itself, to draw nothing, to remember nothing.
SAFE = (
    *(nn.Conv2d, nn.GroupNorm, nn.MaxPool2d, nn.Upsample, nn.Sequential, Up),
    *(nn.GELU, nn.SiLU, nn.ReLU, nn.Tanh, MixerBlock, *NETWORKS.values()),
)
Result = TypeVar("Result")


def can_share(model: nn.Module) -> bool:
    """Whether shares of a batch, each at any time, teach `model` what the batch does.

    So it is for the networks of this book, and any others of the same parts, unless
    something hangs on a part or a parameter that would be called once for each share.
    """
    hooks = ("_backward_hooks", "_post_accumulate_grad_hooks")
    seen = any(getattr(p, name) for p in model.parameters() for name in hooks)
    return not seen and all(map(_as_made, model.modules()))


def _as_made(part: nn.Module) -> bool:
    changed = {"forward", "_compiled_call_impl"} & vars(part).keys()
    return type(part) in SAFE and not hooked(part) and not changed


def shares(batch: Sequence[object]) -> int:
    """How many shares to make of a batch: the cores are divided evenly, so it divides
    their number. 1 where there is nothing to divide."""
    same = all(isinstance(x, Tensor) and x.dim() for x in batch)
    if not same or len({len(x) for x in batch}) > 1:
        return 1
    cores, most = torch.get_num_threads(), min(MOST, len(batch[0]))
    return max((n for n in range(1, most + 1) if cores % n == 0), default=1)


class Threads:
    """Threads that wait for work. A profiler in another one sees nothing of it."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(MOST, "share")

    def map(self, work: Callable[..., Result], *batch: Tensor) -> list[Result]:
        """`work(*share)` for each of the `shares` of a batch, all at the same time.

        batch: tensors (B, …); a share has about B / shares of each.
        """
        cores, count = torch.get_num_threads(), shares(batch)

        def alone(share: tuple[Tensor, ...]) -> Result:
            torch.set_num_threads(cores // count)  # of this thread
            return work(*share)

        parts = zip(*(tensor.tensor_split(count) for tensor in batch), strict=True)
        try:
            return list(self.pool.map(alone, parts))
        finally:
            torch.set_num_threads(cores)  # of threads that begin later, too
