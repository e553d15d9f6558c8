"""The troubleshooting pages: each message is brought about, and stands there so."""

import errno
import json
import os
import re
import signal
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import environment
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import situations
import torch
from building import ROOT
from languages import FALLBACK, LANGUAGES
from matplotlib import font_manager
from messages import REPRODUCED, about, blocks, entries, misquoted, page, said
from packaging.requirements import Requirement
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from situations import draw, import_without_packages, run_first_cell

from unetlib import load_pretrained, use_language
from unetlib.data import Digits, load_mnist
from unetlib.fit import fit
from unetlib.formats.idx import load_idx
from unetlib.formats.npy import load_npy
from unetlib.metrics import psnr
from unetlib.model import SkipUnet, Unet, conv
from unetlib.noise import add_gaussian_noise
from unetlib.pretrained import load_network
from unetlib.recipe import ARTICLE, BOOK
from unetlib.saving import saver
from unetlib.saving.checkpoint import CHECKPOINT, checksum
from unetlib.saving.files import save_weights
from unetlib.saving.folder import claimed
from unetlib.step import TrainStep

RECIPE = replace(BOOK, batch_size=8, epochs=2)  # 8 steps an epoch on 64 pictures


def error(call: Callable, *arguments, **options) -> str:
    """What a reader sees of the error that the call ends with."""
    with pytest.raises(Exception) as ended:
        call(*arguments, **options)
    return said(ended.value)


@pytest.fixture(params=LANGUAGES)
def language(request) -> str:
    return request.param


# ---------- the pages ----------


def test_each_entry_is_reproduced():
    assert set(entries("en")) == REPRODUCED


def code(entry: str, language: str) -> list[str]:
    """All that can be run, less what a reader fills in, which is in the language."""
    kinds = ("python", "ipython3", "bash", "powershell")
    found = [block for k in kinds for block in blocks(entries(language)[entry], k)]
    return [re.sub("<.*>", "<>", block) for block in found]


def test_all_pages_have_the_same_entries_and_the_same_code(language):
    assert list(entries(language)) == list(entries(FALLBACK))
    for entry in entries(FALLBACK):
        assert code(entry, language) == code(entry, FALLBACK), entry


def test_each_page_leads_to_every_entry(language):
    opening = page(language).partition("\n## ")[0]
    assert re.findall(r"\(#([\w-]+)\)", opening) == list(entries(language))


def test_the_first_cell_of_notebooks_leads_to_entries():
    said = [text for x in LANGUAGES.values() for text in x.install.values()]
    linked = set(re.findall(r"HELP#([\w-]+)", "\n".join(said)))
    assert linked == {"no-torch", "no-network", "stale-kernel"}
    assert linked < set(entries("en"))


@pytest.mark.parametrize(
    ("quotes", "seen"),
    [
        (["disk is full"], ["disk was full"]),
        (["could not save …: full"], ["could not save a.jpg; full"]),
        (["the loss became nan"], ["the loss became nan. Try less"]),
        (["the first"], ["the first", "the second"]),
        (["the first", "the second"], ["the first"]),
        (["a", "b"], ["b", "a"]),
    ],
)
def test_a_wrong_quote_is_seen(quotes, seen):
    assert misquoted(quotes, seen) != []


def test_a_right_quote_passes():
    quotes = ["epoch …:\n  … of … steps", "….ipynb died"]
    assert misquoted(quotes, ["epoch 1:   5 of 8\nsteps", "my.ipynb died"]) == []


# ---------- getting started ----------


@about("no-torch")
def test_torch_is_missing(language, tmp_path) -> list[str]:
    said = []
    for before in (situations.hide("torch"), situations.OLD_PYTHON):
        printed = run_first_cell(language, tmp_path, before=before)
        said.append(printed.splitlines()[-1])
    return [*said, import_without_packages("torch")]


@about("no-network")
def test_unetlib_cannot_be_fetched(language, tmp_path) -> list[str]:
    printed = run_first_cell(language, tmp_path, needed="absent-package>=1")
    reason = "connection broken"
    assert reason in printed and f"`{reason}`" in entries(language)["no-network"]
    lines = [line.strip() for line in printed.splitlines()]
    start = next(i for i, s in enumerate(lines) if s.startswith("ERROR: Could not f"))
    by_pip = "\n".join(lines[start : start + 2])
    of_the_repository = situations.missing_cell(language)
    bare = situations.without_packages(of_the_repository)
    return [lines[-1], by_pip, bare, import_without_packages("unetlib")]


def test_the_packages_to_have_without_a_network(language):
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = tomllib.loads(text)["project"]["dependencies"]
    listed = re.search(
        r"[（(]((?:[\w-]+(?:、|, )){3,}[\w-]+)[）)]", entries(language)["no-network"]
    )
    names = re.split("、|, ", listed[1])
    assert ["torch", *names] == [Requirement(line).name for line in needed]


@about("stale-kernel")
def test_another_unetlib_was_imported(language, tmp_path) -> list[str]:
    situations.write_wheel(tmp_path)
    installed, wheels = tmp_path / "installed", str(tmp_path)
    printed = run_first_cell(language, installed, "import unetlib", wheels)
    # As the page says: after a restart the first cell does nothing.
    assert run_first_cell(language, installed, wheels=wheels) == ""
    return [printed.splitlines()[-1]]


@about("windows")
def test_make_is_missing_and_paths_are_long() -> list[str | None]:
    make = situations.shell_without_make()
    if sys.platform == "win32":
        assert f"`{make.splitlines()[0].rstrip(',')}`" in entries("en")["windows"]
        make = None
    return [make, None]  # what pip says of long paths, it says on Windows alone


def test_the_lines_without_make_are_the_makefiles(language):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    code = "".join(
        blocks(entries(language)[e], "bash")[0] for e in ("windows", "sliders")
    )
    lines = [line for line in code.splitlines() if "environment.py" in line]
    assert len(lines) == 3
    for line in lines:
        command = line.replace("python book/tools/environment.py", "$(RUN)")
        assert f"\t{command}\n" in makefile


# ---------- the machine ----------


@about("no-gpu")
def test_there_is_no_gpu(few_images, monkeypatch) -> list[str]:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    seen = [error(fit, Unet(), few_images, RECIPE, device="cuda")]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for device in ("cuda:1", "gpu"):
        seen.append(error(fit, Unet(), few_images, RECIPE, device=device))
    return seen


@about("out-of-memory")
def test_memory_runs_out(few_images, monkeypatch, lab, browser) -> list[str]:
    with monkeypatch.context() as patch:
        patch.setattr("unetlib.batcher.Batcher.draw", lambda _: torch.empty(2**60))
        seen = [error(fit, SkipUnet(), few_images, RECIPE)]

    def learn(*_) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(TrainStep, "update", learn)
    seen.append(error(fit, SkipUnet(), few_images, RECIPE))
    with situations.notebook(lab, browser, "import os\nos._exit(1)") as opened:
        return [*seen, opened.locator(".jp-Dialog-body").inner_text()]


@about("slow")
def test_progress_shows_how_long_it_takes(mnist, monkeypatch, capsys) -> list[str]:
    learn = TrainStep.update

    def stopped(step, *batch) -> torch.Tensor:
        signal.raise_signal(signal.SIGINT)
        return learn(step, *batch)

    monkeypatch.setattr(TrainStep, "update", stopped)
    with pytest.raises(KeyboardInterrupt):
        fit(Unet(), mnist[0].images, ARTICLE)
    bars = re.split(r"[\r\n]", capsys.readouterr().out)
    return [[bar for bar in bars if " 1/" in bar][-1]]


@pytest.fixture
def spinning(monkeypatch) -> pytest.MonkeyPatch:
    """GOMP_SPINCOUNT is not set, and will be afterwards as it was before."""
    monkeypatch.setenv("GOMP_SPINCOUNT", "")
    monkeypatch.delenv("GOMP_SPINCOUNT")
    return monkeypatch


@about("busy")
def test_threads_wait_only_briefly(language, spinning) -> list[str]:
    cell = situations.first_cell(language, "https://book.example/dist")
    set_there = re.search(r"(?m)^os\.environ.*$", cell)
    assert "torch" not in re.sub("#.*", "", cell[: set_there.start()])
    advice = blocks(entries(language)["busy"], "python")[0]
    for code in (f"import os\n{set_there[0]}", advice):
        spinning.delenv("GOMP_SPINCOUNT", raising=False)
        exec(code, {})
        assert os.environ["GOMP_SPINCOUNT"] == "1000"
    return []


@pytest.mark.parametrize(("own", "seen"), [(None, "1000"), ("7", "7")])
def test_the_command_line_sets_it(own, seen, spinning, capfd):
    if own:
        spinning.setenv("GOMP_SPINCOUNT", own)
    spinning.setattr(environment, "ensure", lambda: None)
    spinning.setattr(environment, "python", lambda _: sys.executable)
    show = "import os; print(os.environ['GOMP_SPINCOUNT'])"
    spinning.setattr(sys, "argv", ["environment.py", "-c", show])
    with pytest.raises(SystemExit, match="^0$"):
        environment.main()
    assert capfd.readouterr().out == f"{seen}\n"


# ---------- pictures and data ----------


@about("shapes")
def test_shapes_and_types(mnist) -> list[str]:
    denoiser, images = load_pretrained("skip"), mnist[1].images[:8]
    pictures = torch.tensor(images).unsqueeze(1)
    generator = torch.Generator().manual_seed(0)
    return [
        error(denoiser, torch.rand(28, 28)),
        error(denoiser.network, torch.rand(1, 1, 30, 30)),
        error(add_gaussian_noise, pictures, 0.5, generator),
        error(conv(1, 32), pictures),
        error(fit, Unet(), images / 255, RECIPE),
    ]


@about("scale")
def test_a_wrong_scale_shows_in_the_clean_picture(clean, capsys) -> list[str]:
    denoiser = load_pretrained("skip")
    assert "scale it first: noisy / 255" in error(denoiser, clean * 255)

    def quality(scale: float) -> float:
        generator = torch.Generator().manual_seed(0)
        noise = 0.5 * torch.randn(clean.shape, generator=generator)
        return psnr(denoiser.network(clean * scale + noise), clean).mean()

    look = blocks(entries("en")["scale"], "python")[0]
    exec(look, {"clean": clean})
    assert f"`{capsys.readouterr().out.strip()}`" in entries("en")["scale"]
    seen = []
    for scale in (255, 255 / 512):
        assert quality(scale) < quality(1) - 3  # nothing complains, but: "several dB"
        exec(look, {"clean": clean * scale})
        seen.append(capsys.readouterr().out)
    return seen


@about("data")
def test_damaged_and_foreign_files(mnist, tmp_path, monkeypatch) -> list[str]:
    shipped = tmp_path / "mnist.npz"
    shipped.write_bytes(b"half")
    monkeypatch.setattr("unetlib.data.SHIPPED", shipped)
    seen = [error(load_mnist), error(load_idx, tmp_path)]
    web_page = b"<!DOCTYPE html><title>Sign in to this network</title>"
    header = np.array([0x0803, 60_000, 28, 28], ">i4").tobytes()
    (tmp_path / "train-labels-idx1-ubyte").touch()
    for content in (web_page, header + b"the rest is missing"):
        (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
        seen.append(error(load_idx, tmp_path))
    np.save(tmp_path / "y_train_label.npy", mnist[0].labels[:64])
    (tmp_path / "x_train.npy").write_bytes(web_page)
    seen.append(error(load_npy, tmp_path))
    np.save(tmp_path / "x_train.npy", mnist[0].images[:64] / 255)
    seen.append(error(load_npy, tmp_path))
    return seen


@about("weights")
def test_weights_cannot_be_loaded(few_images, tmp_path, monkeypatch) -> list[str]:
    path, network = tmp_path / "unet_model.pth", SkipUnet()

    def loading(content: object) -> str:
        torch.save(content, path)
        return error(lambda: network.load_state_dict(torch.load(path)))

    with monkeypatch.context() as patch:
        patch.setattr("torch.serialization.location_tag", lambda _: "cuda:0")
        seen = [loading(network.state_dict())]
    seen.append(loading(torch.compile(network).state_dict()))
    seen.append(loading({"epoch": 3, "model_state_dict": network.state_dict()}))
    torch.save(Unet().state_dict(), path)
    seen.append(error(load_pretrained, path))
    seen += [loading(network), error(load_network, path)]
    page = b"<!DOCTYPE html><title>Sign in to this network</title>"
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 123\n"
    for content in (page, pointer, path.read_bytes()[:999]):
        path.write_bytes(content)
        seen.append(error(load_network, path))
    seen.append(error(load_network, tmp_path))
    torch.save(conv(1, 1).state_dict(), path)
    seen.append(error(load_network, path))
    return [*seen, error(fit, load_pretrained("skip").network, few_images, RECIPE)]


# ---------- training ----------


@about("diverged")
def test_training_diverges(few_images) -> list[str]:
    torch.manual_seed(0)
    network, wild = Unet(), replace(RECIPE, lr=1e6, one_cycle=False, epochs=20)
    high = replace(ARTICLE, lr=0.1, epochs=2)
    return [
        error(fit, SkipUnet(), few_images, wild),
        error(fit, network, few_images[:16], high),
    ]


def resume(folder: Path, images: np.ndarray, recipe=RECIPE, network=SkipUnet) -> str:
    return error(fit, network(), images, recipe, folder=folder, resume=True)


@about("checkpoints")
def test_training_cannot_be_resumed(few_images, tmp_path) -> list[str]:
    seen = [resume(tmp_path, few_images)]
    checkpoint = tmp_path / CHECKPOINT
    checkpoint.write_bytes(b"half")
    seen.append(resume(tmp_path, few_images))
    save_weights(checkpoint, SkipUnet())
    seen.append(resume(tmp_path, few_images))
    checkpoint.unlink()
    fit(SkipUnet(), few_images, RECIPE, folder=tmp_path, stop_after=1)
    seen.append(resume(tmp_path, few_images, replace(RECIPE, lr=1e-3, epochs=4)))
    seen.append(resume(tmp_path, few_images, network=Unet))
    seen.append(resume(tmp_path, few_images[:32]))
    seen.append(resume(tmp_path, 255 - few_images))
    held = tmp_path / "held"
    options = {"folder": held, "held_out": few_images[:8]}
    fit(SkipUnet(), few_images, RECIPE, stop_after=1, **options)
    seen.append(resume(held, few_images))
    tensors = load_file(checkpoint)
    with safe_open(checkpoint, framework="pt") as file:
        about_it = json.loads(file.metadata()["unetlib"])

    def rewrite(**changed) -> None:
        text = json.dumps(about_it | changed)
        metadata = {"unetlib": text, "sha256": checksum(text, tensors)}
        save_file(tensors, checkpoint, metadata=metadata)

    rewrite(version=99)
    seen.append(resume(tmp_path, few_images))
    tensors["generator"] = torch.zeros(16, dtype=torch.uint8)  # as a GPU's
    rewrite()
    with pytest.warns(UserWarning) as warned:
        fit(SkipUnet(), few_images, RECIPE, folder=tmp_path, resume=True)
    return [*seen, said(warned[0].message)]


@about("taken")
def test_the_folder_holds_a_run(few_images, tmp_path) -> list[str]:
    folder = tmp_path / "runs"
    fit(SkipUnet(), few_images, RECIPE, folder=folder, stop_after=1)
    seen = [error(fit, SkipUnet(), few_images, RECIPE, folder=folder)]
    with claimed(folder, resume=True, overwrite=False):
        seen.append(error(fit, SkipUnet(), few_images, RECIPE, folder=folder))
    return seen


@about("disk-full")
def test_the_disk_is_full(few_images, tmp_path, monkeypatch) -> list[str]:
    folder, move = tmp_path / "runs", Path.replace

    def full(part: Path, path: Path) -> None:
        if path.is_relative_to(folder):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        move(part, path)

    monkeypatch.setattr(Path, "replace", full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "file").touch()
    seen = [
        error(fit, SkipUnet(), few_images, RECIPE, folder=folder),
        error(fit, SkipUnet(), few_images, RECIPE, folder=tmp_path / "file"),
    ]
    monkeypatch.setattr(saver, "rehearse", lambda *_: None)  # it has become full later
    with pytest.warns(UserWarning) as warned:
        at_the_end = error(fit, SkipUnet(), few_images, RECIPE, folder=folder)
    return [*seen, said(warned[0].message), at_the_end]


# ---------- figures and sliders ----------


@pytest.fixture
def own_settings() -> Iterator[None]:
    """matplotlib's settings and fonts, as they were before the test."""
    fonts = list(font_manager.fontManager.ttflist)
    with matplotlib.rc_context():
        yield
    font_manager.fontManager.ttflist[:] = fonts


@about("fonts")
def test_a_font_lacks_characters(own_settings, tmp_path) -> list[str]:
    choose, add = blocks(entries("en")["fonts"], "python")
    plt.rcdefaults()
    without = draw("去噪")
    exec(choose, {})
    assert draw("去噪") == []
    plt.rcdefaults()
    assert draw("去噪") == without
    use_language("zh")
    lacking = draw("希望")
    font = tmp_path / "reader.ttf"
    situations.write_font(font, "希望")
    exec(add.replace("C:/Windows/Fonts/msyh.ttc", font.as_posix()), {})
    assert draw("去噪：希望 σ") == []
    return [without[0], lacking[0]]


@pytest.fixture(scope="module")
def outlived_slider(lab, browser) -> str:
    return situations.outlive_the_kernel(lab, browser)


@about("sliders")
def test_sliders_and_the_live_denoiser(
    language, outlived_slider, browser, site, served
) -> list[str]:
    seen = [outlived_slider]
    welcome = f"{language}/00_welcome.html"
    for address in ((site / welcome).as_uri(), f"{served}/{welcome}"):
        opened = browser.new_page()
        if address.startswith("http"):
            opened.add_init_script("delete globalThis.WebAssembly")
        opened.goto(f"{address}#explore")
        message = opened.locator('.live-denoiser[data-state="failed"] .live-message')
        message.wait_for()
        seen.append(message.inner_text())
        opened.close()
    return seen


# ---------- what to do ----------


@pytest.fixture
def desk(mnist, few_images, clean, tmp_path, monkeypatch) -> dict:
    """The names that a reader has, everything small; files go to `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    fit(SkipUnet(), few_images, RECIPE, folder=tmp_path)
    np.save("x_train.npy", few_images / np.float32(512))
    Path("pictures").mkdir()
    for number, image in enumerate(few_images):
        Image.fromarray(image).convert("RGB").save(f"pictures/{number:02d}.png")
    labels = mnist[0].labels[: len(few_images)]
    return {
        "torch": torch,
        "np": np,
        "fit": fit,
        "SkipUnet": SkipUnet,
        "train": Digits(few_images, labels),
        "test": mnist[1],
        "images": few_images,
        "recipe": RECIPE,
        "model": SkipUnet(),
        "denoiser": load_pretrained("skip"),
        "clean": clean,
        "noisy": clean,
        "folder": tmp_path,
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_pictures_below_zero_become_bytes(language, dtype, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    signed = np.array([[[-1, -0.5], [0, 1]]]) if dtype == np.float32 else 0
    signed = np.array([[[-128, -64], [0, 127]]]) if dtype == np.int8 else signed
    np.save("x_train.npy", signed.astype(dtype))
    exec(blocks(entries(language)["data"], "python")[0], {"np": np})
    saved = np.load(Path("mnist-bytes") / "x_train.npy")
    assert saved.tolist() == [[[0, 64], [128, 255]]]


@pytest.mark.parametrize("entry", [e for e in entries("en") if e != "fonts"])
def test_what_to_do_runs(entry, desk):
    for block in blocks(entries("en")[entry], "python"):
        exec(block, desk)
    saved = Path("mnist-bytes") / "x_train.npy"
    made = {
        "out-of-memory": lambda: desk["smaller"].batch_size == 64,
        "shapes": lambda: (
            desk["denoised"].shape == (1, 1, 30, 30)
            and np.array_equal(desk["images"], desk["train"].images)
        ),
        "data": lambda: np.array_equal(np.load(saved), desk["images"]),
        "disk-full": lambda: Path("unet_model.pth").exists(),
        "weights": lambda: (
            load_network("weights.pth")
            and SkipUnet().load_state_dict(desk["weights"])
            and desk["denoiser"].white == 255 / 512
            and len(desk["history"].loss) == RECIPE.epochs
        ),
        "diverged": lambda: len(desk["history"].loss) == RECIPE.epochs,
    }
    assert made.get(entry, lambda: True)()
