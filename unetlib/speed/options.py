"""What makes a training step fast, one switch each. Introduced in chapter 06.

`PLAIN` switches everything off: the step as chapter 04 writes it. Each switch changes
how fast the step is, and its results by rounding only.
"""

import ctypes
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from unetlib.model import SkipUnet, Unet, check_input


@dataclass(frozen=True)
class Speed:
    """The switches. The defaults are what pays; chapter 06 measures each."""

    channels_last: bool = True  # the order in memory that convolutions like best
    composed: bool = True  # upsampling and convolution in one: see `upsampled_conv`
    fused: bool = True  # Adam's update of all parameters in one call
    keep_memory: bool = True  # freed memory stays at hand: see `keep_memory`
    bfloat16: bool | None = None  # None: where the hardware multiplies it faster
    graph: bool = (
        True  # on CUDA, many steps by one call: see `cuda_graph`
    )
    compile: bool = False  # torch.compile: generated code, after a long first step


FAST = Speed()
PLAIN = Speed(*[False] * len(fields(Speed)))


def composed_kernel(weight: Tensor) -> Tensor:
    """(O, I, 3, 3) of a convolution → (I, O, 4, 4) of `upsampled_conv`.

    Upsampling repeats each pixel twice in both directions. So a pixel meets the kernel
    at 2×2 neighbouring places, and what it adds to the output is the sum of the kernel,
    turned round, at these four places. Raises ValueError for other kernels.
    """
    if weight.dim() != 4 or weight.shape[2:] != (3, 3) or weight.numel() == 0:
        raise ValueError(f"weight must be (O, I, 3, 3), got {tuple(weight.shape)}")
    turned = weight.flip(2, 3).transpose(0, 1)
    return sum(pad(turned, (x, 1 - x, y, 1 - y)) for x in (0, 1) for y in (0, 1))


def upsampled_conv(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Upsample(scale_factor=2), then a 3×3 convolution with padding 1, as one step.

    x: (B, I, H, W). weight: (O, I, 3, 3). bias: (O,). Returns (B, O, 2H, 2W).
    Of the nine products behind an output pixel, several multiply the same input pixel;
    adding their weights first leaves four: 2.25 times fewer multiplications, and the
    upsampled picture is never stored.
    Raises ValueError or RuntimeError for what does not go together.
    """
    kernel = composed_kernel(weight)  # (I, O, 4, 4)
    if x.dim() != 4 or not x.is_floating_point() or x.device != weight.device:
        raise ValueError(
            f"expected floats (B, I, H, W) on {weight.device}, as the weight, "
            f"got {x.dtype} {tuple(x.shape)} on {x.device}"
        )
    try:
        return conv_transpose2d(x, kernel, bias, stride=2, padding=1)
    except RuntimeError as error:
        raise RuntimeError(
            "expected x (B, I, H, W), weight (O, I, 3, 3) and bias (O,) of one float "
            f"dtype, got {tuple(x.shape)} of {x.dtype}, {tuple(weight.shape)} of "
            f"{weight.dtype} and {bias if bias is None else tuple(bias.shape)}: {error}"
        ) from error


class Composed(nn.Module):
    """`model` with each upsampling composed with the convolution behind it.

    model: a `Unet` or `SkipUnet`; its parameters are shared. Any other network, those
        derived from these two included, is called as it is.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        ways = {Unet: self._unet, SkipUnet: self._skip_unet}
        return ways.get(type(self.model), self.model)(x)

    def _unet(self, x: Tensor) -> Tensor:
        check_input(x, self.model.first_block_down[0].weight)
        for block in self.model.children():
            if isinstance(block[0], nn.Upsample):
                _, conv, activation = block
                x = activation(upsampled_conv(x, conv.weight, conv.bias))
            else:
                x = block(x)
        return x

    def _skip_unet(self, x: Tensor) -> Tensor:
        model = self.model
        check_input(x, model.end.weight)
        skip1 = model.down1(x)
        skip2 = model.down2(model.pool(skip1))
        x = model.bottleneck(model.pool(skip2))
        x = _joined(model.up2, x, skip2)
        x = _joined(model.up1, x, skip1)
        return model.end(x)


def _joined(block: nn.Sequential, x: Tensor, skip: Tensor) -> Tensor:
    """What `block` makes of upsampled `x` beside `skip`, without storing either."""
    conv, activation = block
    upper, lower = conv.weight.split([x.shape[1], skip.shape[1]], dim=1)
    return activation(
        upsampled_conv(x, upper, conv.bias) + conv2d(skip, lower, padding=1)
    )


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
