"""What does `fit` add to its steps? Progress, looks at the loss, pictures, checkpoints.

An epoch has 60 steps here; the article's has 3,750, so that what is done once an epoch
weighs less there. Writes book/results/fit_overhead.json.
"""

import argparse
import shlex
import sys
from functools import partial

from contestants import fitted, ours
from measured import circumstances, write_result
from race import Track, race, summary

from unetlib.speed.options import FAST


def main() -> None:
    parser = argparse.ArgumentParser(description="Race fit against its bare steps.")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each")
    parser.add_argument("--steps", type=int, default=60, help="steps in an epoch")
    options = parser.parse_args()
    track = Track()
    loops = {
        "bare": partial(ours, speed=FAST),
        "fit": partial(fitted, steps=options.steps),
    }
    turns = race(loops, track, options.rounds, options.steps)
    rows = {name: summary(turns[name], track.batch_size) for name in loops}
    bare, fit = (row["milliseconds_per_step"]["median"] for row in rows.values())
    command = ["python", "book/experiments/fit_overhead.py", *sys.argv[1:]]
    write_result(
        "fit_overhead",
        {
            "what": "milliseconds for a step of 320 pictures, alone and within fit",
            "command": shlex.join(command),
            **circumstances(),
            "threads": track.threads,
            "steps_per_epoch": options.steps,
            **rows,
            "overhead_percent": 100 * (fit / bare - 1),
        },
    )


if __name__ == "__main__":
    main()
