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
def busy(others: int = 2, rounds: int = 7, steps: int = 5) -> dict:
    """Milliseconds for a step of 320 pictures, alone and beside busy programs.

    whole: each operation of the batch is shared by the cores. shares: each core has a
    part of the batch. In bfloat16, too, where it is faster here.
    """
    track = Track()
    keep_to_cores(track.threads)  # the others, too, which are started from here
    fast = bfloat16_is_faster(torch.device(track.device))
    loops = {
        f"{way} {precision}": partial(
            ours, speed=replace(FAST, threads=threads, bfloat16=precision == "bfloat16")
        )
        for precision in ["float32"] + ["bfloat16"] * fast
        for way, threads in (("whole", False), ("shares", True))
    }
    result = {"threads": track.threads, "others": others}
    for number in (0, others):
        with programs(number):
            turns = race(loops, track, rounds, steps)
        rows = {name: summary(turns[name], track.batch_size) for name in loops}
        result["beside" if number else "alone"] = rows
    return result
