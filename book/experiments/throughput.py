"""How fast does a machine train? Other people's loops and ours, side by side."""

from functools import partial

import torch
from experiment import Device, Experiment, version_of
from frameworks import PACKAGES, PEERS
from race import Loop, Track, keep_to_cores, race, summary
from training_loops import article, expected_losses, ladder, ours, tutorial

from unetlib.model import SkipUnet
from unetlib.speed.options import FAST, bfloat16_is_faster

CONTESTANTS: dict[str, Loop] = {
    "article": article,
    "tutorial": tutorial,
    "tutorial bfloat16": partial(tutorial, bfloat16=True),
    **PEERS,
    **ladder(),
}
FRAMEWORKS = [name for name in CONTESTANTS if name.startswith("tutorial")]
FRAMEWORKS += [name for name in PEERS if name != "jax" and " + " not in name]
# With all that our step has; bfloat16 is not faster everywhere.
TUNED = [name for name in PEERS if "composed" in name]
BATCH_SIZES = [40, 80, 160, 320, 640, 1280]
MORE_ON_GPU = [2560, 5120]  # which takes larger ones to be busy
WIDTHS = (14, 28, 56)
# How far a loss, and its change by one update, may lie from float64's, relative.
TOLERANCES = {"float32": (1e-5, 0.01), "tf32": (1e-3, 0.03), "bfloat16": (0.01, 0.1)}


def precision(name: str, device: str) -> str:
    """What the contestant multiplies in: a key of TOLERANCES."""
    keywords = getattr(CONTESTANTS[name], "keywords", {})
    speed = keywords.get("speed")
    bfloat16 = speed.bfloat16 if speed else keywords.get("bfloat16", False)
    if bfloat16 is None:
        bfloat16 = bfloat16_is_faster(torch.device(device))
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


def checked_race(names: list[str], track: Track, rounds: int, steps: int) -> dict:
    """Each contestant's row, if its first two losses are as expected."""
    expected = expected_losses(track.batch_size)
    seen: dict[str, list[float]] = {}

    def check(name: str, losses: list[float]) -> None:
        check_losses(name, losses, expected, track.device)
        seen[name] = losses

    loops = {name: CONTESTANTS[name] for name in names}
    turns = race(loops, track, rounds, steps, check)
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
        "tuned": max(speeds[name] for name in TUNED),
    }
    return {name: speeds["fast"] / speed for name, speed in theirs.items() if speed}


def growth(track: Track, rounds: int, steps: int) -> dict:
    """Our step by batch size (`Unet`) and by width (`SkipUnet`)."""
    fast = partial(ours, speed=FAST)
    sizes = BATCH_SIZES + (MORE_ON_GPU if track.device == "cuda" else [])
    loops = {f"batch {size}": partial(fast, batch_size=size) for size in sizes}
    for width in WIDTHS:
        network = partial(SkipUnet, width=width)
        loops[f"width {width}"] = partial(fast, network=network)
    turns = race(loops, track, rounds, steps)
    rows = {}
    for name in loops:
        kind, number = name.split()
        size = int(number) if kind == "batch" else track.batch_size
        rows[name] = summary(turns[name], size)
    return rows


@partial(Experiment, needs=PACKAGES)
def throughput(
    device: Device = "cpu",
    threads: int = 2,
    rounds: int = 7,
    steps: int = 5,
    only: tuple[str, ...] = (),
) -> dict:
    """Median, quartiles and n of turns of some training steps of Unet.

    All loops train the same network on the same task, in turns (`race.py`), at least 2;
    it ends in an error if one of them computes something else. The other frameworks
    have a file of their own, requirements-peers.txt; without them they stand in the
    result as not installed. With all of them it takes about 20 GB of memory, for nobody
    leaves before the end. `--only article fast --print` races these two.
    """
    unknown = sorted({*only} - CONTESTANTS.keys())
    if unknown:
        raise ValueError(f"nobody is called {unknown[0]!r}: {', '.join(CONTESTANTS)}")
    if device == "cpu":
        keep_to_cores(threads)  # JAX takes no other hint
    torch.set_num_threads(threads)
    track = Track(device, threads)
    raced = checked_race(only or list(CONTESTANTS), track, rounds, steps)
    result = {
        "versions": {name: version_of(name) for name in (*PACKAGES, "torchvision")},
        "threads": threads,
        "batch_size": track.batch_size,
        "steps_per_turn": steps,
        **raced,
    }
    if only:
        return result
    return {
        **result,
        "times_faster": times_faster(raced["contestants"]),
        "growth": growth(track, rounds, steps),
    }
