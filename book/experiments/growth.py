"""Beside the race: how our step grows, what `fit` adds to it, what a batch costs."""

import time
from collections.abc import Callable
from functools import partial

import torch
from contestants import build_batch, digits, draws, fitted, ours, scaled_digits
from race import Track, quartiles, race, summary

from unetlib.batcher import Batcher
from unetlib.model import SkipUnet
from unetlib.recipes import ARTICLE
from unetlib.speed import FAST

BATCH_SIZES = (40, 80, 160, 320, 640, 1280)
WIDTHS = (14, 28, 56)


def growth(track: Track, rounds: int, steps: int) -> dict:
    """Our step by batch size (`Unet`) and by width (`SkipUnet`)."""
    fast = partial(ours, speed=FAST)
    loops = {f"batch {size}": partial(fast, batch_size=size) for size in BATCH_SIZES}
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


def fit_overhead(track: Track, rounds: int, steps: int) -> dict:
    """What `fit` adds to its steps: progress, logs, a picture and a checkpoint.

    An epoch has `steps` steps here; the article's has 3,750, so that what is done once
    an epoch weighs less there.
    """
    loops = {"bare": partial(ours, speed=FAST), "fit": partial(fitted, steps=steps)}
    turns = race(loops, track, rounds, steps)
    rows = {name: summary(turns[name], track.batch_size) for name in loops}
    medians = {
        name: row["milliseconds_per_step"]["median"] for name, row in rows.items()
    }
    percent = 100 * (medians["fit"] / medians["bare"] - 1)
    return {"steps_per_epoch": steps, **rows, "overhead_percent": percent}


def building_a_batch(track: Track, rounds: int) -> dict:
    """The article's way against `Batcher.next`, in turns; no noise in either."""
    images, chosen = scaled_digits(), draws(track.batch_size)
    batcher = Batcher(digits(), track.batch_size, ARTICLE.scale, device=track.device)

    def theirs() -> None:
        build_batch(images, chosen, track.batch_size).to(track.device)

    def milliseconds(build: Callable[[], object], times: int) -> float:
        start = time.perf_counter()
        for _ in range(times):
            build()
        if track.device == "cuda":
            torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - start) / times

    milliseconds(theirs, 1), milliseconds(batcher.next, 10)
    pairs = [
        (milliseconds(theirs, 1), milliseconds(batcher.next, 10)) for _ in range(rounds)
    ]
    rows = [quartiles(list(values)) for values in zip(*pairs, strict=True)]
    return {
        "milliseconds_article": rows[0],
        "milliseconds_batcher": rows[1],
        "ratio": rows[0]["median"] / rows[1]["median"],
    }
