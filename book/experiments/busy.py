"""What a step takes while other programs keep the processor's cores busy."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
from experiment import Experiment
from race import Track, keep_to_cores, race, summary
from training_loops import ours

from unetlib.speed.options import FAST, bfloat16_is_faster


@contextmanager
def programs(number: int) -> Iterator[None]:
    """Within it, so many programs compute without end."""
    endless = [sys.executable, "-c", "while True: pass"]
    started = [subprocess.Popen(endless) for _ in range(number)]
    try:
        yield
    finally:
        for one in started:
            one.kill()
            one.wait()


@Experiment
def busy(others: int = 2, rounds: int = 7) -> dict:
    """Milliseconds for a step of 320 pictures and of 32, alone and beside programs.

    whole: each operation of the batch is shared by the cores. shares: each core has a
    part of the batch. In bfloat16, too, where it is faster here; the small batch by the
    faster only. Medians of `rounds` turns of 5 and of 100 steps.
    """
    keep_to_cores(Track.threads)  # the others, too, which are started from here
    fast = bfloat16_is_faster(torch.device("cpu"))
    precisions = ["float32"] + ["bfloat16"] * fast
    result: dict = {"threads": Track.threads, "others": others}
    for size, steps, tried in ((320, 5, precisions), (32, 100, precisions[-1:])):
        loops = {
            f"{way} {precision}": partial(
                ours,
                speed=replace(FAST, threads=divide, bfloat16=precision == "bfloat16"),
            )
            for precision in tried
            for way, divide in (("whole", False), ("shares", True))
        }
        for name, number in (("alone", 0), ("beside", others)):
            with programs(number):
                turns = race(loops, Track(batch_size=size), rounds, steps)
            rows = {loop: summary(turns[loop], size) for loop in loops}
            result.setdefault(str(size), {})[name] = rows
    return result
