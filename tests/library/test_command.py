"""The command `unetlib`: pictures in, denoised pictures out, and what it refuses."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import unetlib
from unetlib.__main__ import main
from unetlib.model import Unet
from unetlib.pretrained import load_pretrained


@pytest.fixture
def noisy(tmp_path, mnist, monkeypatch):
    """noisy/7.png, a test digit with noise; the working folder is `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    clean = mnist[1].images[0] / 255
    pixels = clean + 0.3 * np.random.default_rng(0).standard_normal(clean.shape)
    (tmp_path / "noisy").mkdir()
    image = Image.fromarray((255 * pixels.clip(0, 1)).round().astype(np.uint8))
    image.save("noisy/7.png")
    return image


def last_line(capsys) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def test_denoises_a_file_as_the_network_does(noisy, capsys):
    main(["denoise", "noisy/7.png"])
    assert capsys.readouterr().out.split() == ["denoised/7.png"]
    x = torch.from_numpy(np.asarray(noisy) / np.float32(255))[None, None]
    expected = (255 * load_pretrained("skip")(x).clamp(0, 1)).round()
    found = np.asarray(Image.open("denoised/7.png"))
    assert found.dtype == np.uint8
    assert np.array_equal(found, expected[0, 0].numpy())


def test_colours_of_any_size_become_gray(noisy):
    stripes = np.random.default_rng(0).integers(0, 256, (30, 41, 3), dtype=np.uint8)
    colour = Image.fromarray(stripes)
    colour.save("colour.png")
    colour.convert("L").save("gray.png")
    main(["denoise", "colour.png", "gray.png", "--weights", "no-skip"])
    found = np.asarray(Image.open("denoised/colour.png"))
    assert found.shape == (30, 41)
    assert np.array_equal(found, np.asarray(Image.open("denoised/gray.png")))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("denoise nowhere.png", "nowhere.png is not there"),
        ("denoise noisy", r"noisy is a folder.*noisy/\*.png"),
        (
            "denoise noisy/7.png --out noisy",
            "noisy/7.png is there already.*--overwrite",
        ),
        ("denoise noisy/7.png ./noisy/7.png", "two of the pictures"),
        ("denoise noisy/7.png noisy/7.PNG", "two of the pictures"),  # on Windows one
        ("denoise noisy/*.jpg", r"noisy/\*.jpg is not there"),
        ("denoise text.png", "text.png is not a picture"),
        ("denoise noisy/7.png --out text.png", "File exists: could not save text.png"),
        ("denoise noisy/7.png --out /dev/null/x", "Not a directory: could not save"),
        (
            "denoise noisy/7.png --recipe article",
            'skip learned by the recipe "book", whose scale is 0.0039.*Leave',
        ),
        ("denoise noisy/7.png --weights old.pth", "In a shell: --recipe article"),
        ("denoise noisy/7.png --weights unknown", "unknown"),
        ("denoise noisy/7.png --device cuda:7", "cuda:7"),
        ("paint", "paint"),
    ],
)
def test_refuses_in_one_line_and_changes_nothing(words, message, noisy, capsys):
    Path("text.png").write_text("no picture")
    Path("noisy/7.PNG").write_bytes(Path("noisy/7.png").read_bytes())
    torch.save(Unet().state_dict(), "old.pth")
    before = Path("noisy/7.png").read_bytes()
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    assert re.search(f"^unetlib.*error: .*{message}", last_line(capsys))
    assert Path("noisy/7.png").read_bytes() == before


def test_version_and_names():
    command = [sys.executable, "-m", "unetlib", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"unetlib {unetlib.__version__}\n"
    for name in unetlib.__all__:
        assert not isinstance(getattr(unetlib, name), type(sys)), name


def test_names_with_stars_are_files_where_the_shell_leaves_them(noisy, capsys):
    noisy.save("noisy/8.png")
    noisy.save("noisy/[9].png")
    main(["denoise", "noisy/*.png"])
    assert len(capsys.readouterr().out.split()) == 3
    main(["denoise", "noisy/[9].png", "--out", "other"])
    assert [path.name for path in Path("other").iterdir()] == ["[9].png"]


TRAIN = [
    "train",
    "--width",
    "2",
    "--batch-size",
    "8",
    "--epochs",
    "1",
    "--validation",
    "4",
    "--folder",
]


@pytest.fixture
def data(tmp_path, mnist, monkeypatch) -> list[str]:
    """The option for some digits; the working folder is `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    np.save("x_train.npy", mnist[0].images[:20])
    return ["--data", "x_train.npy"]


def shell(data, stdout, folder: str = "f", **environment: str):
    command = [sys.executable, "-m", "unetlib", *TRAIN, folder, *data]
    environment = os.environ | environment
    errors = {"stderr": subprocess.PIPE, "env": environment}
    return subprocess.Popen(command, stdout=stdout, **errors)


def test_it_trains_where_only_ascii_can_be_printed(data):
    process = shell(data, subprocess.PIPE, "字", PYTHONIOENCODING="ascii")
    said, errors = process.communicate()
    assert process.returncode == 0, errors
    assert b"in \\u5b57: unet_model.pth" in said


def test_it_says_in_one_line_that_nobody_reads_it(data):
    process = shell(data, subprocess.PIPE)
    process.stdout.close()
    *_, last = process.stderr.read().decode().splitlines()
    assert last == "unetlib: error: nobody reads what it prints any more"
    process.stderr.close()
    assert process.wait() == 1


def test_want_of_memory_is_told_in_two_lines(data, capsys, monkeypatch):
    monkeypatch.setattr("unetlib.batcher.Batcher.draw", lambda _: torch.empty(2**60))
    with pytest.raises(SystemExit) as ended:
        main([*TRAIN, "f", *data])
    *_, error, advice = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert "allocate" in error
    assert advice.startswith("There is not enough memory. Try a smaller batch_size")


def test_other_errors_keep_their_traceback(data, monkeypatch):
    def fail(_: object) -> None:
        raise RuntimeError("a fault in the program")

    monkeypatch.setattr("unetlib.batcher.Batcher.draw", fail)
    with pytest.raises(RuntimeError, match="a fault in the program"):
        main([*TRAIN, "f", *data])


def test_an_empty_name_is_not_the_working_folder(data, capsys):
    for option in (["--data", ""], [*data, "--folder", ""]):
        with pytest.raises(SystemExit):
            main([*TRAIN, "f", *option])
        assert re.search("is empty; name|folder, got ''", last_line(capsys))


def test_a_picture_that_cannot_be_read_stops_none_of_the_others(noisy, capsys):
    Path("noisy/6.png").write_bytes(b"no picture")
    with pytest.raises(SystemExit) as ended:
        main(["denoise", "noisy/6.png", "noisy/7.png"])
    said = capsys.readouterr()
    assert ended.value.code == 2 and said.out.split() == ["denoised/7.png"]
    assert "noisy/6.png" in said.err and len(said.err.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_no_room_for_its_log_is_told_in_one_line(data):
    with Path("/dev/full").open("w") as full:
        process = shell(data, full)
        *_, last = process.communicate()[1].decode().splitlines()
    assert re.fullmatch("unetlib: error: no room for what it prints .*", last)
    assert process.returncode == 1
