"""Training is killed: what was saved stays, and goes on to the same weights."""

import itertools
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from unetlib.fit import fit
from unetlib.model import SkipUnet
from unetlib.recipe import BOOK, Recipe
from unetlib.saving import files, saver
from unetlib.saving.checkpoint import CHECKPOINT, read_checkpoint
from unetlib.saving.files import write_safely

fitting = import_module("unetlib.fit")  # unetlib.fit is its function

KILLS = 50
KILLED = 9  # how the process ends that dies by itself
RECIPE = replace(BOOK, batch_size=8, epochs=3)  # 8 steps an epoch on 64 pictures
LONG = replace(RECIPE, epochs=100)
PART = f"{CHECKPOINT}.part"


def seeded() -> SkipUnet:
    torch.manual_seed(0)
    return SkipUnet(width=4)


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def go_on(folder: Path, images: np.ndarray, recipe: Recipe) -> None:
    """What is killed: it goes on from where it was, and saves after every step."""
    fitting.LOOK_EVERY, saver.SAVE_EVERY = 1, 0.0
    there = (folder / CHECKPOINT).exists()
    fit(seeded(), images, recipe, folder=folder, resume=there)


def at_every_line(do: Callable[[], None]) -> None:
    """From now on, `do` before each line of a save, and at its end."""

    def within(*_):
        do()
        return within

    def trace(frame, *_):
        save = frame.f_code is write_safely.__code__
        return within if save and frame.f_locals["path"].name != "trial" else None

    sys.settrace(trace)


def moments_of_a_save(folder: Path) -> int:
    passed: list[int] = []
    at_every_line(lambda: passed.append(1))
    write_safely(folder / "any", b"content")
    sys.settrace(None)
    return len(passed)


def die(moment: int, folder: Path, images: np.ndarray) -> None:
    """Go on, and end in the first save as a kill does: nothing is flushed or closed."""
    passed = itertools.count()
    at_every_line(lambda: next(passed) == moment and os._exit(KILLED))
    go_on(folder, images, RECIPE)


def go_on_slowly(folder: Path, images: np.ndarray, begun) -> None:
    """Go on, with a slow disk; tell when something was saved."""
    files.os.fsync = lambda _: time.sleep(0.005)
    save = saver.save_checkpoint
    saver.save_checkpoint = lambda *state: save(*state) or begun.set()
    go_on(folder, images, LONG)


@pytest.fixture(scope="module")
def context():
    """Starts processes that have imported torch already, and what its optimizers do.

    Windows has no such server.
    """
    ways = multiprocessing.get_all_start_methods()
    found = multiprocessing.get_context("forkserver" if "forkserver" in ways else None)
    found.set_forkserver_preload(["unetlib.fit", "torch._dynamo"])
    return found


def assert_same_weights_at_the_end(
    folder: Path, images: np.ndarray, recipe: Recipe
) -> None:
    whole, resumed = seeded(), seeded()
    expected = fit(whole, images, recipe)
    history = fit(resumed, images, recipe, folder=folder, resume=True)
    assert torch.equal(weights(resumed), weights(whole))
    assert history.loss == expected.loss
    assert not list(folder.glob("*.part"))


def test_killed_at_every_moment_of_a_save(context, few_images, tmp_path):
    fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=1)
    path, part = tmp_path / CHECKPOINT, tmp_path / PART
    moments, torn = moments_of_a_save(tmp_path), 0
    for moment in range(moments):
        before = path.read_bytes()
        victim = context.Process(target=die, args=(moment, tmp_path, few_images))
        victim.start()
        victim.join(60)
        assert victim.exitcode == KILLED
        replaced = path.read_bytes() != before
        assert replaced == (moment == moments - 1), moment
        read_checkpoint(path)
        if part.exists():
            torn += 1
            os.truncate(part, part.stat().st_size // 2)  # killed in mid-write
    assert moments > 6 and torn > 3
    assert_same_weights_at_the_end(tmp_path, few_images, RECIPE)


@pytest.mark.weekly
def test_killed_time_and_again(context, few_images, tmp_path):
    when, torn = random.Random(0), 0
    for _ in range(KILLS):
        begun = context.Event()
        arguments = (tmp_path, few_images, begun)
        victim = context.Process(target=go_on_slowly, args=arguments)
        victim.start()
        assert begun.wait(60)
        time.sleep(when.uniform(0.0, 0.2))
        victim.kill()
        victim.join()
        assert victim.exitcode != 0
        torn += (tmp_path / PART).exists()
    assert torn, "no save was torn: the moments are badly chosen"
    about, _ = read_checkpoint(tmp_path / CHECKPOINT)
    assert 0 < len(about["history"].loss) < LONG.epochs
    assert_same_weights_at_the_end(tmp_path, few_images, LONG)
