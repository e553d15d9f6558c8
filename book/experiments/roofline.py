"""How fast could a step be at best? What it must do, against what the machine can.

Two ceilings are measured, multiplying matrices and copying memory. Each layer of `Unet`
takes at least as long as its products at the one, and as its bytes at the other: each
operation reads what it needs and writes what it makes, forward and backward, once.
A step can beat the second where a cache holds what one layer leaves to the next, or
where two operations are fused into one.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
from experiment import Device, Experiment
from race import Track, race, summary
from torch import nn
from training_loops import ours

from unetlib.model import Unet, count_parameters
from unetlib.speed.options import FAST, PLAIN, bfloat16_is_faster

BYTES = {"float32": 4, "bfloat16": 2}
MATRIX = {"cpu": 2048, "cuda": 8192}  # rows and columns
COPIED = 2**29  # bytes, more than any cache holds


@dataclass(frozen=True)
class Work:
    """What one operation of the network does in a whole step, forward and backward."""

    name: str
    operations: int  # a multiplication and an addition are two
    numbers: int  # read or written


def convolution(
    name: str, layer: nn.Conv2d, inputs: int, outputs: int, composed: bool
) -> Work:
    """Forward, gradient of the weights, and of the input unless that is the picture.

    inputs, outputs: how many numbers go in and come out. Composed with the upsampling
    before it, an output pixel takes 2×2 products for each input channel, not 3×3.
    """
    multiplications = outputs * layer.in_channels * (4 if composed else 9)
    picture = layer.in_channels == 1
    weights = count_parameters(layer)
    forward = inputs + weights + outputs
    backward = inputs + outputs + 2 * weights + (0 if picture else inputs)
    passes = 2 if picture else 3
    return Work(name, 2 * passes * multiplications, forward + backward)


def count(batch_size: int, composed: bool) -> list[Work]:
    """The work of a training step of `Unet`, operation by operation."""
    model, rows = Unet(), []
    channels, size = 1, 28
    for block_name, block in model.named_children():
        upsampled = False
        for layer in block:
            name = f"{block_name} {type(layer).__name__}"
            inputs = batch_size * channels * size**2
            if isinstance(layer, nn.Conv2d):
                channels = layer.out_channels
                size *= 2 if upsampled else 1
                outputs = batch_size * channels * size**2
                rows.append(convolution(name, layer, inputs, outputs, upsampled))
            elif isinstance(layer, nn.MaxPool2d):
                size //= 2
                rows.append(Work(name, 0, 2 * (inputs + inputs // 4)))
            elif isinstance(layer, nn.Upsample) and composed:
                upsampled = True  # the convolution behind it does both
            elif isinstance(layer, nn.Upsample):
                size *= 2
                rows.append(Work(name, 0, 2 * (inputs + 4 * inputs)))
            else:  # an activation; backward it reads its input and a gradient
                rows.append(Work(name, 0, 5 * inputs))
    pixels = batch_size * size**2
    rows.append(Work("loss", 0, 5 * pixels))
    # Adam reads weight, gradient and two averages, and writes all but the gradient.
    return [*rows, Work("update", 0, 7 * count_parameters(model))]


def fastest(action: Callable[[], object], device: str, times: int = 10) -> float:
    """Seconds of the fastest of several runs: a ceiling is what the machine can do."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def ceilings(device: str) -> dict:
    """Operations a second in each precision, and bytes a second of a copy."""
    torch.backends.cuda.matmul.allow_tf32 = True  # as PyTorch's convolutions do
    n = MATRIX[device]
    operations = {}
    for precision in BYTES:
        a = torch.randn(n, n, device=device).to(getattr(torch, precision))
        out = torch.empty_like(a)
        seconds = fastest(partial(torch.mm, a, a, out=out), device)
        operations[precision] = 2 * n**3 / seconds
    source = torch.zeros(COPIED // 4, device=device)
    seconds = fastest(partial(torch.empty_like(source).copy_, source), device)
    return {
        "operations_per_second": operations,
        "bytes_per_second": 2 * COPIED / seconds,
    }


def at_least(works: list[Work], precision: str, limits: dict) -> list[dict]:
    """Milliseconds of each operation by either ceiling."""
    rows = []
    for work in works:
        width = 4 if work.name in ("loss", "update") else BYTES[precision]
        operations = limits["operations_per_second"][precision]
        arithmetic = 1000 * work.operations / operations
        traffic = 1000 * width * work.numbers / limits["bytes_per_second"]
        rows.append(
            {**asdict(work), "arithmetic_ms": arithmetic, "traffic_ms": traffic}
        )
    return rows


def comparison(rows: list[dict], measured: dict) -> dict:
    """The least time of a step, layer by layer, against the measured one."""
    milliseconds = measured["milliseconds_per_step"]["median"]
    least = sum(max(row["arithmetic_ms"], row["traffic_ms"]) for row in rows)
    traffic = sum(row["traffic_ms"] for row in rows)
    return {
        "operations": sum(row["operations"] for row in rows),
        "arithmetic_ms": sum(row["arithmetic_ms"] for row in rows),
        "traffic_ms": traffic,
        "least_ms": least,
        "measured": measured,
        "percent_of_limit": 100 * least / milliseconds,
        "percent_of_traffic_limit": 100 * traffic / milliseconds,
        "layers": rows,
    }


@Experiment
def roofline(
    device: Device = "cpu",
    batch_size: int = 320,
    threads: int = 2,
    rounds: int = 7,
    steps: int = 5,
) -> dict:
    """The least time of a training step of Unet by measured ceilings."""
    torch.set_num_threads(threads)
    limits = ceilings(device)
    track = Track(device, threads, batch_size)
    speeds = {"plain": PLAIN, "fast": FAST}
    speeds["fast float32"] = replace(FAST, bfloat16=False)
    if device == "cuda":  # on a CPU it is no faster
        speeds["compiled"] = replace(FAST, compile=True)
    loops = {name: partial(ours, speed=speed) for name, speed in speeds.items()}
    turns = race(loops, track, rounds, steps)
    fast = "bfloat16" if bfloat16_is_faster(torch.device(device)) else "float32"
    compared = {}
    for name, speed in speeds.items():
        precision = fast if speed.bfloat16 is None else "float32"
        rows = at_least(count(batch_size, speed.composed), precision, limits)
        measured = summary(turns[name], batch_size)
        compared[name] = {"precision": precision, **comparison(rows, measured)}
    return {
        "threads": threads,
        "batch_size": batch_size,
        "ceilings": limits,
        "steps": compared,
    }
