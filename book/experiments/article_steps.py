"""How many steps of the article's recipe, with noise added, until 19 dB at sigma 0.5?

Writes book/results/article_steps.json, for time_to_psnr.py. The steps are taken by our
step, which computes the same; the article's loop would take most of a day. How long
they take does not matter here: the machine may do something else besides.
"""

import argparse
import shlex
import sys

from curves import NO_END, with_our_step
from measured import circumstances, write_result

from unetlib.recipe import ARTICLE_NOISE

SEED = 0
EVERY = 250  # steps between two looks


def main() -> None:
    parser = argparse.ArgumentParser(description="Count steps to a quality.")
    parser.add_argument("--target", type=float, default=19.0, help="PSNR in dB")
    target = parser.parse_args().target
    points = with_our_step(ARTICLE_NOISE, SEED, target, EVERY, NO_END)
    command = ["python", "book/experiments/article_steps.py", *sys.argv[1:]]
    write_result(
        "article_steps",
        {
            "what": "steps of the article's recipe with noise until the validation "
            "digits reach the target at sigma 0.5",
            "command": shlex.join(command),
            **circumstances(),
            "target_psnr_db": target,
            "seed": SEED,
            "steps": points[-1][0],
            "psnr_db": {str(steps): round(db, 2) for steps, _, db in points},
        },
    )


if __name__ == "__main__":
    main()
