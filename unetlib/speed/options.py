"""What makes a training step fast, one switch each. Introduced in chapter 10.

`PLAIN` switches everything off: the step as chapter 04 writes it. Each switch changes
how fast the step is, and its results by rounding only.
"""

import ctypes
import sys
import time
from dataclasses import dataclass, fields
from functools import cache

import torch
from torch.nn.functional import conv2d


@dataclass(frozen=True)
class Speed:
    """The switches. The defaults are what pays; chapter 10 measures each."""

    channels_last: bool = True  # the order in memory that convolutions like best
    composed: bool = True  # upsampling and convolution in one: see `upsampling`
    fused: bool = True  # Adam's update of all parameters in one call
    keep_memory: bool = True  # freed memory stays at hand: see `keep_memory`
    bfloat16: bool | None = None  # None: where the hardware multiplies it faster
    threads: bool = True  # on CPUs, each core its share of the batch: see `threads`
    graph: bool = True  # on CUDA, many steps by one call: see `cuda_graph`
    compile: bool = False  # torch.compile: generated code, after a long first step


FAST = Speed()
PLAIN = Speed(*[False] * len(fields(Speed)))


@cache
def bfloat16_is_faster(device: torch.device) -> bool:
    """Whether the device multiplies matrices of bfloat16 faster than float32.

    True on GPUs from 2020 on. On a CPU both are tried, once in a process, which takes a
    fraction of a second: many have no instruction for it, and are several times slower
    then. By one thread: several would also tell how busy the other cores are.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    seen: dict[torch.dtype, list[float]] = {torch.bfloat16: [], torch.float32: []}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(6):  # by turns, so that what else the machine does meets both
            for dtype, seconds in seen.items():
                seconds.append(_seconds(dtype))
    finally:
        torch.set_num_threads(threads)
    bfloat16, float32 = (min(seconds[1:]) for seconds in seen.values())
    return bfloat16 < 0.9 * float32


@torch.enable_grad()
def _seconds(dtype: torch.dtype) -> float:
    """What a convolution takes on the CPU, forward and backward."""
    like = {"dtype": dtype, "device": "cpu", "requires_grad": True}
    last = torch.channels_last
    x = torch.ones(32, 32, 28, 28, **like).contiguous(memory_format=last)
    weight = torch.ones(32, 32, 3, 3, **like).contiguous(memory_format=last)
    start = time.perf_counter()
    conv2d(x, weight, padding=1).sum().backward()
    return time.perf_counter() - start


def keep_memory() -> bool:
    """Keep freed memory in the process for the next step; on Linux with glibc only.

    A step's large tensors are freed at its end, and glibc gives such memory back to the
    system, which must clear every page of it before the next step gets it again.
    Returns whether glibc took the settings. They hold until the process ends.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries lack it
    if mallopt is None:
        return False
    trim_threshold, top_pad, mmap_threshold, arena_max = -1, -2, -3, -8  # malloc.h
    settings = {mmap_threshold: 2**30, trim_threshold: 2**31 - 1, top_pad: 2**28}
    settings[arena_max] = 1  # threads share it: one of their own holds 64 MB at most
    return {mallopt(*setting) for setting in settings.items()} == {1}
