"""The denoising speedrun: how fast does a training reach a given PSNR?

A record is a file in records/blind/ or records/told/, of at most 150 lines, with

    MARKS = (19.0,)  # those of this module's that it goes for
    def train(images: np.ndarray, seed: int, mark: float): ...

which learns from `images`, (55000, 28, 28) uint8, and returns a denoiser: a function of
noisy pictures, (N, 1, 28, 28) float on [0, 1], and in told/ of sigma as well. The rules
stand on the book's page about the speedrun; this module is what holds a record to them.
"""

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

import torch
from experiment import SIGMAS, Experiment
from race import keep_to_cores
from torch import Tensor

from unetlib.batcher import to_tensor
from unetlib.data import Digits, load_mnist, split
from unetlib.metrics import psnr
from unetlib.noise import add_gaussian_noise

RECORDS = Path(__file__).resolve().parent / "records"
TABLES = ("blind", "told")
MARKS = (19.0, 20.5, 21.0)  # dB: mean PSNR of the validation digits at SIGMA
SIGMA = 0.5
CORES = 2
LINES = 150


@dataclass(frozen=True)
class Entry:
    """A record, and the mark it goes for."""

    path: Path
    mark: float

    @property
    def table(self) -> str:
        return self.path.parent.name


@dataclass
class Attempt:
    """What one training took, and what it reached, in dB by sigma."""

    seconds: float = 0.0
    validation: dict[float, float] = field(default_factory=dict)
    test: float = 0.0
    failure: str = ""  # empty where it keeps the rules and reaches its mark


def load(path: Path) -> ModuleType:
    """The record, not yet imported by anybody in this process."""
    spec = spec_from_file_location(f"record_{path.stem}", path)
    record = module_from_spec(spec)
    spec.loader.exec_module(record)
    return record


def entries(paths: list[Path]) -> list[Entry]:
    return [Entry(path, mark) for path in paths for mark in load(path).MARKS]


def take_cores() -> None:
    """Let this process have CORES and no more."""
    keep_to_cores(CORES)
    torch.set_num_threads(CORES)


def attempt(entry: Entry, seed: int) -> Attempt:
    """One training, timed; then what it reached. To be called in a fresh process."""
    train, test = load_mnist()
    learning, validation = split(train)
    try:
        start = time.perf_counter()
        denoise = load(entry.path).train(learning.images, seed, entry.mark)
        seconds = time.perf_counter() - start
        reached = {s: mean_psnr(entry, denoise, validation, s, 1) for s in SIGMAS}
        on_test = mean_psnr(entry, denoise, test, SIGMA, 0)
    except Exception as error:  # whatever goes wrong in it is its failure
        return Attempt(failure=f"{type(error).__name__}: {error}")
    found = Attempt(seconds, reached, on_test)
    found.failure = why_not(entry, found, validation)
    return found


def mean_psnr(
    entry: Entry, denoise: Callable, digits: Digits, sigma: float, seed: int
) -> float:
    """dB; the same noise for every record."""
    clean, noisy = with_noise(digits, sigma, seed)
    told = (sigma,) if entry.table == "told" else ()
    with torch.inference_mode():
        parts = [denoise(part, *told) for part in noisy.split(1000)]
    return psnr(torch.cat(parts), clean).mean().item()


def with_noise(digits: Digits, sigma: float, seed: int) -> tuple[Tensor, Tensor]:
    clean = to_tensor(digits.images, "cpu") / 255
    generator = torch.Generator().manual_seed(seed)
    return clean, add_gaussian_noise(clean, sigma, generator)


def why_not(entry: Entry, found: Attempt, validation: Digits) -> str:
    """Which rule it breaks; empty if none."""
    for sigma, reached in found.validation.items():
        clean, noisy = with_noise(validation, sigma, 1)
        if not reached > psnr(noisy, clean).mean().item():
            return f"at sigma {sigma} its pictures are no better than the noisy ones"
    if found.validation[SIGMA] < entry.mark:
        return f"{found.validation[SIGMA]:.2f} dB at sigma {SIGMA} after its training"
    return ""


def summary(entry: Entry, attempts: list[Attempt]) -> dict:
    """Seconds of those that count; what all reached that came to be measured."""
    seconds = [one.seconds for one in attempts if not one.failure]
    reached = [one for one in attempts if one.validation]
    at_sigma = [one.validation[SIGMA] for one in reached]
    return {
        "lines": len(entry.path.read_text(encoding="utf-8").splitlines()),
        "runs": len(attempts),
        "failures": [one.failure for one in attempts if one.failure],
        "seconds": {
            name: round(of(seconds), 2)
            for name, of in (("median", statistics.median), ("min", min), ("max", max))
        }
        if seconds
        else None,
        "lowest_validation_db": round(min(at_sigma), 2) if reached else None,
        "validation_db": {
            str(s): round(statistics.mean(one.validation[s] for one in reached), 2)
            for s in SIGMAS
        }
        if reached
        else None,
        "test_db": [round(one.test, 2) for one in reached],
    }


@Experiment
def speedrun(runs: int = 10, only: str = "") -> dict:
    """Seconds of training to 19.0, 20.5 and 21.0 dB, by record, on two CPU cores.

    Every record trains from `runs` seeds, each time in a fresh process, and the records
    take turns. `only`: a part of the paths of those to be tried.
    """
    # `unetlib` has PyTorch's threads wait briefly, for busy cores: on idle ones, as
    # here, that only costs time.
    os.environ.pop("GOMP_SPINCOUNT", None)
    paths = sorted(path for table in TABLES for path in (RECORDS / table).glob("*.py"))
    contestants = entries([path for path in paths if only in str(path)])
    attempts: dict[Entry, list[Attempt]] = {entry: [] for entry in contestants}
    for seed in range(runs):
        for entry in contestants[seed:] + contestants[:seed]:
            with ProcessPoolExecutor(1, get_context("spawn"), take_cores) as process:
                found = process.submit(attempt, entry, seed).result()
            attempts[entry].append(found)
            print(entry.table, entry.path.stem, entry.mark, seed, found, flush=True)
    return {
        "cores": CORES,
        "sigma": SIGMA,
        **{
            table: {
                str(mark): {
                    entry.path.stem: summary(entry, found)
                    for entry, found in attempts.items()
                    if (entry.table, entry.mark) == (table, mark)
                }
                for mark in MARKS
            }
            for table in TABLES
        },
    }
