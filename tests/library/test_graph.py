"""Steps taken many at a time equal single ones, recorded in a CUDA graph or not."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from speeds import EXACT
from torch import Tensor

from unetlib.batcher import Batcher
from unetlib.checks import UnetlibError
from unetlib.fit import fit
from unetlib.model import Unet
from unetlib.recipe import ARTICLE, ARTICLE_NOISE, BOOK
from unetlib.saving.checkpoint import load_checkpoint, save_checkpoint
from unetlib.saving.history import History, Progress
from unetlib.speed.cuda_graph import GraphedSteps
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import FAST, PLAIN
from unetlib.step import TrainStep

NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
RECIPES = pytest.mark.parametrize("recipe", [ARTICLE, ARTICLE_NOISE, BOOK])
STEPS = 13


def prepared(images, recipe, device="cpu", speed=EXACT) -> tuple[TrainStep, Batcher]:
    torch.manual_seed(0)
    step = FastStep(Unet().to(device), recipe, STEPS, speed)
    return step, Batcher(images, 16, recipe.scale, recipe.sigma, device)


def weights(step: TrainStep) -> Tensor:
    parameters = step.optimizer.param_groups[0]["params"]
    return torch.cat([p.detach().flatten() for p in parameters])


def losses(graphed: GraphedSteps) -> Tensor:
    """Of all steps: some by hand before, between and after those of two calls."""
    step, batcher = graphed.step, graphed.batcher
    found = [step(*next(batcher))[None], graphed(), step(*next(batcher))[None]]
    while sum(map(len, found)) + graphed.count <= STEPS:
        found.append(graphed())
    return torch.cat(found)


def check_against_single_steps(
    graphed: GraphedSteps, images, recipe, speed=EXACT
) -> None:
    device = graphed.step.device
    step, batcher = prepared(images, recipe, device, replace(speed, graph=False))
    found = losses(graphed)
    expected = torch.stack([step(*next(batcher)) for _ in range(len(found))])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=0)
    torch.testing.assert_close(weights(graphed.step), weights(step))
    assert torch.equal(
        graphed.batcher.generator.get_state(), batcher.generator.get_state()
    )
    ours, theirs = (s.optimizer.param_groups[0]["lr"] for s in (graphed.step, step))
    assert ours == theirs and type(ours) is float
    assert graphed.step.schedule.last_epoch == step.schedule.last_epoch == len(found)


class StandIn:
    """What a recorded graph does, done by Python."""

    def __init__(self, graphed: GraphedSteps) -> None:
        self.graphed = graphed

    def replay(self) -> None:
        for place in range(self.graphed.count):
            self.graphed._update(place)


@RECIPES
def test_steps_without_a_graph(few_images, recipe):
    graphed = GraphedSteps(*prepared(few_images, recipe), count=4)
    assert graphed.fallback_reason == "cpu has no CUDA graphs"
    check_against_single_steps(graphed, few_images, recipe)


@RECIPES
def test_replayed_steps_follow_the_schedule(few_images, recipe):
    graphed = GraphedSteps(*prepared(few_images, recipe), count=4)
    graphed.graph = StandIn(graphed)
    check_against_single_steps(graphed, few_images, recipe)


@NEEDS_GPU
@RECIPES
def test_steps_with_a_graph(few_images, recipe):
    graphed = GraphedSteps(*prepared(few_images, recipe, "cuda"), count=4)
    check_against_single_steps(graphed, few_images, recipe)
    assert graphed.graph is not None and not graphed.fallback_reason


@NEEDS_GPU
def test_each_replay_draws_further(few_images):
    graphed = GraphedSteps(*prepared(few_images, BOOK, "cuda"), count=2)
    graphed()
    seen = torch.cat([graphed(), graphed()])
    assert len(seen.unique()) == 4


def test_step_that_cannot_be_recorded_goes_on_one_by_one(few_images, monkeypatch):
    def refuse():
        raise RuntimeError("not permitted when stream is capturing\nand more")

    graphed = GraphedSteps(*prepared(few_images, BOOK), count=4)
    graphed.fallback_reason = ""  # as on a GPU
    monkeypatch.setattr(graphed, "_warm_up", graphed._one_by_one)
    monkeypatch.setattr(graphed, "_recorded", refuse)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    with pytest.warns(UserWarning, match="no CUDA graph: .* stream is capturing$"):
        check_against_single_steps(graphed, few_images, BOOK)
    assert graphed.graph is None and "cannot be recorded" in graphed.fallback_reason


@NEEDS_GPU
def test_capture_that_fails_leaves_generators_that_draw(few_images):
    class Curious(Unet):  # reads a number in mid-step, which no graph can hold
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if x.sum().item() else x

    torch.manual_seed(0)
    step = FastStep(Curious().to("cuda"), BOOK, STEPS, EXACT)
    _, batcher = prepared(few_images, BOOK, "cuda")
    graphed = GraphedSteps(step, batcher, count=4)
    with pytest.warns(UserWarning, match="cannot be recorded: .* is capturing"):
        check_against_single_steps(graphed, few_images, BOOK)
    assert graphed.graph is None
    assert len(torch.randn(9, device="cuda").unique()) == 9


@NEEDS_GPU
@pytest.mark.parametrize("speed", [EXACT, FAST])
def test_run_on_a_gpu_can_be_resumed(few_images, tmp_path, speed):
    recipe = replace(BOOK, batch_size=1, epochs=2)

    def trained(folder, **options) -> tuple[Tensor, History]:
        torch.manual_seed(0)
        model, options = Unet(), dict(options, device="cuda", speed=speed)
        history = fit(model, few_images, recipe, folder=tmp_path / folder, **options)
        return torch.cat([p.detach().flatten() for p in model.parameters()]), history

    whole, expected = trained("whole")
    trained("parts", stop_after=1)
    parts, found = trained("parts", resume=True)
    tolerance = 1e-4 if speed is EXACT else 1e-2
    torch.testing.assert_close(parts, whole, rtol=0, atol=tolerance)
    assert found.loss == pytest.approx(expected.loss, rel=tolerance)


def test_reasons_to_fall_back(few_images, monkeypatch):
    step, batcher = prepared(few_images, BOOK)
    monkeypatch.setattr(step, "device", torch.device("cuda"))
    monkeypatch.setattr(torch, "zeros", lambda *_, **__: Tensor())
    assert "Speed(graph=False)" in GraphedSteps(step, batcher).fallback_reason
    monkeypatch.setattr("unetlib.speed.cuda_graph.world_size", lambda: 2)
    assert "several processes" in GraphedSteps(step, batcher).fallback_reason


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NEEDS_GPU)])
def test_fit_takes_every_step_once(few_images, device, monkeypatch):
    taken, update = [], TrainStep.update

    def counted(*arguments):
        taken.append(1)
        return update(*arguments)

    monkeypatch.setattr(TrainStep, "update", counted)
    fit(Unet(), few_images[:44], replace(BOOK, batch_size=1, epochs=1), device=device)
    # On a GPU: 20 to warm up, 20 while they are recorded, a replay without Python, 4.
    assert len(taken) == 44


@pytest.mark.parametrize("count", [0, -3])
def test_count(few_images, count):
    with pytest.raises(UnetlibError, match=f"at least 1, got {count}"):
        GraphedSteps(*prepared(few_images, BOOK), count=count)


def test_resumed_step_keeps_its_own_speed(few_images, tmp_path):
    recipe = replace(BOOK, batch_size=16)
    fast, batcher = prepared(few_images, recipe)
    fast.optimizer.param_groups[0]["capturable"] = True  # as on a GPU
    fast(*next(batcher))
    plain, batcher = prepared(few_images, recipe, speed=PLAIN)
    save_checkpoint(tmp_path, fast, batcher, History(unfinished=Progress(steps=1)))
    load_checkpoint(tmp_path, plain, batcher)
    plain(*next(batcher))
    (group,) = plain.optimizer.param_groups
    assert not group["fused"] and not group["capturable"]
