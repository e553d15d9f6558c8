"""The folder of a run: nothing is overwritten unasked, and one process has it."""

import errno
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from unetlib import train
from unetlib.checks import UnetlibError
from unetlib.fit import fit
from unetlib.model import SkipUnet
from unetlib.recipe import BOOK
from unetlib.saving import checkpoint, files, saver
from unetlib.saving.checkpoint import CHECKPOINT, read_checkpoint
from unetlib.saving.files import save_weights, write_safely
from unetlib.saving.folder import LOCK, PICTURES, WEIGHTS, claimed, what_lies_in
from unetlib.saving.history import History
from unetlib.step import TrainStep

RECIPE = replace(BOOK, batch_size=8, epochs=2)  # 8 steps an epoch on 64 pictures
HOLD = """
import sys, time
from unetlib.saving.folder import claimed
with claimed(sys.argv[1], False, False):
    print("mine", flush=True)
    time.sleep(600)
"""


def seeded() -> SkipUnet:
    torch.manual_seed(0)
    return SkipUnet(width=4)


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def content(folder: Path) -> dict[Path, bytes | None]:
    """What lies there, but for the lock."""
    found = (path for path in folder.rglob("*") if path.name != LOCK)
    return {p: p.read_bytes() if p.is_file() else None for p in found}


@pytest.fixture
def no_step(monkeypatch):
    """A step would be a fault: what is refused is refused before it."""
    monkeypatch.setattr(TrainStep, "update", lambda *_: pytest.fail("a step was taken"))


# ---------- what lies there ----------


@pytest.mark.parametrize(
    ("epochs", "said"),
    [
        (1, 'a run of the recipe "book": 1 of 2 epochs'),
        (2, 'a finished run of the recipe "book": 2 of 2 epochs'),
    ],
)
def test_a_run_is_not_overwritten_unasked(
    epochs, said, few_images, tmp_path, monkeypatch
):
    fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=epochs)
    os.utime(tmp_path / CHECKPOINT, (0, 951_782_400))  # in February 2000
    before = content(tmp_path)
    monkeypatch.setattr(TrainStep, "update", lambda *_: pytest.fail("a step was taken"))
    ways = ".*resume=True.*another folder.*overwrite=True"
    with pytest.raises(UnetlibError, match=f"{said}, saved 2000-02-2.*{ways}"):
        fit(seeded(), few_images, RECIPE, folder=tmp_path)
    assert content(tmp_path) == before


def test_a_picture_that_is_almost_black_stops_nothing(tmp_path):
    """The picture of an epoch is one of many, by itself no picture of 0 to 255."""
    images = np.ones((16, 28, 28), np.uint8)
    images[np.random.default_rng([0, 0]).integers(16) - 1] = 255  # not the one drawn
    fit(seeded(), images, replace(RECIPE, epochs=1), folder=tmp_path / "run")
    assert (tmp_path / "run" / PICTURES / "img_0.jpg").stat().st_size > 0


def test_how_far_an_epoch_has_come(few_images, tmp_path, monkeypatch):
    monkeypatch.setattr(import_module("unetlib.fit"), "LOOK_EVERY", 1)
    monkeypatch.setattr(saver, "SAVE_EVERY", 0.0)
    learn, taken = TrainStep.update, []

    def failing(step, *batch):
        taken.append(1)
        return learn(step, *batch) if len(taken) <= 11 else 1 / 0

    monkeypatch.setattr(TrainStep, "update", failing)
    with pytest.raises(ZeroDivisionError):
        fit(seeded(), few_images, RECIPE, folder=tmp_path)
    assert ": 1 of 2 epochs and 3 steps, saved" in what_lies_in(tmp_path)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (CHECKPOINT, f"{CHECKPOINT} of .*, which cannot be read"),
        (WEIGHTS, f"{WEIGHTS} of .*, without a checkpoint"),
        (f"{PICTURES}/img_0.jpg", f"{PICTURES} of .*, without a checkpoint"),
    ],
)
@pytest.mark.usefixtures("no_step")
def test_no_file_that_a_run_would_write_is_overwritten(
    file, said, few_images, tmp_path
):
    write_safely(tmp_path / file, b"somebody's")
    with pytest.raises(UnetlibError, match=said):
        fit(seeded(), few_images, RECIPE, folder=tmp_path)
    assert (tmp_path / file).read_bytes() == b"somebody's"


def test_files_that_are_no_run_are_in_nobodys_way(few_images, tmp_path):
    for file in ("x_train.npy", f"{PICTURES}/holiday.jpg"):
        write_safely(tmp_path / file, b"somebody's")
    fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=1)
    assert (tmp_path / PICTURES / "holiday.jpg").read_bytes() == b"somebody's"


def test_overwriting_begins_anew(few_images, tmp_path):
    whole, again = seeded(), seeded()
    expected = fit(whole, few_images, RECIPE)
    fit(seeded(), few_images[:16], replace(RECIPE, lr=1e-4), folder=tmp_path)
    found = fit(again, few_images, RECIPE, folder=tmp_path, overwrite=True)
    assert torch.equal(weights(again), weights(whole)) and found.loss == expected.loss
    assert len(read_checkpoint(tmp_path)[0]["history"].loss) == 2


def test_the_command_line_overwrites_only_when_asked(tmp_path, monkeypatch, capsys):
    asked = []

    def fit_until_claimed(_model, _images, _recipe, **options) -> History:
        asked.append(options["overwrite"])
        with claimed(options["folder"], options["resume"], options["overwrite"]):
            return History(loss=[1.0])

    monkeypatch.setattr(train, "fit", fit_until_claimed)
    write_safely(tmp_path / CHECKPOINT, b"a run")
    command = ["--recipe", "article", "--epochs", "1", "--folder", str(tmp_path)]
    with pytest.raises(SystemExit) as ended:
        train.main(command)
    assert ended.value.code == 2 and "(--overwrite)" in capsys.readouterr().err
    train.main([*command, "--overwrite"])
    assert asked == [False, True]


# ---------- whose it is ----------


def test_another_process_keeps_its_folder_until_it_ends(few_images, tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "mine\n"
            with pytest.raises(UnetlibError, match="another process is training into"):
                fit(seeded(), few_images, RECIPE, folder=tmp_path)
            with pytest.raises(UnetlibError, match="another process is training into"):
                fit(seeded(), few_images, RECIPE, folder=tmp_path, overwrite=True)
        finally:
            other.kill()  # tidies nothing up
    history = fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=1)
    assert len(history.loss) == 1


def test_a_folder_is_free_after_a_run_that_failed(few_images, tmp_path):
    with pytest.raises(ZeroDivisionError), claimed(tmp_path, False, False):
        with pytest.raises(UnetlibError, match="another process"):
            fit(seeded(), few_images, RECIPE, folder=tmp_path)
        raise ZeroDivisionError
    fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=1)


def test_where_there_are_no_locks_one_trains_without(few_images, tmp_path, monkeypatch):
    def none(_lock) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr("unetlib.saving.folder.FileLock.acquire", none)
    fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=1)
    assert (tmp_path / CHECKPOINT).exists()


# ---------- resuming ----------


@pytest.mark.usefixtures("no_step")
def test_resuming_where_nothing_is_creates_nothing(few_images, tmp_path):
    typo = tmp_path / "typo"
    with pytest.raises(UnetlibError, match="cannot resume: there is no .*typo"):
        fit(seeded(), few_images, RECIPE, folder=typo, resume=True)
    assert not typo.exists()
    typo.mkdir()
    with pytest.raises(UnetlibError, match="cannot resume: there is no .*typo"):
        fit(seeded(), few_images, RECIPE, folder=typo, resume=True)
    assert list(typo.iterdir()) == []


@pytest.mark.usefixtures("no_step")
def test_resume_or_overwrite(few_images, tmp_path):
    with pytest.raises(UnetlibError, match="choose one"):
        fit(
            *(seeded(), few_images, RECIPE),
            folder=tmp_path,
            resume=True,
            overwrite=True,
        )


def test_a_finished_run_says_so_and_gives_what_it_holds(few_images, tmp_path, capsys):
    model, again = seeded(), SkipUnet(width=4)
    expected = fit(model, few_images, RECIPE, folder=tmp_path)
    before = content(tmp_path)
    capsys.readouterr()
    found = fit(again, few_images, RECIPE, folder=tmp_path, resume=True)
    assert "a finished run of the recipe" in capsys.readouterr().out
    assert found == expected and torch.equal(weights(again), weights(model))
    assert content(tmp_path) == before


@pytest.mark.parametrize("change", ["pixel", "order", "size"])
def test_a_run_goes_on_only_with_its_own_pictures(change, few_images, tmp_path):
    fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=1)
    others = few_images.copy()
    if change == "pixel":
        others[-1, 14, 14] ^= 1
    elif change == "order":
        others[[0, 1]] = others[[1, 0]]
    else:
        others = others.reshape(64, 14, 56)
    before = content(tmp_path)
    with pytest.raises(UnetlibError, match="64 other pictures, or .* another order"):
        fit(seeded(), others, RECIPE, folder=tmp_path, resume=True)
    assert content(tmp_path) == before


def test_a_checkpoint_from_before_pictures_were_told_apart(
    few_images, tmp_path, monkeypatch
):
    dumps = checkpoint.json.dumps
    older = lambda about: dumps({k: v for k, v in about.items() if k != "pictures"})  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.json, "dumps", older)
        fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=1)
    assert "pictures" not in read_checkpoint(tmp_path)[0]
    assert (
        len(fit(seeded(), few_images, RECIPE, folder=tmp_path, resume=True).loss) == 2
    )


@pytest.mark.parametrize("of", [str, Path, lambda path: path.parent])
def test_a_checkpoint_is_read_by_any_name(of, few_images, tmp_path):
    fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=1)
    about, _ = read_checkpoint(of(tmp_path / CHECKPOINT))
    assert about["images"] == 64


def test_bare_weights_are_told_so(tmp_path):
    save_file(seeded().state_dict(), tmp_path / CHECKPOINT)
    with pytest.raises(UnetlibError, match="holds bare weights"):
        read_checkpoint(tmp_path)
    save_weights(tmp_path / WEIGHTS, seeded())
    with pytest.raises(UnetlibError, match=r"what torch.save writes, such as unet_mod"):
        read_checkpoint(tmp_path / WEIGHTS)


# ---------- where one cannot write ----------


@pytest.mark.parametrize("under", ["", "deeper/still"])
@pytest.mark.usefixtures("no_step")
def test_a_file_lies_where_the_folder_should_be(under, few_images, tmp_path):
    file = tmp_path / "runs"
    file.write_text("mine")
    with pytest.raises(UnetlibError, match="could not make .*A file is in the way"):
        fit(seeded(), few_images, RECIPE, folder=file / under)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("name", [PICTURES, f"{PICTURES}/trial"])
@pytest.mark.usefixtures("no_step")
def test_a_file_or_folder_lies_where_the_pictures_go(name, few_images, tmp_path):
    if name == PICTURES:
        (tmp_path / name).write_text("mine")
    else:
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(UnetlibError, match="could not save"):
        fit(seeded(), few_images, RECIPE, folder=tmp_path)


@pytest.mark.usefixtures("no_step")
def test_a_folder_where_one_may_not_write(few_images, tmp_path, monkeypatch):
    opened = Path.open

    def refused(path, mode="r", **options):
        if mode in ("r", "rb"):
            return opened(path, mode, **options)
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    advice = "Name another folder, one where you may write"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refused)
        with pytest.raises(UnetlibError, match=f"Permission denied: .*{advice}"):
            fit(seeded(), few_images, RECIPE, folder=tmp_path)
    monkeypatch.setattr(Path, "mkdir", lambda path, **_: refused(path, "w"))
    with pytest.raises(UnetlibError, match=f"could not make the folder .*{advice}"):
        fit(seeded(), few_images, RECIPE, folder=tmp_path / "new")


@pytest.mark.parametrize("folder", [5, b"runs", ["runs"]])
@pytest.mark.usefixtures("no_step")
def test_a_folder_that_is_no_path(folder, few_images):
    with pytest.raises(
        UnetlibError, match=f"folder must be .*{re.escape(repr(folder))}"
    ):
        fit(seeded(), few_images, RECIPE, folder=folder)


def test_a_moments_refusal_is_waited_out(tmp_path, monkeypatch):
    """As a virus scanner's on Windows, which reads what was just written."""
    move, tries = Path.replace, []

    def scanned(path, target):
        tries.append(path)
        if len(tries) < 4:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return move(path, target)

    monkeypatch.setattr(files.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(Path, "replace", scanned)
    write_safely(tmp_path / "any", b"new")
    assert (tmp_path / "any").read_bytes() == b"new" and len(tries) == 4


def test_a_lasting_refusal_leaves_what_was_there(tmp_path, monkeypatch):
    def held(*_) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    (tmp_path / "any").write_bytes(b"old")
    monkeypatch.setattr(files, "WAITS", (0.0, 0.0))
    monkeypatch.setattr(Path, "replace", held)
    with pytest.raises(UnetlibError, match="Permission denied: could not save"):
        write_safely(tmp_path / "any", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["any"]
    assert (tmp_path / "any").read_bytes() == b"old"


def test_a_folder_that_was_deleted_is_made_again(tmp_path):
    write_safely(tmp_path / "deleted" / "any", b"new")
    assert (tmp_path / "deleted" / "any").read_bytes() == b"new"


# ---------- the last save ----------


@pytest.fixture
def no_room_for(tmp_path, monkeypatch):
    """Call it with names of files: in `tmp_path` there is no room for them."""

    def fill(*names: str) -> None:
        def write(path, content) -> None:
            if path.name in names and path.is_relative_to(tmp_path):
                raise UnetlibError(f"No space left on device: could not save {path}")
            write_safely(path, content)

        for module in (files, checkpoint, saver):
            monkeypatch.setattr(module, "write_safely", write)

    return fill


def assert_saved(path: Path, model: torch.nn.Module) -> None:
    saved = torch.load(path, weights_only=True)
    assert all(torch.equal(saved[k], v) for k, v in model.state_dict().items())


@pytest.mark.parametrize("epochs", [2, 7])
def test_weights_are_saved_where_a_checkpoint_has_no_room(
    epochs, few_images, tmp_path, no_room_for
):
    model, recipe = seeded(), replace(RECIPE, epochs=epochs, ema=0.9)
    no_room_for(CHECKPOINT)
    with (
        pytest.warns(UserWarning, match=f"No space .*{CHECKPOINT}"),
        pytest.raises(UnetlibError, match=f"No space .*{CHECKPOINT}$"),
    ):
        fit(model, few_images, recipe, folder=tmp_path)
    assert_saved(tmp_path / WEIGHTS, model)  # both are the mean of the weights
    assert (tmp_path / PICTURES / f"img_{epochs - 1}.jpg").exists()


def test_weights_go_elsewhere_where_there_is_no_room_at_all(
    few_images, tmp_path, no_room_for, monkeypatch
):
    (tmp_path / "system").mkdir()
    made = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    made.mkdir()
    monkeypatch.setattr(saver.tempfile, "mkdtemp", lambda prefix: str(made))
    model = seeded()
    no_room_for(CHECKPOINT, WEIGHTS)
    said = f"{CHECKPOINT}.*{WEIGHTS}\\. The weights are in {re.escape(str(made))}"
    with (
        pytest.warns(UserWarning, match="No space"),
        pytest.raises(UnetlibError, match=said),
    ):
        fit(model, few_images, RECIPE, folder=tmp_path)
    assert_saved(made / WEIGHTS, model)


def test_a_run_goes_on_only_with_its_own_seed(tmp_path, few_images):
    fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=1, seed=3)
    before = content(tmp_path)
    with pytest.raises(UnetlibError, match=r"seed 3, here it is 0. .*\(--seed 3\)"):
        fit(seeded(), few_images, RECIPE, folder=tmp_path, resume=True)
    assert content(tmp_path) == before


def test_a_seed_of_numpy_is_a_seed(tmp_path, few_images):
    seed = np.int64(3)
    fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=1, seed=seed)
    run = fit(seeded(), few_images, RECIPE, folder=tmp_path, resume=True, seed=3)
    assert len(run.loss) == 2


def test_pictures_of_a_longer_run_do_not_stay(tmp_path, few_images):
    fit(seeded(), few_images, RECIPE, folder=tmp_path)
    assert len([*tmp_path.glob(f"{PICTURES}/img_*.jpg")]) == 2
    fit(seeded(), few_images, RECIPE, folder=tmp_path, overwrite=True, stop_after=1)
    assert [p.name for p in tmp_path.glob(f"{PICTURES}/*.jpg")] == ["img_0.jpg"]


def test_pictures_of_ones_own_stay(tmp_path, few_images):
    fit(seeded(), few_images, RECIPE, folder=tmp_path)
    own = tmp_path / PICTURES / "img_birthday.jpg"
    own.write_bytes(b"somebody's")
    fit(seeded(), few_images, RECIPE, folder=tmp_path, overwrite=True, stop_after=1)
    assert own.read_bytes() == b"somebody's"
