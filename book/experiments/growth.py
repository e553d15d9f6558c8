"""Beside the race: how our step grows, what `fit` adds to it, what a batch costs."""

from functools import partial

from contestants import build_batch, digits, draws, fitted, ours, scaled
from race import Track, Turns, race, summary

from unetlib.batcher import Batcher
from unetlib.model import SkipUnet
from unetlib.recipes import ARTICLE
from unetlib.speed import FAST, keep_memory

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


def article_batches(track: Track, turns: Turns) -> None:
    """Batches as the article builds them, and no training."""
    images, chosen = scaled(digits()), draws(track.batch_size)
    while True:
        batch = build_batch(images, chosen, track.batch_size).to(track.device)
        turns(batch[0, 0, 0, 0])


def our_batches(track: Track, turns: Turns) -> None:
    """Batches of a `Batcher`, with memory kept as the step keeps it."""
    keep_memory()
    batcher = Batcher(digits(), track.batch_size, ARTICLE.scale, device=track.device)
    while True:
        clean, _ = batcher.next()
        turns(clean[0, 0, 0, 0])


def building_a_batch(track: Track, rounds: int) -> dict:
    """The article's way against `Batcher.next`; no noise in either."""
    loops = {"article": article_batches, "ours": our_batches}
    turns = race(loops, track, rounds, steps=20)
    rows = {name: summary(turns[name], track.batch_size) for name in loops}
    medians = [row["milliseconds_per_step"]["median"] for row in rows.values()]
    return {**rows, "ratio": medians[0] / medians[1]}
