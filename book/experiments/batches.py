"""What does a batch cost? The article's way against `Batcher.next`; no noise in either.

Writes book/results/batches.json.
"""

import argparse
import shlex
import sys

from contestants import build_batch, digits, draws, scaled
from measured import circumstances, write_result
from race import Track, Turns, race, summary

from unetlib.batcher import Batcher
from unetlib.recipe import ARTICLE
from unetlib.speed.options import keep_memory

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
        batcher.next()
        turns(NO_LOSS)


def main() -> None:
    parser = argparse.ArgumentParser(description="Race two ways to build a batch.")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each")
    parser.add_argument("--steps", type=int, default=500, help="batches in a turn")
    options = parser.parse_args()
    track = Track()
    loops = {"article": article_batches, "ours": our_batches}
    turns = race(loops, track, options.rounds, options.steps)
    rows = {name: summary(turns[name], track.batch_size) for name in loops}
    medians = [row["milliseconds_per_step"]["median"] for row in rows.values()]
    command = ["python", "book/experiments/batches.py", *sys.argv[1:]]
    write_result(
        "batches",
        {
            "what": "milliseconds for a batch of 320 pictures",
            "command": shlex.join(command),
            **circumstances(),
            "threads": track.threads,
            "batch_size": track.batch_size,
            "batches_per_turn": options.steps,
            **rows,
            "ratio": medians[0] / medians[1],
        },
    )


if __name__ == "__main__":
    main()
