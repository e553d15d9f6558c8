"""How fast does a machine train? Other people's loops and ours, side by side.

Writes book/results/throughput_cpu.json, or throughput_cuda.json with --device cuda.
All loops train the same network on the same task, in turns (`race.py`); nothing is
written if one of them computes something else. The peers' packages have a file of their
own, requirements-peers.txt; without them they stand in the result as not installed.
With all of them it takes about 20 GB of memory, for nobody leaves before the end.
"""

import argparse
import json
import os
import shlex
import sys
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import torch
from contestants import article, expected_losses, ladder, tutorial
from growth import growth
from measured import circumstances, write_result
from peers import PACKAGES, PEERS
from race import Loop, Track, race, summary

from unetlib.speed.options import multiplies_bfloat16
from unetlib.step import check_device

CONTESTANTS: dict[str, Loop] = {
    "article": article,
    "tutorial": tutorial,
    "tutorial bfloat16": partial(tutorial, bfloat16=True),
    **PEERS,
    **ladder(),
}
FRAMEWORKS = [name for name in CONTESTANTS if name.startswith("tutorial")]
FRAMEWORKS += [name for name in PEERS if name != "jax"]
# How far a loss, and its change by one update, may lie from float64's, relative.
TOLERANCES = {"float32": (1e-5, 0.01), "tf32": (1e-3, 0.03), "bfloat16": (0.01, 0.1)}


def precision(name: str, device: str) -> str:
    """What the contestant multiplies in: a key of TOLERANCES."""
    keywords = getattr(CONTESTANTS[name], "keywords", {})
    speed = keywords.get("speed")
    bfloat16 = speed.bfloat16 if speed else keywords.get("bfloat16", False)
    if bfloat16 is None:
        bfloat16 = multiplies_bfloat16(torch.device(device))
    if bfloat16:
        return "bfloat16"
    # All frameworks let convolutions round float32 to 19 bits where a GPU can do that.
    rounds = device == "cuda" and torch.cuda.get_device_capability() >= (8, 0)
    return "tf32" if rounds else "float32"


def check_losses(
    name: str, losses: list[float], expected: tuple[float, float], device: str
) -> None:
    """Raise ValueError if the loss before or after one update is not as expected."""
    loss, change = TOLERANCES[precision(name, device)]
    before, after = losses
    moved, expected_move = after - before, expected[1] - expected[0]
    off = abs(before / expected[0] - 1), abs(moved / expected_move - 1)
    if not (off[0] <= loss and off[1] <= change):
        raise ValueError(
            f"{name} computes something else, nothing was written: its losses before "
            f"and after one update are {before:.6g} and {after:.6g}, expected "
            f"{expected[0]:.6g} and {expected[1]:.6g}"
        )


def main_race(options: argparse.Namespace, track: Track) -> dict:
    """All contestants, each checked by its first two losses."""
    expected = expected_losses(track.batch_size)
    seen: dict[str, list[float]] = {}

    def check(name: str, losses: list[float]) -> None:
        check_losses(name, losses, expected, track.device)
        seen[name] = losses

    names = options.only or list(CONTESTANTS)
    loops = {name: CONTESTANTS[name] for name in names}
    turns = race(loops, track, options.rounds, options.steps, check)
    rows = {name: summary(turns[name], track.batch_size) for name in names}
    for name, losses in seen.items():
        rows[name]["precision"] = precision(name, track.device)
        rows[name]["losses"] = losses
    return {
        "expected_losses": expected,
        "tolerances": TOLERANCES,
        "contestants": rows,
    }


def times_faster(rows: dict[str, dict]) -> dict[str, float]:
    """How many times as many images a second our step trains as others do."""
    speeds = {name: row.get("images_per_second", 0.0) for name, row in rows.items()}
    theirs = {
        "article": speeds["article"],
        "best_framework": max(speeds[name] for name in FRAMEWORKS),
        "jax": speeds["jax"],
    }
    return {name: speeds["fast"] / speed for name, speed in theirs.items() if speed}


def versions() -> dict[str, str]:
    """Of the peers' packages, where they are installed."""
    found = {}
    for package in (*PACKAGES, "torchvision"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Race training loops.")
    add = parser.add_argument
    add("--device", default="cpu", choices=("cpu", "cuda"))
    add("--threads", type=int, default=2, help="CPU threads (and cores) of each loop")
    add("--rounds", type=int, default=7, help="turns of each loop, at least 2")
    add("--steps", type=int, default=5, help="steps in a turn")
    add(
        "--only",
        nargs="+",
        choices=CONTESTANTS,
        metavar="NAME",
        help="race these, print, write nothing; names: " + ", ".join(CONTESTANTS),
    )
    return parser.parse_args(arguments)


def main() -> None:
    arguments = sys.argv[1:]
    options = parse(arguments)
    check_device(options.device)
    track = Track(options.device, options.threads)
    if track.device == "cpu" and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))[: track.threads]
        os.sched_setaffinity(0, cores)  # JAX takes no other hint
    torch.set_num_threads(track.threads)
    result = {
        "what": "median, quartiles and n of turns of some training steps of Unet",
        "command": shlex.join(["python", "book/experiments/throughput.py", *arguments]),
        **circumstances(track.device),
        "versions": versions(),
        "threads": track.threads,
        "batch_size": track.batch_size,
        "steps_per_turn": options.steps,
        **main_race(options, track),
    }
    if options.only:
        print(json.dumps(result["contestants"], indent=2))
        return
    result["times_faster"] = times_faster(result["contestants"])
    result["growth"] = growth(track, options.rounds, options.steps)
    write_result(f"throughput_{track.device}", result)


if __name__ == "__main__":
    main()
