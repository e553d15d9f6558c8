"""Experiments are found, cited and written as a whole; they count and race."""

import json
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import numpy as np
import prose
import pytest
import torch
from chapters import CHAPTERS, ROOT
from torch.utils.flop_counter import FlopCounterMode

from unetlib.model import Unet, count_parameters
from unetlib.recipe import ARTICLE, BOOK
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import PLAIN, Speed
from unetlib.speed.upsampling import composed as composing

sys.path.append(str(ROOT / "book" / "experiments"))

import ablations  # noqa: E402
import busy  # noqa: E402
import limit  # noqa: E402
import path_to_record  # noqa: E402
import psnr_curves  # noqa: E402
import race  # noqa: E402
import roofline  # noqa: E402
import run  # noqa: E402
import throughput  # noqa: E402
import training_loops  # noqa: E402
from experiment import RESULTS, Experiment  # noqa: E402
from psnr_curves import Training  # noqa: E402
from records.blind import half_size  # noqa: E402

EXPERIMENTS = run.find_experiments()
COMMITTED = {path.stem for path in RESULTS.glob("*.json")}
ADDED = '''
from typing import Literal
from experiment import Experiment

@Experiment
def added(
    device: Literal["cpu", "cuda"] = "cpu",
    part: float = 0.5,
    names: tuple[str, ...] = (),
) -> dict:
    """What is added.

    More words.
    """
    return {"part": part, "names": names}
'''


def parse(command: str) -> tuple[Experiment, dict]:
    """What the harness reads in a command line; SystemExit where it cannot."""
    *program, name = shlex.split(command)[:3]
    if program != run.COMMAND:
        raise SystemExit(f"{program} is not {run.COMMAND}")
    options = run.make_parser(EXPERIMENTS).parse_args(shlex.split(command)[2:])
    return EXPERIMENTS[name], vars(options)


def content(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def fill_all(folder: Path, monkeypatch) -> None:
    """Take the numbers of all chapters from the results in that folder."""
    monkeypatch.setattr(prose, "RESULTS", folder)
    for chapter in CHAPTERS:
        text = chapter.read_text(encoding="utf-8").replace("{{lang}}", "en")
        prose.fill(text, chapter.stem, "en")


def test_the_chapters_need_all_that_they_cite_and_nothing_else(tmp_path, monkeypatch):
    for name in {reference.partition("/")[0] for reference in run.references()}:
        shutil.copy(RESULTS / f"{name}.json", tmp_path)
    fill_all(tmp_path, monkeypatch)
    for path in sorted(tmp_path.iterdir()):
        path.rename(tmp_path / "away")
        with pytest.raises((ValueError, OSError), match=path.stem):
            fill_all(tmp_path, monkeypatch)
        (tmp_path / "away").rename(path)


def test_a_cited_result_that_nothing_makes_is_refused():
    others = {name: one for name, one in EXPERIMENTS.items() if name != "skips"}
    with pytest.raises(ValueError, match="no experiment is called skips"):
        run.cited(others)


def test_every_experiment_has_a_result_and_every_result_an_origin():
    commands = [shlex.join([*run.COMMAND, name]) for name in EXPERIMENTS]
    made = {one.result(options) for one, options in map(parse, commands)}
    assert made | run.ELSEWHERE.keys() == COMMITTED


@pytest.mark.parametrize("name", sorted(COMMITTED - run.ELSEWHERE.keys()))
def test_the_recorded_command_works_today(name):
    experiment, options = parse(content(RESULTS / f"{name}.json")["command"])
    assert experiment.result(options) == name


@pytest.mark.parametrize(
    "command",
    [
        "python book/experiments/skips.py --epochs 1",
        "python book/experiments/run.py no-such-experiment",
        "python book/experiments/run.py skips --seconds 3",
        "python book/experiments/run.py skips --epochs many",
        "python book/experiments/run.py roofline --device tpu",
    ],
)
def test_a_command_that_does_not_work_is_seen(command):
    with pytest.raises(SystemExit):
        parse(command)


def test_what_cannot_be_measured_here_is_named_with_the_reason(monkeypatch, capsys):
    started = []

    def start(command: list[str]) -> subprocess.CompletedProcess:
        started.append(command[2])
        return subprocess.CompletedProcess(command, returncode=command[2] == "skips")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(run, "version_of", lambda package: "not installed")
    monkeypatch.setattr(subprocess, "run", start)
    with pytest.raises(SystemExit, match="above: skips$"):
        run.run_cited(EXPERIMENTS)
    said = capsys.readouterr().out
    assert "gpu_steps: not measured, it needs a GPU" in said
    assert "throughput_cpu: not measured, it needs pytorch-lightning, deepinv" in said
    assert "gpu_notebooks: not measured, it was noted by hand" in said
    named = {line.split(":")[0] for line in said.splitlines() if "measured," in line}
    done = {name for one in started for name in EXPERIMENTS[one].results()} & COMMITTED
    assert named | done == run.cited(EXPERIMENTS).keys() and not named & done
    assert (
        started.index("article_steps")
        < started.index("path_steps")
        < started.index("path")
    )


def test_an_experiment_is_one_function_in_any_file(tmp_path, monkeypatch, capsys):
    (tmp_path / "file_of_an_added_one.py").write_text(ADDED, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(run, "FOLDER", tmp_path)
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    run.main(["added", "--print", "--part", "2"])
    assert json.loads(capsys.readouterr().out)["part"] == 2
    assert not list(tmp_path.glob("*.json"))
    run.main(["added", "--part", "0.25", "--names", "a b", "c"])
    found = content(tmp_path / "added_cpu.json")
    circumstances = ["date", "hardware", "python", "torch"]
    assert [*found] == ["what", "command", *circumstances, "part", "names"]
    assert found["what"] == "What is added"
    assert found["command"].endswith("/run.py added --part 0.25 --names 'a b' c")
    assert (found["part"], found["names"]) == (0.25, ["a b", "c"])


def test_a_result_without_a_cited_value_replaces_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    whole = content(RESULTS / "loss_scale.json")
    run.write("loss_scale", whole)
    assert content(tmp_path / "loss_scale.json") == whole
    with pytest.raises(SystemExit, match="{{loss_scale/percent/.*}}"):
        run.write("loss_scale", whole | {"percent": {"mean": 1.5}})
    assert content(tmp_path / "loss_scale.json") == whole
    assert '"mean": 1.5' in capsys.readouterr().out  # what was measured is not lost


@pytest.mark.parametrize("composed", [False, True])
def test_counted_operations_are_those_that_pytorch_counts(composed):
    model = Unet()
    way = composing(model) if composed else nullcontext()
    with way, FlopCounterMode(display=False) as counter:
        model(torch.zeros(2, 1, 28, 28)).sum().backward()
    counted = sum(work.operations for work in roofline.count(2, composed))
    assert counted == counter.get_total_flops()


def test_composing_saves_the_upsampled_pictures():
    plain, composed = (
        sum(work.numbers for work in roofline.count(1, composed))
        for composed in (False, True)
    )
    small, large = 128 * 7**2 + 64 * 14**2, 128 * 14**2 + 64 * 28**2
    # Not written and read as upsampling, both ways, and small as the input that the
    # convolution reads twice and whose gradient it writes.
    assert plain - composed == 2 * (small + large) + 3 * (large - small)


def test_limit_is_the_later_of_products_and_bytes():
    works = [roofline.Work("a", 10, 100), roofline.Work("update", 0, 100)]
    limits = {"operations_per_second": {"bfloat16": 2e3}, "bytes_per_second": 1e5}
    rows = roofline.at_least(works, "bfloat16", limits)
    measured = {"milliseconds_per_step": {"median": 18.0}}
    found = roofline.comparison(rows, measured)
    assert found["least_ms"] == pytest.approx(5 + 4)  # the update stays in float32
    assert found["percent_of_limit"] == pytest.approx(50)


def test_every_loop_begins_with_the_same_batch_twice_then_draws():
    chosen = list(islice(training_loops.draws(3), 3 + 3 + 3000))
    assert chosen[:6] == [0, 1, 2, 0, 1, 2]
    assert len(set(chosen[6:])) > 2900 and max(chosen) > 59_000


def test_expected_losses_are_those_of_the_plain_step():
    clean = torch.from_numpy(training_loops.scaled(training_loops.digits()[:40]))
    step = FastStep(training_loops.seeded(), ARTICLE, 10, PLAIN)
    found = [step(clean, clean).item() for _ in range(2)]
    assert found == pytest.approx(training_loops.expected_losses(40), rel=1e-6)


def test_a_contestant_that_computes_something_else_is_refused():
    expected = (1000.0, 990.0)
    throughput.check_losses("fastai", [1000.001, 990.0], expected, "cpu")
    throughput.check_losses("fastai bfloat16", [1003.0, 992.5], expected, "cpu")
    for name, losses in (
        ("fastai", [1003.0, 993.0]),  # too far for float32
        ("fastai", [1000.0, 995.0]),  # half the update
        ("fastai bfloat16", [1000.0, 1000.0]),  # no update
        ("jax", [float("nan"), float("nan")]),
    ):
        with pytest.raises(ValueError, match=name):
            throughput.check_losses(name, losses, expected, "cpu")


def test_the_ladder_climbs_every_switch():
    climbed = {*training_loops.SWITCHES, "graph", "threads", "compile"}
    assert climbed == {field.name for field in fields(Speed)}
    assert throughput.precision("+ fused", "cpu") == "float32"
    assert throughput.precision("+ bfloat16", "cpu") == "bfloat16"


def test_a_factor_before_the_loss_hardly_moves_the_weights(mnist, monkeypatch):
    fast = "unetlib.speed.fast_step.bfloat16_is_faster"
    monkeypatch.setattr(fast, lambda device: False)  # 8 bits would be what moves them
    images = mnist[0].images[:320]
    start, plain = ablations.weights_after(1, images, 0, *ablations.SCALINGS["sum"])
    scaled = ablations.SCALINGS["sum_times_100"]
    _, other = ablations.weights_after(1, images, 0, *scaled)
    moved = (plain - start).norm()
    assert len(plain) == count_parameters(Unet()) and moved > 0
    assert (other - plain).norm() < 0.01 * moved


def counting(track: race.Track, turns: race.Turns) -> None:
    for step in range(1000):
        turns(step + track.batch_size)


def missing(track: race.Track, turns: race.Turns) -> None:
    import no_such_framework  # noqa: F401


def failing(track: race.Track, turns: race.Turns) -> None:
    turns(0.0)
    raise ArithmeticError("too hard")


def test_race_takes_turns_and_says_who_cannot_run():
    seen = {}
    torch.ones(2**28)  # 1 GiB here, which is not in the memory of those who race
    result = race.race(
        {"counting": counting, "missing": missing, "failing": failing},
        race.Track(batch_size=100),
        rounds=2,
        steps=3,
        check=lambda name, losses: seen.update({name: losses}),
    )
    assert seen == {"counting": [100.0, 101.0]}
    assert [turn.loss for turn in result["counting"]] == [107.0, 110.0]  # 3 warm it up
    assert all(50 < turn.peak_mib < 900 for turn in result["counting"])
    assert result["missing"] == "not installed: no_such_framework"
    assert result["failing"] == "failed: ArithmeticError: too hard"


def test_curve_stops_at_the_target_and_looks_only_so_often():
    done = []
    points = psnr_curves.curve(
        lambda: done.append(1), lambda: float(len(done)), target=19, every=10
    )
    assert [(steps, db) for steps, _, db in points] == [(10, 10.0), (20, 20.0)]


def test_pictures_at_half_size_keep_their_ink_and_noise():
    clean, sigma = torch.rand(50, 1, 28, 28), torch.full((50, 1, 1, 1), 0.5)
    noisy = clean + sigma * torch.randn_like(clean)
    learned, small, _ = psnr_curves.at_half_size(noisy, clean, sigma)
    torch.testing.assert_close(4 * small.sum(dim=(2, 3)), clean.sum(dim=(2, 3)))
    assert learned.shape == (50, 1, 16, 16)
    assert (learned - small).std().item() == pytest.approx(0.5, rel=0.03)


def test_no_digit_both_chooses_and_decides(mnist):
    learn, choosing = psnr_curves.split_digits("choosing")
    _, deciding = psnr_curves.split_digits("deciding")
    assert (len(learn), len(choosing), len(deciding)) == (55_000, 2_500, 2_500)
    both = sorted(image.tobytes() for half in (choosing, deciding) for image in half)
    assert both == sorted(image.tobytes() for image in mnist[0].images[55_000:])


@pytest.fixture
def seen(monkeypatch):
    """(lr, seed, digits, steps) of every training, none of which takes place.

    19 dB take 0.4 / lr steps, and rates from 0.01 on collapse.
    """
    trainings = []

    def curve(self, seed, half, *, target=1e9, every, limit):
        lr = self.recipe.lr
        trainings.append((lr, seed, half, limit))
        gains = 0.0 if lr >= 0.01 else 19.0 * lr / 0.4
        points = [(n, n / 10, n * gains) for n in range(every, limit + 1, every)]
        there = [point for point in points if point[2] >= target]
        return points[: points.index(there[0]) + 1] if there else points

    monkeypatch.setattr(Training, "curve", curve)
    return trainings


def test_the_learning_rate_is_chosen_by_digits_and_seeds_that_decide_nothing(seen):
    training = Training(replace(ARTICLE, lr=1e-3))
    with ThreadPoolExecutor(1) as pool:
        found = path_to_record.counted(pool, training, 19.0, 200)
        with pytest.raises(RuntimeError, match="no learning rate of .*0.02.* 19.0 dB"):
            tenfold = replace(ARTICLE, lr=0.02)
            path_to_record.counted(pool, Training(tenfold), 19.0, 200)
    assert (found["lr"], found["steps"]) == (8e-3, 60)
    assert found["of_each_seed"] == [60] * 5
    assert {(s, half) for _, s, half, _ in seen if half == "choosing"} == {
        (seed, "choosing") for seed in path_to_record.CHOOSING_SEEDS
    }
    deciding = [(lr, s) for lr, s, half, _ in seen if half == "deciding"]
    assert deciding == [(found["lr"], s) for s in path_to_record.DECIDING_SEEDS]
    assert not {*path_to_record.CHOOSING_SEEDS} & {*path_to_record.DECIDING_SEEDS}


@pytest.mark.parametrize("first", [60, 139, 646])
def test_of_schedules_the_shortest_counts_wherever_one_begins_to_look(seen, first):
    lengths = path_to_record.LENGTHS
    needed = path_to_record.steps_needed(
        Training(BOOK), 3e-3, 0, "deciding", 19.0, first
    )
    assert needed == min(n for n in lengths if n >= 0.4 / 3e-3)
    never = path_to_record.steps_needed(Training(BOOK), 0.01, 0, "deciding", 19.0, 139)
    assert never == path_to_record.NEVER > lengths[-1]


def test_a_change_is_of_the_training_or_of_its_recipe():
    before = Training(ARTICLE)
    after = path_to_record.changed(before, {"beta2": 0.9, "lr": 0.5})
    assert (after.beta2, after.recipe.lr) == (0.9, 0.5)
    assert (before.beta2, before.recipe.lr) == (0.999, ARTICLE.lr)


def test_the_path_ends_at_the_records_network():
    end = path_to_record.END
    assert type(end.build()) is half_size.HalfSize
    assert (end.recipe.batch_size, end.recipe.lr) == (half_size.BATCH, half_size.LR)
    assert (end.recipe.one_cycle, end.recipe.loss_reduction) == (True, "mean")
    assert (end.recipe.scale, end.beta2) == (1 / 255, 0.99)


def test_a_batch_grows_from_a_half_to_one_and_a_half(few_images):
    training = Training(replace(BOOK, batch_size=8), grows=True)
    _, batches = training.begin(few_images, seed=0, steps=4)
    sizes = [len(noisy) for noisy, _, _ in islice(batches, 4)]
    assert sizes == [4, 6, 8, 10]


def test_seconds_are_steps_times_those_of_a_step(monkeypatch, tmp_path):
    changes = (*path_to_record.CHANGES, *path_to_record.OTHERS)
    steps = {name: {"of_each_seed": [300, 100, 200]} for name in changes}
    for name, found in {"article_steps": {"steps": 5000}, "path_steps": steps}.items():
        text = json.dumps(found | {"target_psnr_db": 19.0})
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")

    def milliseconds(loops, *_):
        of_each = {name: 0.8 if name == "article" else 0.01 for name in loops}
        return {
            name: [race.Turn(seconds, 1.0, 100.0, 0.0)] * 3
            for name, seconds in of_each.items()
        }

    monkeypatch.setattr("experiment.RESULTS", tmp_path)
    monkeypatch.setattr(path_to_record, "race", milliseconds)
    found = EXPERIMENTS["path"].measure()
    assert found["ways"]["article"]["seconds"] == 4000
    way = found["ways"]["skips"]
    ends = (way["fewest_seconds"], way["seconds"], way["most_seconds"])
    assert ends == pytest.approx((1, 2, 3))
    assert (found["times"]["step"], found["times"]["lr"]) == pytest.approx((80, 25))
    assert found["times_faster"]["book"] == pytest.approx(2000)
    (tmp_path / "article_steps.json").write_text('{"target_psnr_db": 18, "steps": 1}')
    with pytest.raises(ValueError, match="18 and 19.0 dB"):
        EXPERIMENTS["path"].measure()


def test_the_best_framework_is_as_its_documentation_would_have_it():
    assert {*throughput.TUNED} < {*throughput.CONTESTANTS}
    assert not any("settings" in name for name in throughput.FRAMEWORKS)
    found = [throughput.precision(name, "cpu") for name in throughput.TUNED]
    assert found == ["float32", "bfloat16"]


def test_the_law_finds_the_floor_that_made_its_numbers():
    size = np.repeat([0.6, 2.4, 9.4, 36.0], 4)
    epochs = np.tile([1.0, 2.0, 4.0, 8.0], 4)
    floor = np.array([0.001, 0.02])
    by_size = np.array([0.0002, 0.004]) / size[:, None] ** 0.7
    by_time = np.array([0.0003, 0.003]) / epochs[:, None] ** 1.2
    law = limit.Law.fitted(size, epochs, floor + by_size + by_time)
    assert law.floor == pytest.approx(floor, rel=1e-3)
    assert (law.a, law.b) == pytest.approx((0.7, 1.2), rel=1e-2)
    assert law(size, epochs) == pytest.approx(floor + by_size + by_time, rel=1e-4)


def test_busy_programs_end_with_the_measurement(monkeypatch):
    started, real = [], subprocess.Popen

    def told(command):
        started.append(real(command))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", told)
    with pytest.raises(ZeroDivisionError), busy.programs(2):
        assert [one.poll() for one in started] == [None, None]
        raise ZeroDivisionError
    assert all(one.poll() for one in started)
