"""Trainings that experiments compare: each on one core, done once and kept.

What came of one lies in runs/trainings, so that an interrupted contest goes on; delete
that folder to train anew.
"""

import json
import os
import statistics
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import torch
from experiment import RESULTS, SIGMAS
from torch import nn

from unetlib.batcher import to_tensor
from unetlib.checks import UnetlibError
from unetlib.data import load_mnist, split
from unetlib.fit import fit
from unetlib.metrics import denoising_psnr
from unetlib.recipe import Recipe

KEPT = RESULTS.parents[1] / "runs" / "trainings"
Psnr = dict[float, float]  # {sigma: dB}


@dataclass(frozen=True)
class Training:
    """A network that `build` makes, trained by a recipe from one seed.

    network: what it is called in results; two that differ have different names.
    """

    network: str
    build: Callable[[], nn.Module]
    recipe: Recipe
    seed: int = 0

    def kept(self, measured: str) -> Path:
        """The file that holds what came of it, named by all that decides that."""
        said = json.dumps([self.network, asdict(self.recipe), self.seed, measured])
        mark = sha256(said.encode()).hexdigest()[:12]
        return KEPT / f"{self.network}-{self.recipe.name}-{self.seed}-{mark}.json"


@dataclass(frozen=True)
class Scores:
    """PSNR on validation and on test digits, and what it took.

    A network that collapsed has 0 dB. test: empty where it was not asked for.
    """

    validation: Psnr
    test: Psnr
    cpu_seconds: float

    @property
    def mean(self) -> float:
        """What is made high where one chooses."""
        return statistics.mean(self.validation.values())


def train_all(
    trainings: Iterable[Training], validation: int = 5000, test: int = 0
) -> dict[Training, Scores]:
    """As many at a time as there are cores; measured on so many digits of each kind."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        started = {t: pool.submit(train_one, t, validation, test) for t in trainings}
        return {training: future.result() for training, future in started.items()}


def train_one(training: Training, validation: int, test: int) -> Scores:
    """Do it, or read what came of it before."""
    kept = training.kept(f"{validation} {test}")
    if kept.exists():
        read = json.loads(kept.read_text(encoding="utf-8"))
        rows = [{float(s): db for s, db in row.items()} for row in read[:2]]
        return Scores(*rows, read[2])
    torch.set_num_threads(1)
    learning, for_choosing = split(load_mnist()[0])
    torch.manual_seed(training.seed)
    model = training.build()
    before = os.times()
    try:
        fit(model, learning.images, training.recipe, seed=training.seed)
    except UnetlibError as error:
        print(training.network, training.recipe.name, training.seed, error, flush=True)
        return Scores(dict.fromkeys(SIGMAS, 0.0), {}, 0.0)
    after = os.times()
    model.eval().requires_grad_(False)
    denoiser = training.recipe.denoiser(model)
    found = [{}, {}]
    for row, digits, count, seed in (
        (found[0], for_choosing, validation, 1),
        (found[1], load_mnist()[1], test, 0),
    ):
        if count:
            clean = to_tensor(digits.sample(count).images, "cpu") / 255
            row |= denoising_psnr(denoiser, clean, SIGMAS, seed)
    seconds = after.user + after.system - before.user - before.system
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps([*found, seconds]) + "\n", encoding="utf-8")
    print(kept.name, {s: round(db, 2) for s, db in found[0].items()}, flush=True)
    return Scores(*found, seconds)


def over_seeds(scores: list[Psnr]) -> dict:
    """{sigma: mean and standard deviation over the seeds}."""
    result = {}
    for sigma in SIGMAS:
        values = [score[sigma] for score in scores]
        mean, sd = statistics.mean(values), statistics.stdev(values)
        result[str(sigma)] = {"mean": round(mean, 3), "sd": round(sd, 3)}
    return result


def differences(ours: list[Psnr], theirs: list[Psnr]) -> list[Psnr]:
    """Seed by seed."""
    return [
        {sigma: a[sigma] - b[sigma] for sigma in a}
        for a, b in zip(ours, theirs, strict=True)
    ]
