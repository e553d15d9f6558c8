"""A race between training loops, each in a process of its own, taking turns.

A process keeps its threads, its memory and its settings (`keep_memory` among them) to
itself. Only one loop runs at a time, the others wait, and the turns are short: what
else the machine does slows all of them alike.
"""

import multiprocessing
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch

SETTLE_SECONDS = 0.2  # until the last loop's threads have stopped to look for work


@dataclass(frozen=True)
class Track:
    """What all loops of a race share."""

    device: str = "cpu"
    threads: int = 2
    batch_size: int = 320


@dataclass(frozen=True)
class Turn:
    """What a loop reports at the end of its turn."""

    seconds: float  # per step
    loss: float  # of the last step
    peak_mib: float  # the most memory that the process has had so far
    peak_gpu_mib: float  # the same on the GPU, as PyTorch counts; 0 without


class Turns:
    """Where a training loop stops until it is its turn again.

    The loop calls it after each step, or after each `steps` steps that it does as one,
    with its last loss: anything that `float` takes.
    """

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe

    def wait(self) -> None:
        try:
            self.wanted = self.pipe.recv()
        except EOFError:  # the race is over
            sys.exit()
        self.done = 0
        self.start = time.perf_counter()

    def __call__(self, loss: object, steps: int = 1) -> None:
        self.done += steps
        if self.done < self.wanted:
            return
        value, gpu = float(loss), 0.0  # a framework that runs ahead is waited for
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
            gpu = torch.cuda.max_memory_allocated() / 2**20
        seconds = (time.perf_counter() - self.start) / self.done
        self.pipe.send(Turn(seconds, value, _peak_mib(), gpu))
        self.wait()


Loop = Callable[[Track, Turns], None]  # trains without end, stopping at its Turns


class Racer:
    """One loop in its process."""

    def __init__(self, loop: Loop, track: Track) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_run, args=(loop, track, theirs))
        self.process.start()
        theirs.close()  # so that the end of the process ends the pipe
        self.absent = ""  # why it can't go on, where it can't

    def turn(self, steps: int) -> Turn | None:
        """Let it do `steps` steps. None where it can't go on."""
        if self.absent:
            return None
        time.sleep(SETTLE_SECONDS)
        try:
            self.pipe.send(steps)
            answer = self.pipe.recv()
        except (EOFError, OSError):
            answer = "failed: its process was killed"
        if isinstance(answer, Turn):
            return answer
        self.absent = answer
        return None

    def stop(self) -> None:
        self.pipe.close()
        self.process.join(timeout=10)
        self.process.kill()  # nothing happens where it has ended
        self.process.join()


def race(
    loops: dict[str, Loop],
    track: Track,
    rounds: int,
    steps: int,
    check: Callable[[str, list[float]], None] = lambda name, losses: None,
) -> dict[str, list[Turn] | str]:
    """`rounds` turns of `steps` steps for each loop, in an order that changes.

    Before that each does two single steps, whose losses `check` sees, and a turn that
    does not count: it warms up. Returns the turns of each loop, or why there are none.
    """
    racers: dict[str, Racer] = {}
    turns: dict[str, list[Turn | None]] = {name: [] for name in loops}
    try:
        for name, loop in loops.items():
            racers[name] = Racer(loop, track)  # all load what they need at once
        for name in loops:
            first = [racers[name].turn(1) for _ in range(2)]
            warm = racers[name].turn(steps)
            print(f"{name}: {racers[name].absent or f'{1000 * warm.seconds:.1f} ms'}")
            if warm:
                check(name, [turn.loss for turn in first])
        for number in range(rounds):
            for name in random.Random(number).sample(list(loops), len(loops)):
                turns[name].append(racers[name].turn(steps))
    finally:
        for racer in racers.values():
            racer.stop()
    return {name: racers[name].absent or turns[name] for name in loops}


def keep_to_cores(number: int) -> None:
    """Let this process and those that it starts use so many cores, where it can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:number])


def quartiles(values: list[float]) -> dict[str, float]:
    """Median, quartiles and n of at least two values."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "quartile_1": low, "quartile_3": high, "n": len(values)}


def summary(turns: list[Turn] | str, batch_size: int) -> dict:
    """Of one contestant: what the result says about it."""
    if isinstance(turns, str):
        return {"absent": turns}
    seconds = quartiles([turn.seconds for turn in turns])
    return {
        "milliseconds_per_step": {
            key: value if key == "n" else 1000 * value for key, value in seconds.items()
        },
        "images_per_second": batch_size / seconds["median"],
        "peak_memory_mib": turns[-1].peak_mib,
        "peak_gpu_memory_mib": turns[-1].peak_gpu_mib,
    }


def _run(loop: Loop, track: Track, pipe: Connection) -> None:
    torch.set_num_threads(track.threads)
    turns = Turns(pipe)
    turns.wait()
    try:
        loop(track, turns)
    except ModuleNotFoundError as error:
        pipe.send(f"not installed: {error.name}")
    except Exception as error:  # whatever a framework raises belongs into the result
        first_line = str(error).partition("\n")[0]
        pipe.send(f"failed: {type(error).__name__}: {first_line}")


def _peak_mib() -> float:
    status = Path("/proc/self/status")
    if status.exists():  # Linux, whose getrusage counts the parent's memory as well
        peak = status.read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0]
        return int(peak) / 2**10  # KiB
    try:
        import resource  # not on Windows
    except ModuleNotFoundError:
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS
