"""Training is stopped, spoilt, and runs out of disk: what was saved stays."""

import errno
import io
import os
import signal
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch
from jupyter_client.manager import start_new_kernel

from unetlib.checks import UnetlibError
from unetlib.fit import fit
from unetlib.model import SkipUnet, Unet
from unetlib.recipe import ARTICLE, BOOK, Recipe
from unetlib.saving import checkpoint, saver
from unetlib.saving.checkpoint import CHECKPOINT, read_checkpoint
from unetlib.saving.folder import WEIGHTS
from unetlib.saving.safeguards import advice_on_memory
from unetlib.speed.fast_step import FastStep
from unetlib.step import TrainStep

fitting = import_module("unetlib.fit")  # unetlib.fit is its function

RECIPE = replace(BOOK, batch_size=8, epochs=3)  # 8 steps an epoch on 64 pictures
IN_A_NOTEBOOK = """
import torch
from dataclasses import replace
from importlib import import_module
from unetlib.data import load_mnist
from unetlib.fit import fit
from unetlib.model import SkipUnet
from unetlib.recipe import BOOK
recipe = replace(BOOK, batch_size=8, epochs=1000)
model = SkipUnet(width=4)
fit(model, load_mnist()[0].images[:64], recipe, folder={folder!r})
went_on = fit(SkipUnet(width=4), load_mnist()[0].images[:64], recipe)
"""


def seeded(network=SkipUnet, **options) -> torch.nn.Module:
    torch.manual_seed(0)
    return network(**options)


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.fixture
def save_every_step(monkeypatch):
    monkeypatch.setattr(fitting, "LOOK_EVERY", 1)
    monkeypatch.setattr(saver, "SAVE_EVERY", 0.0)


@pytest.mark.parametrize("network", [SkipUnet, Unet])
@pytest.mark.usefixtures("save_every_step")
def test_resumed_within_an_epoch(network, few_images, tmp_path, monkeypatch):
    """Fault by fault: whatever a checkpoint left out would show in the weights."""
    save, copies = saver.save_checkpoint, []

    def copying(folder, *state) -> None:
        save(folder, *state)
        copies.append((folder / CHECKPOINT).read_bytes())

    monkeypatch.setattr(saver, "save_checkpoint", copying)
    whole = seeded(network)
    expected = fit(whole, few_images, RECIPE, folder=tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(copies[12])  # the 5th step of epoch 1
    resumed = seeded(network)
    history = fit(resumed, few_images, RECIPE, folder=tmp_path, resume=True)
    assert len(copies) == 24 + 11
    assert torch.equal(weights(resumed), weights(whole))
    assert history.loss == expected.loss


# ---------- stopped by hand ----------


def stop_in(
    steps: int, monkeypatch, times: int = 1, number: int = signal.SIGINT
) -> None:
    """Ctrl-C, or another signal, while that step is being taken."""
    learn, taken = TrainStep.update, []

    def interrupted(step, *batch):
        taken.append(1)
        for _ in range(times if len(taken) == steps else 0):
            signal.raise_signal(number)
        return learn(step, *batch)

    monkeypatch.setattr(TrainStep, "update", interrupted)


def test_ctrl_c_leaves_model_history_and_checkpoint(
    few_images, tmp_path, monkeypatch, capsys
):
    whole = seeded()
    expected = fit(whole, few_images, RECIPE)
    model = seeded()
    with monkeypatch.context() as patch:
        stop_in(13, patch)
        with pytest.raises(KeyboardInterrupt):
            fit(model, few_images, RECIPE, folder=tmp_path)
    history = read_checkpoint(tmp_path)[0]["history"]
    assert history.loss == expected.loss[:1] and history.unfinished.steps == 5
    said = "stopped in epoch 1 after 5 of 8 steps; resume=True goes on from there"
    said += f", and {tmp_path / WEIGHTS} holds the weights\n"
    assert said in capsys.readouterr().out
    stopped = torch.load(tmp_path / WEIGHTS, weights_only=True)
    assert all(torch.equal(stopped[k], v) for k, v in model.state_dict().items())
    assert model(torch.zeros(1, 1, 28, 28)).isfinite().all()
    history = fit(seeded(), few_images, RECIPE, folder=tmp_path, resume=True)
    assert history.loss == expected.loss
    resumed = torch.load(tmp_path / "unet_model.pth", weights_only=True)
    assert all(torch.equal(resumed[k], v) for k, v in whole.state_dict().items())


@pytest.mark.parametrize("before", [signal.default_int_handler, signal.SIG_IGN])
def test_half_a_run_never_looks_like_a_whole_one(before, few_images, monkeypatch):
    stop_in(13, monkeypatch)
    handler = signal.signal(signal.SIGINT, before)
    try:
        with pytest.raises(KeyboardInterrupt):
            fit(seeded(), few_images, RECIPE)
    finally:
        signal.signal(signal.SIGINT, handler)


def test_ctrl_c_twice_stops_at_once(few_images, tmp_path, monkeypatch):
    before = signal.getsignal(signal.SIGINT)  # of a job in the background: ignored
    stop_in(13, monkeypatch, times=2)
    with pytest.raises(KeyboardInterrupt):
        fit(seeded(), few_images, RECIPE, folder=tmp_path)
    about, _ = read_checkpoint(tmp_path / CHECKPOINT)
    assert len(about["history"].loss) == 1
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def handler():
    """Sets what a signal does; afterwards it does what it did."""
    before = {}

    def set_handler(number: int, action) -> None:
        before[number] = signal.signal(number, action)

    yield set_handler
    for number, action in before.items():
        signal.signal(number, action)


# Windows has no SIGHUP.
@pytest.mark.parametrize(
    "name", [n for n in ("SIGTERM", "SIGHUP") if hasattr(signal, n)]
)
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_that_ends_programs_waits_for_the_save(
    name, times, few_images, tmp_path, monkeypatch, handler
):
    number, came = getattr(signal, name), []
    steps = lambda: read_checkpoint(tmp_path)[0]["history"].unfinished.steps  # noqa: E731
    handler(number, lambda *_: came.append(steps()))
    stop_in(13, monkeypatch, times, number)
    fit(seeded(), few_images, RECIPE, folder=tmp_path)
    assert came == [5]  # once, after the save
    signal.raise_signal(number)
    assert came == [5, 5]  # it does again what it did


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has none")
def test_a_closed_terminal_that_is_to_be_ignored(few_images, monkeypatch, handler):
    """As `nohup` wants it."""
    handler(signal.SIGHUP, signal.SIG_IGN)
    stop_in(13, monkeypatch, number=signal.SIGHUP)
    assert len(fit(seeded(), few_images, RECIPE).loss) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_another_thread_signals_are_left_alone(number, few_images):
    before = signal.getsignal(number)
    with ThreadPoolExecutor() as pool:
        run = pool.submit(fit, seeded(width=2), few_images, RECIPE)
        while run.running():
            assert signal.getsignal(number) is before
    assert len(run.result().loss) == 3


def test_ctrl_c_before_anything_was_learned(few_images, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        fitting,
        "FastStep",
        lambda *made: signal.raise_signal(signal.SIGINT) or FastStep(*made),
    )
    with pytest.raises(KeyboardInterrupt):
        fit(seeded(), few_images, RECIPE, folder=tmp_path)
    assert not (tmp_path / CHECKPOINT).exists()
    assert capsys.readouterr().out.endswith("stopped in epoch 0 after 0 of 8 steps\n")


def test_the_stop_button_of_a_notebook(tmp_path):
    """In a real kernel: it stops the cell and those that wait, not one `fit` of them;
    what was learned is there to look at."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        asked = client.execute(IN_A_NOTEBOOK.format(folder=str(tmp_path)))
        waiting = client.execute("went_on = True")
        deadline = time.monotonic() + 120
        while not (tmp_path / CHECKPOINT).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        manager.interrupt_kernel()
        replies = {}
        while not {asked, waiting} <= replies.keys():
            reply = client.get_shell_msg(timeout=60)
            replies[reply["parent_header"]["msg_id"]] = reply["content"]
        assert replies[asked]["ename"] == "KeyboardInterrupt", replies[asked]
        assert replies[waiting]["status"] == "aborted", replies[waiting]
        said = client.execute_interactive(
            "assert model(torch.zeros(1, 1, 28, 28)).isfinite().all()\n"
            "assert 'went_on' not in globals()",
            timeout=60,
        )
        assert said["content"]["status"] == "ok", said["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    about, _ = read_checkpoint(tmp_path / CHECKPOINT)
    assert about["history"].loss


# ---------- spoilt ----------


def test_a_loss_that_is_no_number_stops_it(few_images, tmp_path):
    recipe = replace(RECIPE, lr=1e8, one_cycle=False)
    with pytest.raises(UnetlibError, match=r"(inf|nan).*1e\+08"):
        fit(seeded(), few_images, recipe, folder=tmp_path)
    assert not (tmp_path / CHECKPOINT).exists()


@pytest.mark.usefixtures("save_every_step")
def test_spoilt_weights_never_replace_good_ones(few_images, tmp_path, monkeypatch):
    fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=1)
    good = (tmp_path / CHECKPOINT).read_bytes()
    monkeypatch.setattr(
        Recipe, "loss", lambda _recipe, output, *_: torch.nan * output.sum()
    )
    with pytest.raises(UnetlibError, match="nan"):
        fit(seeded(), few_images, RECIPE, folder=tmp_path, resume=True)
    assert (tmp_path / CHECKPOINT).read_bytes() == good


def test_a_collapsed_network_stops_it(few_images):
    """A Tanh driven to its end gives -1 everywhere and passes no gradient back."""
    model = seeded(Unet)
    torch.nn.init.constant_(model.convUP_end[0].bias, -50.0)
    with pytest.raises(UnetlibError, match="collapsed"):
        fit(model, few_images, RECIPE)


@pytest.mark.parametrize("recipe", [ARTICLE, BOOK])
@pytest.mark.usefixtures("save_every_step")
def test_an_untrained_network_has_not_collapsed(recipe, mnist):
    """Nor has one that sees the same picture twice, or a single one."""
    recipe = replace(recipe, batch_size=4, epochs=1)
    for images in (mnist[0].images[:40], mnist[0].images[[0, 0]], mnist[0].images[:1]):
        fit(seeded(Unet), images, recipe)


def test_want_of_memory_comes_with_advice(few_images, monkeypatch):
    monkeypatch.setattr("unetlib.batcher.Batcher.draw", lambda _: torch.empty(2**60))
    with pytest.raises(RuntimeError, match="memory") as ended:
        fit(seeded(), few_images, RECIPE)
    assert "Try a smaller batch_size" in ended.value.__notes__[0]
    for wanting in (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"),
        MemoryError("Unable to allocate 47.0 MiB for an array"),
    ):
        with pytest.raises(type(wanting)) as ended, advice_on_memory():
            raise wanting
        assert ended.value.__notes__


def test_no_advice_where_memory_is_not_wanting():
    with pytest.raises(RuntimeError) as ended, advice_on_memory():
        raise RuntimeError("unsupported memory format: some tensors share memory")
    assert not hasattr(ended.value, "__notes__")


# ---------- the disk is full ----------


class FullDisk(io.BytesIO):
    """A file that takes the first bytes and then no more."""

    def write(self, content) -> int:
        super().write(bytes(content[:100]))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def fill_the_disk(monkeypatch):
    def fill() -> None:
        opened = Path.open

        def full(path, mode="r", **options):
            written = opened(path, mode, **options)
            return FullDisk() if path.suffix == ".part" else written

        monkeypatch.setattr(Path, "open", full)

    return fill


def test_a_full_disk_loses_nothing_that_was_saved(
    few_images, tmp_path, fill_the_disk, monkeypatch
):
    fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=1)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    monkeypatch.setattr(saver, "rehearse", lambda *_: fill_the_disk())
    full = os.strerror(errno.ENOSPC)
    with (
        pytest.warns(UserWarning, match=full),
        pytest.raises(UnetlibError, match=full),
    ):
        fit(seeded(), few_images, RECIPE, folder=tmp_path, resume=True)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_full_disk_is_noticed_before_the_first_step(
    few_images, tmp_path, fill_the_disk
):
    fill_the_disk()
    model = seeded()
    with pytest.raises(UnetlibError, match="trial.*Make room on the disk"):
        fit(model, few_images, RECIPE, folder=tmp_path)
    assert torch.equal(weights(model), weights(seeded()))


def test_training_goes_on_once_there_is_room(few_images, tmp_path, monkeypatch):
    write, calls = checkpoint.write_safely, []

    def full_at_first(*file) -> None:
        calls.append(1)
        if len(calls) < 3:
            raise UnetlibError("No space left on device")
        write(*file)

    monkeypatch.setattr(saver, "rehearse", lambda *_: None)
    monkeypatch.setattr(checkpoint, "write_safely", full_at_first)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        history = fit(seeded(), few_images, RECIPE, folder=tmp_path)
    assert len(said) == 2 and len(history.loss) == 3
    about, _ = read_checkpoint(tmp_path / CHECKPOINT)
    assert about["history"] == history
