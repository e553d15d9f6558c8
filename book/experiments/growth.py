"""Beside the race: how our step grows."""

from functools import partial

from contestants import ours
from race import Track, race, summary

from unetlib.model import SkipUnet
from unetlib.speed.options import FAST

BATCH_SIZES = [40, 80, 160, 320, 640, 1280]
MORE_ON_GPU = [2560, 5120]  # which takes larger ones to be busy
WIDTHS = (14, 28, 56)


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
