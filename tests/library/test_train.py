"""Training against the article's loop written out, and against being interrupted."""

import argparse
import csv
import re
import subprocess
import sys
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
import torch
from PIL import Image

from unetlib import train
from unetlib.batcher import Batcher
from unetlib.checks import UnetlibError, check_device
from unetlib.fit import fit
from unetlib.model import SkipUnet, Unet
from unetlib.networks import NETWORKS
from unetlib.recipe import ARTICLE, ARTICLE_NOISE, BOOK, Recipe
from unetlib.saving import saver
from unetlib.saving.checkpoint import CHECKPOINT, read_checkpoint
from unetlib.saving.history import History
from unetlib.speed.options import Speed
from unetlib.step import TrainStep

TINY = replace(ARTICLE, batch_size=32, draws_per_image=1, epochs=3)  # 2 steps an epoch


def seeded(network=Unet):
    torch.manual_seed(0)
    return network()


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_recipes_are_the_articles_and_differ_only_in_noise():
    assert asdict(ARTICLE) | {"name": "", "sigma": None} == {
        "name": "",
        "network": "Unet",
        "scale": 1 / 512,
        "sigma": None,
        "batch_size": 320,
        "draws_per_image": 20,
        "epochs": 30,
        "lr": 2e-5,
        "one_cycle": False,
        "loss_reduction": "sum",
        "loss_factor": 100.0,
        "save_every": 6,
        "sigma_distribution": "uniform",
        "sigma_weight": 0.0,
        "prediction": "clean",
        "loss_function": "squared",
        "clip_norm": None,
        "ema": None,
    }
    assert ARTICLE.steps_per_epoch(60_000) == 3750
    assert replace(ARTICLE_NOISE, name="article", sigma=None) == ARTICLE


def test_steps_equal_the_articles_loop_written_out(few_images):
    """Oracle: PyTorch's own Adam and loss, no line of unetlib.step."""
    ours, theirs = seeded(), seeded()
    step = TrainStep(ours, ARTICLE, steps=5)
    batcher = Batcher(few_images, 16, ARTICLE.scale)
    optimizer = torch.optim.Adam(theirs.parameters(), lr=2e-5)
    criterion = torch.nn.MSELoss(reduction="sum")
    for _ in range(5):
        noisy, clean = next(batcher)
        loss = step(noisy, clean)
        expected = criterion(theirs(clean), clean) * 100
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
        assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
        assert not loss.requires_grad
    assert torch.equal(weights(ours), weights(theirs))


def test_one_cycle_rises_and_falls_to_nothing(few_images):
    recipe = replace(BOOK, batch_size=8)
    step = TrainStep(SkipUnet(width=4), recipe, steps=20)
    batcher = Batcher(few_images, 8, recipe.scale, recipe.sigma)
    rates = []
    for _ in range(20):
        rates.append(step.optimizer.param_groups[0]["lr"])
        step(*next(batcher))
    top = int(np.argmax(rates))
    assert 0 < top < 10 and max(rates) == pytest.approx(BOOK.lr, rel=0.05)
    assert rates[-1] < BOOK.lr / 100


def test_book_recipe_learns_to_denoise(mnist):
    recipe = replace(BOOK, epochs=2, batch_size=64)
    history = fit(
        seeded(SkipUnet), mnist[0].images[:2000], recipe, held_out=mnist[1].images[:100]
    )
    # The noisy digits stand at about 8 dB.
    assert len(history.psnr_db) == 2 and history.psnr_db[-1] > 14
    assert history.loss[1] < history.loss[0]


def test_files_of_a_run(few_images, tmp_path, capsys):
    history = fit(seeded(), few_images, replace(TINY, epochs=8), folder=tmp_path)
    names = sorted(path.name for path in (tmp_path / "img").iterdir())
    assert names == [f"img_{epoch}.jpg" for epoch in range(8)]
    assert Image.open(tmp_path / "img" / "img_0.jpg").size == (224, 224)
    state = torch.load(tmp_path / "unet_model.pth", weights_only=True)
    Unet().load_state_dict(state)
    printed = capsys.readouterr().out
    assert "epoch 7" in printed and f"train loss {history.loss[7]:.5g}" in printed
    assert not list(tmp_path.glob("*.part"))


def test_saves_every_sixth_epoch_and_the_last(few_images, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(
        saver,
        "save_weights",
        lambda *_: saved.append(len(list((tmp_path / "img").iterdir()))),
    )
    fit(seeded(), few_images[:4], replace(TINY, epochs=14), folder=tmp_path)
    assert saved == [0, 6, 12, 13]  # after so many pictures


@pytest.mark.parametrize("recipe", [TINY, replace(BOOK, batch_size=32, epochs=3)])
def test_resumed_run_reaches_the_same_weights(few_images, tmp_path, recipe):
    network = NETWORKS[recipe.network]
    whole = seeded(network)
    expected = fit(whole, few_images, recipe)
    fit(seeded(network), few_images, recipe, folder=tmp_path, stop_after=1)
    resumed = network()
    history = fit(resumed, few_images, recipe, folder=tmp_path, resume=True)
    assert torch.equal(weights(resumed), weights(whole))
    assert history.loss == expected.loss


def test_one_seed_one_result(few_images):
    one, same, other = seeded(), seeded(), seeded()
    for model, seed in ((one, 1), (same, 1), (other, 2)):
        fit(model, few_images, TINY, seed=seed)
    assert torch.equal(weights(one), weights(same))
    assert not torch.equal(weights(one), weights(other))


def test_resume_without_a_folder(few_images):
    with pytest.raises(UnetlibError, match="needs the folder"):
        fit(seeded(), few_images, TINY, resume=True)


def test_cuda_where_there_is_none(few_images, no_gpu):
    with pytest.raises(UnetlibError, match="cuda"):
        fit(seeded(), few_images, TINY, device="cuda")


def test_command_line(tmp_path, mnist):
    data, folder = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    np.save(data / "x_train.npy", mnist[0].images[:16].astype(float))
    np.save(data / "y_train_label.npy", mnist[0].labels[:16])
    command = [sys.executable, "-m", "unetlib.train", "--recipe", "article"]
    command += ["--data", data, "--folder", folder, "--stop-after", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "epoch 0: train loss" in done.stdout
    about, _ = read_checkpoint(folder / CHECKPOINT)
    assert about["recipe"] == asdict(ARTICLE)
    assert len(about["history"].loss) == 1 and about["images"] == 16


def test_command_line_book_recipe_measures_held_out_digits(asked, mnist):
    train.main(["--recipe", "book", "--epochs", "4", "--device", "cpu"])
    assert isinstance(asked["model"], SkipUnet) and asked["device"] == torch.device(
        "cpu"
    )
    assert asked["recipe"] == replace(BOOK, epochs=4)
    assert np.array_equal(asked["images"], mnist[0].images[:55_000])
    assert np.array_equal(asked["held_out"], mnist[0].images[55_000:56_000])


@pytest.fixture
def asked(monkeypatch):
    """What the command asks of `fit`, which does not run."""
    seen = {}

    def no_fit(model, images, recipe, **options):
        seen.update(options, model=model, images=images, recipe=recipe)
        return History(loss=[1.0] * recipe.epochs)

    monkeypatch.setattr(train, "fit", no_fit)
    return seen


def test_command_line_sets_whatever_a_recipe_says(asked):
    """Each field of Recipe is an option: a value other than the default arrives."""
    varied = Recipe(
        "book",
        network="SkipUnet",
        scale=0.5,
        sigma=(0.1, 0.5),
        batch_size=7,
        draws_per_image=2,
        epochs=3,
        lr=0.5,
        one_cycle=False,
        loss_reduction="sum",
        loss_factor=2.0,
        save_every=9,
        sigma_distribution="log-uniform",
        sigma_weight=0.25,
        loss_function="absolute",
        prediction="residual",
        clip_norm=3.0,
        ema=0.75,
    )
    words = ["--no-one-cycle"]
    for name, value in asdict(varied).items():
        if name not in ("name", "one_cycle"):
            values = value if isinstance(value, tuple) else [value]
            words += [f"--{name.replace('_', '-')}", *map(str, values)]
    train.main(words)
    assert asked["recipe"] == varied
    unchanged = [k for k, v in asdict(varied).items() if v == getattr(BOOK, k)]
    assert unchanged == ["name", "network"]


def test_command_line_chooses_network_and_pictures(asked, mnist):
    train.main(["--width", "4", "--pictures", "300", "--validation", "1000"])
    assert asked["model"].down1[0].out_channels == 4
    learned = {image.tobytes() for image in mnist[0].images[:59_000]}
    assert len(asked["images"]) == 300
    assert {image.tobytes() for image in asked["images"]} <= learned
    assert np.array_equal(asked["held_out"], mnist[0].images[59_000:60_000])
    train.main(["--validation", "0"])
    assert len(asked["images"]) == 60_000 and asked["held_out"] is None


def test_command_line_explains_each_option(capsys):
    with pytest.raises(SystemExit):
        train.main(["--help"])
    said = capsys.readouterr().out
    for field in fields(Recipe)[1:]:
        assert f"--{field.name.replace('_', '-')} " in said
    assert set(train.OF_A_RECIPE) == {field.name for field in fields(Recipe)[1:]}
    examples = [
        line for line in said.splitlines() if line.startswith("  unetlib train")
    ]
    assert len(examples) >= 4
    for line in examples:
        words = re.split(r"\s{3,}", line.strip())[0].split()[2:]
        parser = argparse.ArgumentParser()
        train.add_options(parser)
        parser.parse_args(words)


def test_history_as_a_table(few_images, tmp_path):
    """Oracle: Python's own reader of CSV."""
    told = []
    history = fit(
        seeded(),
        few_images,
        TINY,
        folder=tmp_path,
        held_out=few_images[:4],
        on_epoch=lambda history: told.append(len(history.loss)),
    )
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2] and told == [1, 2, 3]
    assert [float(row["train_loss"]) for row in rows] == history.loss
    assert [float(row["psnr_db"]) for row in rows] == history.psnr_db
    assert History(loss=[1.5], seconds=[2.0]).table().splitlines()[1] == "0,1.5,,2.0"


def test_progress_bar_is_calm_in_a_log_file(tmp_path, few_images):
    np.save(tmp_path / "x_train.npy", few_images[:16])
    np.save(tmp_path / "y_train_label.npy", np.zeros(16))
    command = [sys.executable, "-m", "unetlib", "train", "--recipe", "article"]
    command += ["--data", tmp_path, "--folder", tmp_path / "run", "--epochs", "1"]
    command += ["--batch-size", "4"]  # so five steps for each picture
    # Bytes: in text, Python makes a "\n" of each "\r".
    printed = subprocess.run(command, capture_output=True, check=True).stdout
    assert 0 < printed.count(b"\r") < 10
    assert CHECKPOINT in printed.decode().splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--validation 60000", "keep back all of the 60000 pictures"),
        ("--pictures 60000", "more than the 55000"),
        ("--recipe article --width 8", "--width 8 is for SkipUnet"),
        ("--device mps", '"mps" is none that this library knows'),
        ("--device cuda", "cuda"),
        ("--device graphics", "graphics"),
        ("--data nowhere", "nowhere"),
        ("--resume", CHECKPOINT),
    ],
)
def test_command_line_says_what_is_wrong(
    options, message, no_gpu, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # runs/ would lie there
    with pytest.raises(SystemExit) as ended:
        train.main(options.split())
    assert ended.value.code == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert re.match(f"python -m unetlib.train: error: .*{message}", last)


@pytest.mark.parametrize(
    "option",
    ["--epochs 0", "--stop-after 0", "--seed -1", "--epochs two", "--lr -1"]
    + ["--batch-size 0", "--ema 2", f"--seed {10**20}"],
)
def test_command_line_refuses_numbers(option, monkeypatch, capsys):
    monkeypatch.setattr(train, "fit", lambda *_, **__: None)
    with pytest.raises(SystemExit) as ended:
        train.main(option.split())
    assert ended.value.code == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert re.search(f"error: .*{option.split()[1]}", last)


@pytest.mark.parametrize(
    ("name", "faulty"),
    [
        ("_pictures", lambda options: [options]),  # it is unpacked into two
        ("fit", lambda *_, **__: torch.optim.Adam([])),  # raised by torch's own code
    ],
)
def test_command_line_keeps_the_traceback_of_a_fault_in_the_program(
    name, faulty, monkeypatch
):
    monkeypatch.setattr(train, name, faulty)
    with pytest.raises(ValueError) as ended:
        train.main([])
    assert type(ended.value) is ValueError


def test_command_line_stopped_by_hand(monkeypatch, capsys):
    def stopped(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "fit", stopped)
    with pytest.raises(SystemExit) as ended:
        train.main([])
    assert ended.value.code == 130
    assert capsys.readouterr().err == "python -m unetlib.train: stopped\n"


def test_cuda_beyond_the_last(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert check_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(UnetlibError, match="cuda:2"):
        check_device("cuda:2")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((SkipUnet, BOOK, 1), r"model must be a network .* make one: SkipUnet\(\)"),
        ((SkipUnet(4), "book", 1), "recipe must be a Recipe, such as BOOK, got 'book'"),
        ((SkipUnet(4), Recipe, 1), "recipe must be a Recipe, such as BOOK, got <class"),
        ((SkipUnet(4), BOOK, 0), "steps must be a whole number from 1 .* got 0"),
    ],
)
def test_what_makes_no_step(arguments, message):
    with pytest.raises(UnetlibError, match=message):
        TrainStep(*arguments)


@pytest.mark.parametrize("speed", ["fast", Speed])
def test_what_is_no_speed(speed, few_images):
    with pytest.raises(UnetlibError, match="speed must be FAST, PLAIN or a Speed, got"):
        fit(SkipUnet(4), few_images, BOOK, speed=speed)
