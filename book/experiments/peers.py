"""The book's networks beside those that other people use, in the same time."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from statistics import mean, stdev

import numpy as np
import torch
from experiment import SIGMAS, Experiment, version_of
from told import TellingStep, scores
from torch import Tensor, nn
from torch.nn.functional import pad

from unetlib.batcher import Batcher, to_tensor
from unetlib.data import load_mnist, split
from unetlib.model import SkipUnet, count_parameters
from unetlib.networks import MixerUnet
from unetlib.recipe import BOOK, Recipe
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import bfloat16_is_faster, keep_memory

SEEDS = (0, 1, 2)
TIMED = 50  # steps, to tell how many there is time for


class Padded(nn.Module):
    """DRUNet for pictures of 28×28: padded to 32×32, and told sigma."""

    def __init__(self) -> None:
        super().__init__()
        import deepinv

        self.network = deepinv.models.DRUNet(1, 1, pretrained=None)
        self.sigma: Tensor = torch.ones(())

    def forward(self, noisy: Tensor) -> Tensor:
        larger = pad(noisy, [2] * 4, mode="reflect")
        sigma = self.sigma.expand(len(noisy), 1, 1, 1).flatten()
        return self.network(larger, sigma)[..., 2:-2, 2:-2]


def unet() -> nn.Module:
    import deepinv

    return deepinv.models.UNet(scales=3)  # 28, 14 and 7 pixels


def dncnn() -> nn.Module:
    import deepinv

    return deepinv.models.DnCNN(1, 1, pretrained=None)


@dataclass(frozen=True)
class Contestant:
    """told: it is given sigma, which the others have to see for themselves."""

    build: Callable[[], nn.Module]
    recipe: Recipe
    told: bool = False


OURS = replace(BOOK, name="peers")
THEIRS = replace(OURS, one_cycle=False, lr=1e-3)
# Loss and learning rate of DnCNN, and its batch size, are those of its authors' program
# (Kai Zhang's repository DnCNN), loss and learning rate of DRUNet those of theirs (his
# repository KAIR). The rest is our choice.
CONTESTANTS = {
    "skip": Contestant(SkipUnet, OURS),
    "mixer": Contestant(MixerUnet, replace(OURS, batch_size=64, lr=5e-3)),
    "unet": Contestant(unet, replace(THEIRS, batch_size=64)),
    "dncnn": Contestant(dncnn, THEIRS),
    "drunet": Contestant(
        Padded,
        replace(THEIRS, batch_size=16, lr=1e-4, loss_function="absolute"),
        told=True,
    ),
}


@partial(Experiment, needs=("deepinv",))
def peers(
    seconds: int = 150, digits: int = 2000, seeds: tuple[int, ...] = SEEDS
) -> dict:
    """PSNR in dB of networks that trained for the same time, each by its recipe.

    On all cores, one after the other; sigma uniform in (0, 1), and the same fast step
    for all (channels last, bfloat16 where the hardware multiplies it, fused Adam). The
    book's learning rates rise and fall over as many steps as there is time for, by a
    short measurement; the others have as long as these took. Their rates are constant,
    as so short a run never comes to where they fall. DRUNet alone is told sigma.
    All but `ahead_db` are means over the seeds. `psnr_db_sd`: from seed to seed.
    `ahead_db`: of `mixer` over the best of the others' networks, of the same seed.
    """
    keep_memory()
    train, test = load_mnist()
    images = split(train)[0].images
    clean = to_tensor(test.sample(digits).images, "cpu") / 255
    runs: dict[str, list] = {name: [] for name in CONTESTANTS}
    for seed in seeds:
        longest: float = seconds
        for name, contestant in CONTESTANTS.items():
            ours = contestant.recipe.one_cycle
            time_left = seconds if ours else longest
            network, steps, taken = trained(contestant, images, time_left, seed)
            if ours:
                longest = max(longest, taken)
            runs[name].append((steps, taken, scores(network, clean)))
            print(seed, name, steps, round(taken), runs[name][-1][2], flush=True)
    result: dict = {
        "seeds": seeds,
        "threads": torch.get_num_threads(),
        "bfloat16": bfloat16_is_faster(torch.device("cpu")),
        "deepinv": version_of("deepinv"),
        "n": digits,
        "parameters": {n: count_parameters(c.build()) for n, c in CONTESTANTS.items()},
        "steps": {n: round(mean(run[0] for run in r)) for n, r in runs.items()},
        "seconds": {n: round(mean(run[1] for run in r)) for n, r in runs.items()},
        "psnr_db": {},
        "psnr_db_sd": {},
        "ahead_db": {},
    }
    for name, of_each in runs.items():
        db = {str(s): [run[2][s] for run in of_each] for s in SIGMAS}
        result["psnr_db"][name] = {s: round(mean(row), 3) for s, row in db.items()}
        result["psnr_db_sd"][name] = {s: round(stdev(row), 3) for s, row in db.items()}
    for sigma in SIGMAS:
        ahead = []
        for of_seed in zip(*runs.values(), strict=True):
            scored = {n: run[2][sigma] for n, run in zip(runs, of_seed, strict=True)}
            best = max(scored[name] for name in ("unet", "dncnn", "drunet"))
            ahead.append(scored["mixer"] - best)
        result["ahead_db"][str(sigma)] = {
            "mean": round(mean(ahead), 3),
            "sd": round(stdev(ahead), 3),
        }
    return result


def trained(
    contestant: Contestant, images: np.ndarray, seconds: float, seed: int
) -> tuple[nn.Module, int, float]:
    """Trained for so long; with the steps and the seconds that this took.

    A learning rate that falls to 0 needs to know how many steps there will be.
    """

    def begin(steps: int) -> tuple[nn.Module, Iterator[Tensor]]:
        torch.manual_seed(seed)
        network = contestant.build()
        kind = TellingStep if contestant.told else FastStep
        step = kind(network, contestant.recipe, steps)
        size = contestant.recipe.batch_size
        batcher = Batcher(images, size, sigma=contestant.recipe.sigma, seed=seed)
        return network, step.steps(batcher, steps)

    def run(losses: Iterable[Tensor], seconds: float) -> tuple[int, float]:
        start, taken, done = time.perf_counter(), 0.0, 0
        for _ in losses:
            done, taken = done + 1, time.perf_counter() - start
            if taken > seconds:
                break
        return done, taken

    count = 100_000
    if contestant.recipe.one_cycle:
        _, losses = begin(2 * TIMED)
        run(islice(losses, TIMED), math.inf)
        steps, taken = run(losses, math.inf)
        count, seconds = round(seconds * steps / taken), math.inf
    network, losses = begin(count)
    steps, taken = run(losses, seconds)
    return network.eval().requires_grad_(False), steps, taken
