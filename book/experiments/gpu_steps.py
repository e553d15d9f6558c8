"""What does each way to be fast do for a step on a GPU?"""

from dataclasses import replace
from functools import partial
from typing import Literal

import torch
from experiment import Experiment
from race import Track, Turns, race, summary
from roofline import at_least, ceilings, count
from training_loops import ours

from unetlib.speed.options import FAST

BATCH_SIZES = (320, 2048, 4096)


def searching(track: Track, turns: Turns) -> None:
    """FAST, where cuDNN tries out its algorithms before it chooses."""
    torch.backends.cudnn.benchmark = True
    ours(track, turns, FAST)


WAYS = {
    "fast": partial(ours, speed=FAST),
    "not composed": partial(ours, speed=replace(FAST, composed=False)),
    "channels first": partial(ours, speed=replace(FAST, channels_last=False)),
    "tf32": partial(ours, speed=replace(FAST, bfloat16=False)),
    "cudnn searches": searching,
    "compiled": partial(ours, speed=replace(FAST, compile=True)),
}


@Experiment
def gpu_steps(
    device: Literal["cuda"] = "cuda", rounds: int = 7, steps: int = 100
) -> dict:
    """A training step of Unet, replayed from a CUDA graph.

    So this is the time of the card alone. Most rows switch off one of the ways to be
    fast; `throughput`, which takes longer, compares with other frameworks.
    """
    limits, rows = ceilings(device), {}
    products = limits["operations_per_second"]
    for batch_size in BATCH_SIZES:
        turns = race(WAYS, Track(device, batch_size=batch_size), rounds, steps)
        works = at_least(count(batch_size, composed=True), "bfloat16", limits)
        ways = {name: summary(turns[name], batch_size) for name in WAYS}
        traffic_ms = sum(row["traffic_ms"] for row in works)
        rows[f"batch {batch_size}"] = {
            "ways": ways,
            "traffic_gigabytes": traffic_ms * limits["bytes_per_second"] / 1e12,
            "traffic_ms": traffic_ms,
            "arithmetic_ms": sum(row["arithmetic_ms"] for row in works),
            "times_limit": ways["fast"]["milliseconds_per_step"]["median"] / traffic_ms,
        }
    return {
        "tflop_per_second": products["bfloat16"] / 1e12,
        "tf32_tflop_per_second": products["float32"] / 1e12,
        "terabyte_per_second": limits["bytes_per_second"] / 1e12,
        "batches": rows,
    }
