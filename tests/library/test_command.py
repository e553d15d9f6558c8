"""The command `unetlib`: pictures in, denoised pictures out, and what it refuses."""

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
        ("denoise text.png", "text.png is not a picture"),
        ("denoise noisy/7.png --weights unknown", "unknown"),
        ("denoise noisy/7.png --device cuda:7", "cuda:7"),
        ("paint", "paint"),
    ],
)
def test_refuses_in_one_line_and_changes_nothing(words, message, noisy, capsys):
    Path("text.png").write_text("no picture")
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
