"""Two real processes, joined by Gloo, against one that does all by itself.

torchrun starts this file, and each process calls the function that it is told.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from speeds import EXACT
from test_networks_of_ones_own import built, everything
from torch import distributed
from torch.nn.functional import mse_loss

from unetlib import train
from unetlib.batcher import Batcher
from unetlib.checks import UnetlibError
from unetlib.data import load_mnist
from unetlib.fit import _Run, fit
from unetlib.model import SkipUnet, Unet
from unetlib.recipe import ARTICLE_NOISE, BOOK
from unetlib.saving.checkpoint import CHECKPOINT, read_checkpoint
from unetlib.saving.folder import WEIGHTS
from unetlib.speed.distributed import (
    own_device,
    process_group,
    rank,
    shard,
    world_size,
)
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import PLAIN

LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
CPU = torch.device("cpu")
# 2 steps an epoch; float32, so that only the order of sums differs
TINY = replace(BOOK, batch_size=32, epochs=2)
CASES = {
    f"{network.__name__}-{recipe.name}-{name}": (network, recipe, speed)
    for network, recipe in ((Unet, ARTICLE_NOISE), (SkipUnet, BOOK))
    for name, speed in (("plain", PLAIN), ("fast", EXACT))
}
ODD = ("frozen", "unused", "tied", "group norm", "buffer")  # of `NETWORKS`


def digits() -> np.ndarray:
    return load_mnist()[0].images[:64]


def seeded(network, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return network()


def step_once(folder: str) -> None:
    """Save the gradients and the loss of one step on a batch of 8, case by case."""
    found = {}
    with process_group(CPU):
        for name, (network, recipe, speed) in CASES.items():
            model = seeded(network, seed=rank())  # the first one's weights must win
            batcher = Batcher(digits(), 8, recipe.scale, recipe.sigma, shard=shard(8))
            loss = FastStep(model, recipe, 10, speed)(*next(batcher))
            found[name] = [loss, *(p.grad for p in model.parameters())]
        torch.save(found, Path(folder) / f"{rank()}.pt")


def train_odd_ones(folder: str) -> None:
    """Two epochs of networks that are not the book's; the first one saves them."""
    learned = {}
    with process_group(CPU):
        for name in ODD:
            model = built(name)
            fit(model, digits(), TINY, speed=EXACT)
            learned[name] = everything(model).detach()
        if rank() == 0:
            torch.save(learned, Path(folder) / "learned.pt")


def train_on(folder: str, *, resume: bool = False, stop_after: int | None = None):
    model = seeded(SkipUnet)
    history = fit(
        model, digits(), TINY, folder=folder, held_out=digits()[:4], resume=resume,
        stop_after=stop_after, speed=EXACT,
    )  # fmt: skip
    return history, model


def train_apart(folder: str) -> None:
    """One epoch, each process with a folder of its own."""
    with process_group(CPU):
        history, _ = train_on(f"{folder}/{rank()}", stop_after=1)
        print(f"loss of {rank()}: {history.loss}")


def train_further(folder: str) -> None:
    """To the end, from the checkpoint that lies in the folder."""
    with process_group(CPU):
        train_on(folder, resume=True)


def end_early(folder: str, number: int, process: Callable[[], int]) -> None:
    """The command line; when two epochs are done, one of the processes is signalled.

    The first of the two epochs has then been saved, for sure.
    """
    epoch = _Run.epoch

    def interrupted(run: _Run) -> bool:
        if os.environ["RANK"] == "1" and len(run.history.loss) == 2:
            os.kill(process(), number)
        return epoch(run)

    _Run.epoch = interrupted
    train.main(["--recipe", "article-noise", "--data", folder, "--folder", folder])


def lose_one(folder: str) -> None:
    end_early(folder, signal.SIGKILL, os.getpid)


def stop_all(folder: str) -> None:
    """As Ctrl-C does."""
    end_early(folder, signal.SIGINT, os.getppid)  # torchrun is the parent


def end_all(folder: str) -> None:
    """As a scheduler does."""
    end_early(folder, signal.SIGTERM, os.getppid)


def launch(
    function: Callable[[str], None], folder: Path
) -> subprocess.CompletedProcess:
    """Run `function` in two processes; ten minutes mean that they wait for ever."""
    command = [*LAUNCH, "--nproc-per-node", "2", __file__]
    command += [function.__name__, str(folder)]
    pipe = subprocess.PIPE
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=one_thread
    ) as torchrun:
        try:
            out, err = torchrun.communicate(timeout=600)
        finally:
            torchrun.terminate()  # if it still runs, it ends its processes too
    return subprocess.CompletedProcess(command, torchrun.returncode, out, err)


def assert_same_run(found: Path, expected: Path) -> None:
    """The same draws; losses and weights equal but for the order of sums."""
    (about, ours), (wanted, theirs) = (
        read_checkpoint(folder / CHECKPOINT) for folder in (found, expected)
    )
    assert torch.equal(ours["generator"], theirs["generator"])
    for key in ("loss", "psnr_db"):
        losses = getattr(about["history"], key), getattr(wanted["history"], key)
        assert losses[0] == pytest.approx(losses[1], 1e-4)
    assert ours.keys() == theirs.keys()
    for key, start in seeded(SkipUnet).state_dict().items():
        weight = theirs[f"model.{key}"]
        moved = (weight - start).norm()
        assert (ours[f"model.{key}"] - weight).norm() < 1e-3 * moved, key


def epochs_saved(folder: Path) -> int:
    about, _ = read_checkpoint(folder / CHECKPOINT)
    return len(about["history"].loss)


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """The folder of an uninterrupted run in this very process."""
    folder = tmp_path_factory.mktemp("alone")
    train_on(str(folder))
    return folder


@pytest.fixture(scope="module")
def first_steps(tmp_path_factory) -> list[dict]:
    folder = tmp_path_factory.mktemp("steps")
    done = launch(step_once, folder)
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{r}.pt", weights_only=True) for r in range(2)]


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_the_joint_batch(name, first_steps):
    """Oracle: the loss written out, and autograd on the whole batch at once."""
    network, recipe, _ = CASES[name]
    model = seeded(network)
    noisy, clean = next(Batcher(digits(), 8, recipe.scale, recipe.sigma))
    expected = mse_loss(model(noisy), clean, reduction=recipe.loss_reduction)
    expected = expected * recipe.loss_factor
    expected.backward()
    losses = [found[name][0].item() for found in first_steps]
    assert losses[0] != losses[1]  # each has seen a share of its own
    assert np.mean(losses) == pytest.approx(expected.item(), rel=1e-5)
    for found in first_steps:
        for ours, p in zip(found[name][1:], model.parameters(), strict=True):
            assert (ours - p.grad).norm() < 1e-4 * p.grad.norm()


def test_networks_of_ones_own_learn_as_by_one_process(tmp_path):
    done = launch(train_odd_ones, tmp_path)
    assert done.returncode == 0, done.stderr
    learned = torch.load(tmp_path / "learned.pt", weights_only=True)
    for name in ODD:
        model = built(name)
        fit(model, digits(), TINY, speed=EXACT)
        torch.testing.assert_close(learned[name], everything(model).detach())


def test_one_process_prints_and_saves_and_alone_goes_on(alone, tmp_path):
    done = launch(train_apart, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 0: train loss") == 1
    assert done.stdout.count(" 0/2 ") == 1  # the start of a progress bar
    assert "2 processes train together" in done.stdout
    losses = re.findall(r"loss of \d: (.*)", done.stdout)
    assert len(losses) == 2 and losses[0] == losses[1]
    assert not [path for path in (tmp_path / "1").rglob("*") if path.is_file()]
    assert (tmp_path / "0" / "img" / "img_0.jpg").exists()

    train_on(str(tmp_path / "0"), resume=True)
    assert_same_run(tmp_path / "0", alone)


def test_two_go_on_from_what_one_began(alone, tmp_path):
    train_on(str(tmp_path), stop_after=1)
    done = launch(train_further, tmp_path)
    assert done.returncode == 0, done.stderr
    assert_same_run(tmp_path, alone)


@pytest.fixture
def little_data(tmp_path) -> Path:
    """A folder with the article's two files: an epoch is one step."""
    np.save(tmp_path / "x_train.npy", digits()[:16])
    np.save(tmp_path / "y_train_label.npy", np.zeros(16))
    return tmp_path


def test_a_killed_process_ends_the_job(little_data):
    done = launch(lose_one, little_data)
    assert done.returncode != 0
    assert "Signal 9 (SIGKILL)" in done.stderr
    assert "--resume then goes on from the last checkpoint" in done.stdout
    assert epochs_saved(little_data) in (1, 2)  # the second was just being saved


@pytest.mark.parametrize("stop", [stop_all, end_all])
def test_a_job_is_stopped_from_outside(stop, little_data):
    """All end after the same step; its weights and the checkpoint are saved."""
    done = launch(stop, little_data)
    assert done.returncode != 0
    if stop is stop_all:
        assert "stopped; --resume goes on" in done.stderr
    assert done.stdout.count("resume=True goes on from there, and") == 1
    assert 2 <= epochs_saved(little_data) < ARTICLE_NOISE.epochs
    _, tensors = read_checkpoint(little_data)
    weights = torch.load(little_data / WEIGHTS, weights_only=True)
    assert all(torch.equal(tensors[f"model.{k}"], v) for k, v in weights.items())


def test_a_batch_that_cannot_be_shared(tmp_path, monkeypatch):
    monkeypatch.setattr("unetlib.speed.distributed.world_size", lambda: 3)
    with pytest.raises(UnetlibError, match="batch of 32 cannot be .* by 3 processes"):
        fit(seeded(Unet), digits(), TINY)


@pytest.fixture
def torchrun(monkeypatch):
    """What torchrun tells the sixth of eight processes, on the second of two GPUs."""
    for name, value in {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)


def test_an_error_says_that_a_lost_process_may_be_behind_it(torchrun, monkeypatch):
    monkeypatch.setattr(distributed, "init_process_group", lambda backend: None)
    with pytest.raises(RuntimeError, match="closed") as lost, process_group(CPU):
        raise RuntimeError("Connection closed by peer")
    assert "another process has ended" in lost.value.__notes__[0]


def test_a_numbered_gpu_needs_no_torchrun():
    assert own_device("cuda") == "cuda" and own_device("cuda:1") == "cuda:1"


def test_each_process_takes_its_own_gpu(torchrun):
    assert own_device("cuda") == "cuda:1" and own_device("cpu") == "cpu"
    with pytest.raises(UnetlibError, match='"cuda:0" is one GPU.* ask for "cuda"'):
        own_device("cuda:0")


def test_without_torchrun_there_is_no_process_group():
    with process_group(CPU):
        assert (rank(), world_size()) == (0, 1) and not distributed.is_initialized()
        step = FastStep(seeded(Unet), BOOK, 1, PLAIN)
    assert isinstance(step.network, Unet)


if __name__ == "__main__":
    globals()[sys.argv[1]](sys.argv[2])
