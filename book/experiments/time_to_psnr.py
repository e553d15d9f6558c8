"""How long until a network is good? The article's recipe, a tutorial's, ours.

Good is 19 dB at sigma 0.5 on a thousand validation digits. The time is that of the
training steps, without measuring the PSNR. Each training has a process of its own.
Writes book/results/time_to_psnr.json.

The article's loop would take hours. Its time is the number of steps that its recipe
takes (article_steps.py counts them), times the measured time of a step of its loop.
"""

import argparse
import json
import shlex
import statistics
import sys
from functools import partial

import contestants
import torch
from curves import alone, as_in_a_tutorial, with_our_step
from measured import RESULTS, circumstances, write_result
from race import Track, race, summary
from torch import Tensor

from unetlib.recipe import ARTICLE_NOISE, BOOK

SEEDS = (0, 1, 2)
LENGTHS = (60, 80, 100, 120, 150, 200, 250, 300, 400, 600, 800)  # steps, for ours


def noise(clean: Tensor) -> Tensor:
    """`clean` on the article's scale (white is 255/512), each at a sigma of its own."""
    sigma = torch.rand(len(clean), 1, 1, 1)
    return clean + 255 / 512 * sigma * torch.randn_like(clean)


def ours(target: float) -> dict:
    """The book's recipe, as short as it may be: every seed must reach the target."""
    tried = []
    for steps in LENGTHS:
        ends = [
            alone(with_our_step, BOOK, seed, target, steps, steps)[-1] for seed in SEEDS
        ]
        tried.append({"steps": steps, "psnr_db": [end[2] for end in ends]})
        if min(end[2] for end in ends) >= target:
            seconds = [end[1] for end in ends]
            break
    else:
        raise RuntimeError(f"{LENGTHS[-1]} steps do not reach {target} dB; try more")
    return {
        "seconds": statistics.median(seconds),
        "of_each_seed": seconds,
        "steps": steps,
        "lengths_tried": tried,
    }


def tutorial(target: float) -> dict:
    """The tutorial's loop, looked at every ten steps."""
    curves = [alone(as_in_a_tutorial, seed, target, 10) for seed in SEEDS]
    seconds = [points[-1][1] for points in curves]
    return {
        "seconds": statistics.median(seconds),
        "of_each_seed": seconds,
        "steps": [points[-1][0] for points in curves],
        "median_steps": statistics.median(points[-1][0] for points in curves),
        "batch_size": BOOK.batch_size,
    }


def article(target: float, rounds: int) -> dict:
    """The steps that its recipe takes, times the time of a step of its loop."""
    counted = json.loads((RESULTS / "article_steps.json").read_text(encoding="utf-8"))
    if counted["target_psnr_db"] != target:
        raise ValueError(
            f"article_steps.json counts the steps to {counted['target_psnr_db']} dB, "
            f"wanted {target} dB; run article_steps.py --target {target} first"
        )
    loops = {"article": partial(contestants.article, add_noise=noise)}
    step = summary(race(loops, Track(), rounds, 5)["article"], ARTICLE_NOISE.batch_size)
    return {
        "seconds": counted["steps"] * step["milliseconds_per_step"]["median"] / 1000,
        "extrapolated": "steps times the measured time of a step",
        "steps": counted["steps"],
        "step": step,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time trainings to a quality.")
    parser.add_argument("--target", type=float, default=19.0, help="PSNR in dB")
    parser.add_argument("--rounds", type=int, default=7, help="for the article's step")
    options = parser.parse_args()
    target = options.target
    trainings = {
        "ours": ours(target),
        "tutorial": tutorial(target),
        "article": article(target, options.rounds),
    }
    seconds = trainings["ours"]["seconds"]
    write_result(
        "time_to_psnr",
        {
            "what": "seconds of training steps until the validation digits reach the "
            "target at sigma 0.5; where there are seeds, the median",
            "command": shlex.join(
                ["python", "book/experiments/time_to_psnr.py", *sys.argv[1:]]
            ),
            **circumstances(),
            "threads": Track.threads,
            "target_psnr_db": target,
            "seeds": SEEDS,
            **trainings,
            "times_faster": {
                name: training["seconds"] / seconds
                for name, training in trainings.items()
                if name != "ours"
            },
        },
    )


if __name__ == "__main__":
    main()
