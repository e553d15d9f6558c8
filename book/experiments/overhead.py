"""What stands around a training step: building its batch, and `fit`."""

from functools import partial

from experiment import Experiment
from race import Track, Turns, race, summary
from training_loops import build_batch, digits, draws, fitted, ours, scaled

from unetlib.batcher import Batcher
from unetlib.recipe import ARTICLE
from unetlib.speed.options import FAST, keep_memory

NO_LOSS = 0.0


def article_batches(track: Track, turns: Turns) -> None:
    """Batches as the article builds them, and no training."""
    images, chosen = scaled(digits()), draws(track.batch_size)
    while True:
        build_batch(images, chosen, track.batch_size).to(track.device)
        turns(NO_LOSS)


def our_batches(track: Track, turns: Turns) -> None:
    """Batches of a `Batcher`, with memory kept as the step keeps it."""
    batcher = Batcher(digits(), track.batch_size, ARTICLE.scale, device=track.device)
    keep_memory()  # after the data set has its place, as in `fit`
    while True:
        next(batcher)
        turns(NO_LOSS)


@Experiment
def batches(rounds: int = 7, steps: int = 500) -> dict:
    """Milliseconds for a batch of 320 pictures.

    The article's way races against `Batcher`, in turns of so many batches; there is no
    noise in either.
    """
    track = Track()
    loops = {"article": article_batches, "ours": our_batches}
    turns = race(loops, track, rounds, steps)
    rows = {name: summary(turns[name], track.batch_size) for name in loops}
    article, ours = (row["milliseconds_per_step"]["median"] for row in rows.values())
    return {
        "threads": track.threads,
        "batch_size": track.batch_size,
        "batches_per_turn": steps,
        **rows,
        "ratio": article / ours,
    }


@Experiment
def fit_overhead(rounds: int = 7, steps: int = 60) -> dict:
    """Milliseconds for a step of 320 pictures, alone and within fit.

    What `fit` adds is progress, looks at the loss, pictures and checkpoints. An epoch
    has `steps` steps here; the article's has 3,750, so that what is done once an epoch
    weighs less there.
    """
    track = Track()
    loops = {"bare": partial(ours, speed=FAST), "fit": partial(fitted, steps=steps)}
    turns = race(loops, track, rounds, steps)
    rows = {name: summary(turns[name], track.batch_size) for name in loops}
    bare, fit = (row["milliseconds_per_step"]["median"] for row in rows.values())
    return {
        "threads": track.threads,
        "steps_per_epoch": steps,
        **rows,
        "overhead_percent": 100 * (fit / bare - 1),
    }
