"""The experiments count, race and refuse as they say."""

import sys
from dataclasses import fields
from itertools import islice

import pytest
import torch
from chapters import ROOT
from torch.utils.flop_counter import FlopCounterMode

from unetlib.model import Unet
from unetlib.recipe import ARTICLE
from unetlib.speed.options import PLAIN, Composed, Speed
from unetlib.step import TrainStep

sys.path.append(str(ROOT / "book" / "experiments"))

import contestants  # noqa: E402
import curves  # noqa: E402
import race  # noqa: E402
import roofline  # noqa: E402
import throughput  # noqa: E402


@pytest.mark.parametrize("composed", [False, True])
def test_counted_operations_are_those_that_pytorch_counts(composed):
    model = Unet()
    forward = Composed(model) if composed else model
    with FlopCounterMode(display=False) as counter:
        forward(torch.zeros(2, 1, 28, 28)).sum().backward()
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
    chosen = list(islice(contestants.draws(3), 3 + 3 + 3000))
    assert chosen[:6] == [0, 1, 2, 0, 1, 2]
    assert len(set(chosen[6:])) > 2900 and max(chosen) > 59_000


def test_expected_losses_are_those_of_the_plain_step():
    clean = torch.from_numpy(contestants.scaled(contestants.digits()[:40]))
    step = TrainStep(contestants.seeded(), ARTICLE, 10, PLAIN)
    found = [step(clean, clean).item() for _ in range(2)]
    assert found == pytest.approx(contestants.expected_losses(40), rel=1e-6)


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
    climbed = {*contestants.SWITCHES, "graph", "compile"}
    assert climbed == {field.name for field in fields(Speed)}
    assert throughput.precision("+ fused", "cpu") == "float32"
    assert throughput.precision("+ bfloat16", "cpu") == "bfloat16"


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
    points = curves.curve(
        lambda: done.append(1), lambda: float(len(done)), target=19, every=10
    )
    assert [(steps, db) for steps, _, db in points] == [(10, 10.0), (20, 20.0)]
