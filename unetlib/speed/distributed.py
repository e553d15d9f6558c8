"""Training by several processes, each on its own device. Introduced in chapter 10.

`torchrun --nproc-per-node N -m unetlib.train …` starts the program N times. Every
process holds the whole network and learns from its share of each batch; PyTorch's
DistributedDataParallel (DDP) averages the gradients over the processes, so that all
take the same step: the one that a single process would take on the joint batch.
Without torchrun there is one process, and nothing here does anything.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from unetlib.checks import UnetlibError

TORCHRUN = {"RANK", "WORLD_SIZE", "LOCAL_RANK"}  # what it tells each process
TOGETHER = (
    "{} processes train together. Should one of them end, all end; "
    "--resume then goes on from the last checkpoint"
)
ASK_EVERY = 10  # calls; to ask the others is to wait for them
LOST = "It may be that another process has ended: torchrun says which, and of what"


def by_torchrun() -> bool:
    """Whether torchrun started this process."""
    return os.environ.keys() >= TORCHRUN


def own_device(device: str) -> str:
    """The device of this process: under torchrun, "cuda" becomes "cuda:LOCAL_RANK".

    Raises UnetlibError for one numbered GPU under torchrun: all would crowd onto it.
    """
    if not by_torchrun() or not device.startswith("cuda"):
        return device
    if device != "cuda":
        raise UnetlibError(
            f'device "{device}" is one GPU, but torchrun starts a process for each; '
            'ask for "cuda", and each process takes its own'
        )
    return f"cuda:{os.environ['LOCAL_RANK']}"


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Within it, the processes that torchrun started train together on their devices.

    They talk through NCCL where these are GPUs, and through Gloo on CPUs.
    """
    if not by_torchrun():
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if world_size() > 1 and rank() == 0:  # now, for who is killed says nothing more
        print(TOGETHER.format(world_size()), flush=True)
    try:
        yield
    except RuntimeError as error:  # among others, how PyTorch says that it lost one
        error.add_note(LOST)
        raise
    # Not after an error: NCCL would wait for a process that is no more.
    distributed.destroy_process_group()


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def world_size() -> int:
    """How many processes train together; 1 without torchrun."""
    return distributed.get_world_size() if _together() else 1


def rank() -> int:
    """Which of them this one is, from 0; the one with rank 0 prints and saves."""
    return distributed.get_rank() if _together() else 0


def shard(batch_size: int) -> slice:
    """Which pictures of each joint batch this process learns from.

    Raises UnetlibError where the processes cannot share them equally.
    """
    size, left = divmod(batch_size, world_size())
    if left:
        raise UnetlibError(
            f"a batch of {batch_size} cannot be shared equally by {world_size()} "
            f"processes; start a number that divides {batch_size}"
        )
    return slice(rank() * size, (rank() + 1) * size)


def bare(model: nn.Module) -> nn.Module:
    """`model` without what torch.compile, DataParallel or DDP put around it, and before
    each name in its state dict."""
    if isinstance(model, (nn.DataParallel, DistributedDataParallel)):
        return bare(model.module)
    inside = getattr(model, "_orig_mod", None)  # as torch.compile calls it
    return model if inside is None else bare(inside)


def parallel(model: nn.Module) -> nn.Module:
    """`model`, its gradients averaged over the processes. The parameters are shared."""
    if world_size() == 1:
        return model
    device = next(model.parameters()).device
    return DistributedDataParallel(
        model,
        device_ids=None if device.type == "cpu" else [device],
        static_graph=True,  # each step is alike; so it may have parameters without use
    )


def average(value: Tensor) -> Tensor:
    """The mean of `value` over the processes, each of which must call this."""
    if world_size() == 1:
        return value
    total = value.clone()
    distributed.all_reduce(total)
    return total / world_size()


def agreed(wish: Callable[[], bool]) -> Callable[[], bool]:
    """The `wish` of all processes: true in each, at the same call, once it is true in
    one. They ask each other at every tenth call, so each must call it equally often."""
    calls = count()

    def asked() -> bool:
        if next(calls) % ASK_EVERY:
            return False
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        return average(torch.tensor(float(wish()), device=device)).item() > 0

    return asked
