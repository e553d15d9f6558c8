"""What makes a training step fast, one switch each. Introduced in chapter 10.

`PLAIN` switches everything off: the step as chapter 04 writes it. Each switch changes
how fast the step is, and its results by rounding only.
"""

import ctypes
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import torch


@dataclass(frozen=True)
class Speed:
    """The switches. The defaults are what pays; chapter 10 measures each."""

    channels_last: bool = True  # the order in memory that convolutions like best
    composed: bool = True  # upsampling and convolution in one: see `upsampling`
    fused: bool = True  # Adam's update of all parameters in one call
    keep_memory: bool = True  # freed memory stays at hand: see `keep_memory`
    bfloat16: bool | None = None  # None: where the hardware multiplies it faster
    graph: bool = True  # on CUDA, many steps by one call: see `cuda_graph`
    compile: bool = False  # torch.compile: generated code, after a long first step


FAST = Speed()
PLAIN = Speed(*[False] * len(fields(Speed)))


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies matrices of bfloat16 faster than float32.

    True on GPUs from 2020 on, and on CPUs with AMX (Intel, from 2023 on), whose flag
    only Linux shows.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and "amx_bf16" in cpuinfo.read_text(encoding="utf-8")


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
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # from malloc.h
    settings = {mmap_threshold: 2**30, trim_threshold: 2**31 - 1, top_pad: 2**28}
    return {mallopt(*setting) for setting in settings.items()} == {1}
