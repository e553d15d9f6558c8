"""How long is a step on a GPU, and what does each way to be fast do for it?

Writes book/results/gpu_steps.json, in a few minutes. The steps are replayed from a CUDA
graph, so this is the time of the card alone. Most rows switch off one of the ways to be
fast; throughput.py, which takes longer, compares with other frameworks.
"""

import argparse
from dataclasses import replace
from functools import partial

import torch
from contestants import ours
from measured import circumstances, write_result
from race import Track, Turns, race, summary
from roofline import at_least, ceilings, count

from unetlib.speed.options import FAST
from unetlib.step import check_device

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


def main() -> None:
    argparse.ArgumentParser(description="Time steps on a GPU.").parse_args()
    check_device("cuda")
    limits, rows = ceilings("cuda"), {}
    products = limits["operations_per_second"]
    for batch_size in BATCH_SIZES:
        turns = race(WAYS, Track("cuda", batch_size=batch_size), rounds=7, steps=100)
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
    write_result(
        "gpu_steps",
        {
            "what": "a training step of Unet, replayed from a CUDA graph",
            "command": "python book/experiments/gpu_steps.py",
            **circumstances("cuda"),
            "tflop_per_second": products["bfloat16"] / 1e12,
            "tf32_tflop_per_second": products["float32"] / 1e12,
            "terabyte_per_second": limits["bytes_per_second"] / 1e12,
            "batches": rows,
        },
    )


if __name__ == "__main__":
    main()
