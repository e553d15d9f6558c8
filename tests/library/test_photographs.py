"""Photographs: any size, colours kept, cut into patches, denoised and compared.

The oracle is what was written into the files, and the network by itself.
"""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from unetlib import metrics
from unetlib.__main__ import main
from unetlib.checks import UnetlibError
from unetlib.display.plots import draw_digits, show_signed
from unetlib.formats.image_files import read_picture
from unetlib.formats.patches import cut_patches, load_photographs
from unetlib.model import SkipUnet
from unetlib.pretrained import load_network, load_pretrained

RNG = np.random.default_rng(0)
SIZES = [(50, 64), (44, 41), (60, 45)]
PHOTOGRAPHS = [RNG.integers(0, 256, (3, *size), np.uint8) for size in SIZES]


def save(path: str, picture: np.ndarray) -> None:
    """(H, W) or (3, H, W) uint8."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    rows = picture if picture.ndim == 2 else picture.transpose(1, 2, 0)
    Image.fromarray(np.ascontiguousarray(rows)).save(path)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """photos/0.png to 2.png, of three sizes; the working folder is `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    for index, photograph in enumerate(PHOTOGRAPHS):
        save(f"photos/{index}.png", photograph)


def refused(words: str, capsys) -> str:
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


# ---------- files and patches ----------


def test_colours_are_kept_when_asked(photos):
    for colour, expected in ((True, PHOTOGRAPHS), (False, map(gray, PHOTOGRAPHS))):
        for found, wanted in zip(
            load_photographs("photos", colour), expected, strict=True
        ):
            assert found.dtype == np.uint8 and np.array_equal(found, wanted)
    (one,) = load_photographs("photos/1.png", colour=True)
    assert np.array_equal(one, PHOTOGRAPHS[1])


def gray(photograph: np.ndarray) -> np.ndarray:
    return np.array(Image.fromarray(photograph.transpose(1, 2, 0)).convert("L"))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_gray_file_has_three_equal_colours(dtype, tmp_path):
    levels = np.arange(96, dtype=dtype).reshape(8, 12)
    whole = levels * 257 if dtype == np.uint16 else levels
    Image.fromarray(whole).save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png", colour=True)
    assert np.array_equal(found, np.stack([levels] * 3))


@pytest.mark.parametrize("colour", [True, False])
def test_patches_are_pieces_from_everywhere(colour):
    photographs = PHOTOGRAPHS if colour else [x[0] for x in PHOTOGRAPHS]
    patches = cut_patches(photographs, 40, 500)
    shape = (500, 3, 40, 40) if colour else (500, 40, 40)
    assert patches.shape == shape and patches.dtype == np.uint8
    places = {  # of the first pixels, which are enough to tell where a patch is from
        x[..., i : i + 40, j : j + 40].tobytes(): index
        for index, x in enumerate(photographs)
        for i in range(x.shape[-2] - 39)
        for j in range(x.shape[-1] - 39)
    }
    found = [places[patch.tobytes()] for patch in patches]  # KeyError: no piece
    share = np.bincount(found, minlength=3) / 500
    expected = np.array([11 * 25, 5 * 2, 21 * 6])
    assert share == pytest.approx(expected / expected.sum(), abs=0.07)
    assert len({patch.tobytes() for patch in patches}) > 250
    assert np.array_equal(patches, cut_patches(photographs, 40, 500))
    assert not np.array_equal(patches, cut_patches(photographs, 40, 500, seed=1))


def test_photographs_as_large_as_a_patch():
    whole = PHOTOGRAPHS[0][:, :40, :40]
    assert np.array_equal(cut_patches([whole], 40, 1)[0], whole)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cut_patches([], 40, 1), "got none"),
        (lambda: cut_patches(PHOTOGRAPHS, 42, 1), r"photographs\[1\] has 44×41 .*42×4"),
        (lambda: cut_patches(PHOTOGRAPHS, 0, 1), "side"),
        (lambda: cut_patches(PHOTOGRAPHS, 40, 0), "count"),
        (lambda: load_photographs("photos", least=42), r"1\.png has 44×41 pixels"),
        (lambda: load_photographs("nowhere"), "no file or folder nowhere"),
        (lambda: load_photographs(""), "is empty"),
        (lambda: load_photographs("none"), "none holds no pictures"),
    ],
)
def test_what_cannot_be_cut_is_named(call, message, photos):
    Path("none").mkdir()
    with pytest.raises(UnetlibError, match=message):
        call()


def test_colours_are_drawn_as_colours(clean):
    red = torch.zeros(2, 3, 8, 8)
    red[:, 0] = 1.2  # noise goes beyond white
    figure = draw_digits({"noisy": red})
    drawn = figure.axes[0].images[0].get_array()
    assert drawn.shape == (8, 8, 3) and tuple(drawn[0, 0]) == (1, 0, 0)
    with pytest.raises(UnetlibError, match=r"\(B, 1, H, W\)"):
        show_signed({"error": red})
    plt.close("all")


# ---------- the commands ----------

TRAIN = "train --data photos --width 2 --batch-size 8 --epochs 1 --pictures 16"


@pytest.mark.parametrize("colour", [True, False])
def test_photographs_train_and_what_they_trained_denoises(colour, photos, capsys):
    flag = " --colour" if colour else ""
    main(f"{TRAIN} --patch 40 --folder run{flag}".split())
    assert "held-out PSNR" in capsys.readouterr().out
    network = load_network("run/unet_model.pth")
    assert network.channels == (3 if colour else 1)
    main(f"denoise photos/1.png --weights run/unet_model.pth{flag}".split())
    x = PHOTOGRAPHS[1] if colour else gray(PHOTOGRAPHS[1])
    noisy = torch.from_numpy(x).reshape(1, -1, 44, 41) / 255
    with torch.no_grad():
        expected = load_pretrained("run/unet_model.pth")(noisy).clamp(0, 1)
    found = read_picture("denoised/1.png", colour=colour)
    expected = (255 * expected).round().reshape(x.shape).numpy()
    assert np.abs(found - expected).max() <= 1  # rounding


def test_the_weights_it_names_know_what_the_network_gives(photos, capsys):
    main(f"{TRAIN} --patch 40 --folder run --prediction residual".split())
    weights = re.search(r"--weights (\S+) uses", capsys.readouterr().out)[1]
    assert load_pretrained(weights).residual
    main(["denoise", "photos/1.png", "--weights", weights])
    noisy = torch.from_numpy(gray(PHOTOGRAPHS[1]))[None, None] / 255
    network = load_network(weights).eval()
    padded = torch.nn.functional.pad(noisy, (0, 3, 0, 0), mode="replicate")
    with torch.no_grad():
        expected = (noisy - network(padded)[..., :41]).clamp(0, 1)
    found = torch.from_numpy(read_picture("denoised/1.png")) / 255
    assert torch.allclose(found, expected[0, 0], atol=1 / 254)


def test_what_is_measured_is_from_files_kept_back(photos, monkeypatch):
    seen = {}

    def fit(model, images, recipe, *, held_out, **options):
        seen.update(images=images, held_out=held_out)
        raise UnetlibError("seen")

    monkeypatch.setattr("unetlib.train.fit", fit)
    for index, level in enumerate((10, 20, 30)):
        save(f"photos/{index}.png", np.full((44, 44), level, np.uint8))
    for option, kept in (("", {30}), (" --validation 2", {20, 30})):
        with pytest.raises(SystemExit):
            main(f"{TRAIN} --patch 40{option} --folder run".split())
        assert set(np.unique(seen["held_out"])) == kept
        assert set(np.unique(seen["images"])) == {10, 20, 30} - kept
        assert seen["images"].shape == (16, 40, 40)
    with pytest.raises(SystemExit):
        main(f"{TRAIN} --patch 40 --validation 0 --folder run".split())
    assert seen["held_out"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--colour", "--colour is for .*--patch 40"),
        ("--patch 38", "--patch 38 is no multiple of 4.*take 36"),
        ("--patch 30 --network MixerUnet", "--patch 30 is no multiple of 28.*take 28"),
        ("--patch 3", "--patch 3 is no multiple of 4.*take 4"),
        ("--patch 52", r"0\.png has 50×64 pixels.*at least 52×52"),
        ("--patch 40 --validation 3", "--validation 3 would keep back all of the 3"),
        ("--patch 40 --data nowhere", "no file or folder nowhere"),
        ("--patch 0", "must be at least 1"),
    ],
)
def test_training_refuses_in_one_line(options, message, photos, capsys):
    words = f"{TRAIN} --folder run {options}"
    if "Mixer" in options:
        words = words.replace("--width 2", "")
    assert re.search(message, refused(words, capsys))
    assert not Path("run").exists()


def test_patches_need_pictures_of_ones_own(photos, capsys):
    words = TRAIN.replace("--data photos", "--patch 40")
    assert "--data FOLDER" in refused(words, capsys)


@pytest.fixture
def pairs(photos):
    """noisy/ and clean/ with 0.png and 1.png; clean/ lacks 2.png."""
    for index, photograph in enumerate(PHOTOGRAPHS):
        noise = RNG.normal(0, 40, photograph.shape)
        noisy = (photograph + noise).clip(0, 255).round().astype(np.uint8)
        save(f"noisy/{index}.png", noisy)
        if index < 2:
            save(f"clean/{index}.png", photograph)


@pytest.mark.parametrize("colour", [True, False])
def test_a_gray_network_denoises_each_colour_and_is_compared(colour, pairs, capsys):
    flag = " --colour" if colour else ""
    main(f"denoise noisy/0.png noisy/2.png --clean clean{flag}".split())
    said = capsys.readouterr().out.splitlines()
    noisy, found, clean = (
        torch.from_numpy(read_picture(f"{folder}/0.png", colour=colour)) / 255
        for folder in ("noisy", "denoised", "clean")
    )
    denoiser = load_pretrained("skip")
    channels = noisy.reshape(-1, 50, 64)
    expected = torch.stack([denoiser(x[None, None])[0, 0] for x in channels])
    assert (found.reshape(-1, 50, 64) - expected.clamp(0, 1)).abs().max() < 1 / 254
    before, after = (
        metrics.psnr(x.reshape(1, -1, 50, 64), clean.reshape(1, -1, 50, 64)).item()
        for x in (noisy, found)
    )
    assert said == [
        f"denoised/0.png: noisy {before:.2f} dB, denoised {after:.2f} dB",
        "denoised/2.png",
    ]


@pytest.mark.parametrize("colour", [True, False])
def test_one_command_learns_and_denoises(colour, pairs, capsys):
    words = TRAIN + " --patch 40 --folder run --denoise noisy/*.png --clean clean"
    words += " --colour" if colour else ""
    main(words.split())
    *_, first, second, third = capsys.readouterr().out.splitlines()
    assert re.match("run/denoised/0.png: noisy .* dB, denoised .* dB", first)
    assert second.startswith("run/denoised/1.png: ") and third == "run/denoised/2.png"
    again = "denoise noisy/*.png --weights run/checkpoint.safetensors --out again"
    main((again + " --colour" * colour).split())
    for index in range(3):
        name = f"{index}.png"
        found = Path("run/denoised", name).read_bytes()
        assert found == Path("again", name).read_bytes()
        folders = ("noisy", "run/denoised", "clean")[: 3 if index < 2 else 2]
        beside = [read_picture(Path(x, name), colour=colour) for x in folders]
        preview = read_picture(f"run/denoised/{index}-preview.png", colour=colour)
        assert np.array_equal(preview, np.concatenate(beside, axis=-1))
    main((words + " --overwrite").split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--denoise nowhere.png", "nowhere.png is not there"),
        ("--denoise noisy/*.png --clean photos/..", "holds no picture with the name"),
        ("--clean clean", "--clean clean is to compare with.*--denoise PICTURE"),
    ],
)
def test_what_cannot_be_denoised_is_told_before_it_learns(
    options, message, pairs, capsys
):
    said = refused(f"{TRAIN} --patch 40 --folder run {options}", capsys)
    assert re.search(message, said) and not Path("run").exists()


def test_a_preview_replaces_nothing_unasked(pairs, capsys):
    save("denoised/0-preview.png", PHOTOGRAPHS[0])
    said = refused("denoise noisy/0.png --preview", capsys)
    assert "denoised/0-preview.png is there already" in said
    save("noisy/0-preview.png", PHOTOGRAPHS[0])
    words = "denoise noisy/0.png noisy/0-preview.png --preview --overwrite"
    assert "two of the pictures would become" in refused(words, capsys)
    assert [path.name for path in Path("denoised").iterdir()] == ["0-preview.png"]


def test_a_pair_of_two_sizes_stops_none_of_the_others(pairs, capsys):
    save("clean/0.png", PHOTOGRAPHS[1])
    with pytest.raises(SystemExit):
        main(["denoise", "noisy/0.png", "noisy/1.png", "--clean", "clean"])
    said = capsys.readouterr()
    assert re.search("noisy/0.png has 50×64 .*clean/0.png 44×41", said.err)
    assert said.out.startswith("denoised/1.png: noisy") and said.out.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--clean nowhere", "--clean nowhere holds no picture.*0.png"),
        ("--weights colour.pth", "3 channels; add --colour"),
        ("--weights five.pth --colour", "5 channels, and files have 1 or 3"),
    ],
)
def test_denoising_refuses_in_one_line(options, message, pairs, capsys):
    torch.save(SkipUnet(2, channels=3).state_dict(), "colour.pth")
    torch.save(SkipUnet(2, channels=5).state_dict(), "five.pth")
    assert re.search(message, refused(f"denoise noisy/0.png {options}", capsys))
    assert not Path("denoised").exists()
