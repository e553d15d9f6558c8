"""Checkpoints that are not what they should be: a clear error, and nothing changed."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from speeds import EXACT

from unetlib.batcher import Batcher
from unetlib.checks import UnetlibError
from unetlib.fit import fit
from unetlib.model import SkipUnet, Unet
from unetlib.recipe import BOOK
from unetlib.saving.checkpoint import (
    CHECKPOINT,
    checksum,
    load_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from unetlib.saving.history import History, Progress
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import FAST, PLAIN
from unetlib.step import TrainStep

RECIPE = replace(BOOK, batch_size=8, epochs=2)  # 8 steps an epoch on 64 pictures


class Run:
    """A run about to resume."""

    def __init__(self, images, recipe=RECIPE, speed=FAST, network=SkipUnet, **options):
        torch.manual_seed(1)
        self.model = network(**options)
        self.step = FastStep(self.model, recipe, 16, speed)
        self.batcher = Batcher(images, 8, recipe.scale, recipe.sigma)

    def state(self) -> tuple[bytes, dict]:
        adam = self.step.optimizer.state_dict()["state"]
        tensors = [*self.model.state_dict().values()]
        tensors += [x for memory in adam.values() for x in memory.values()]
        tensors += [self.batcher.generator.get_state(), torch.get_rng_state()]
        about = {"steps": self.step.schedule.last_epoch}
        about["lr"] = self.step.optimizer.param_groups[0]["lr"]
        return b"".join(tensor.numpy().tobytes() for tensor in tensors), about

    def load(self, folder: Path) -> History:
        return load_checkpoint(folder, self.step, self.batcher)


def assert_refused(run: Run, folder: Path, message: str) -> None:
    """Loading fails with this message and leaves everything as it was."""
    before = run.state()
    with pytest.raises(UnetlibError, match=message):
        run.load(folder)
    assert run.state() == before


@pytest.fixture(scope="module")
def good(tmp_path_factory, mnist) -> Path:
    """The folder of a run after the first of two epochs."""
    folder = tmp_path_factory.mktemp("good")
    torch.manual_seed(0)
    images = mnist[0].images[:64]
    fit(SkipUnet(), images, RECIPE, folder=folder, stop_after=1)
    return folder


def changed(good: Path, folder: Path, about=lambda a: a, tensors=lambda t: t) -> None:
    """Write the good checkpoint, changed by `about` and `tensors`, into `folder`."""
    raw = (good / CHECKPOINT).read_bytes()
    length = int.from_bytes(raw[:8], "little")
    text = json.loads(raw[8 : 8 + length])["__metadata__"]["unetlib"]
    _, found = read_checkpoint(good / CHECKPOINT)
    text, found = json.dumps(about(json.loads(text))), tensors(found)
    metadata = {"unetlib": text, "sha256": checksum(text, found)}
    save_file(found, folder / CHECKPOINT, metadata=metadata)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw[:-1],
        lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]),
        lambda raw: b"",
        lambda raw: b"\xff" * 8 + raw[8:],
        lambda raw: b"GIF89a" * 1000,
        lambda raw: pickle.dumps(raw),
        lambda raw: None,
    ],
    ids=[
        "half",
        "a byte short",
        "a bit",
        "empty",
        "endless header",
        "foreign",
        "a pickle",
        "missing",
    ],
)
def test_damaged(good, few_images, tmp_path, spoil):
    content = spoil((good / CHECKPOINT).read_bytes())
    if content is not None:
        (tmp_path / CHECKPOINT).write_bytes(content)
    assert_refused(Run(few_images), tmp_path, CHECKPOINT)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (lambda a: a | {"version": 2}, "version 2"),
        (lambda a: a | {"version": "x"}, CHECKPOINT),
        (lambda a: [a], CHECKPOINT),
        (lambda a: {**a, "history": {}}, "loss"),
        (lambda a: {**a, "lr": None}, CHECKPOINT),
        (lambda a: {**a, "recipe": "book"}, "lr"),
        (lambda a: {**a, "images": 60_000}, "60000 .* 64 "),
        (lambda a: a["history"].update(loss=[1.0] * 9) or a, "epoch 9"),
        (lambda a: a["history"]["unfinished"].update(steps=8) or a, "step 8"),
    ],
)  # fmt: skip
def test_what_it_says_of_itself(good, few_images, tmp_path, about, message):
    changed(good, tmp_path, about=about)
    assert_refused(Run(few_images), tmp_path, message)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (lambda t: {k: v for k, v in t.items() if k != "adam.3.step"}, "3.step"),
        (lambda t: t | {"adam.99.step": torch.zeros(())}, "99.step"),
        (lambda t: t | {"adam.x": torch.zeros(())}, "adam.x"),
        (lambda t: t | {"model.end.bias": torch.zeros(2)}, r"\(2,\)"),
        (lambda t: t | {"model.end.bias": t["model.end.bias"].half()}, "float16"),
        (lambda t: t | {"generator": torch.zeros(3)}, "generator"),
        (lambda t: {k: v for k, v in t.items() if k != "generator"}, "generator"),
        (lambda t: t | {"generator": t["generator"] * 0 + 255}, CHECKPOINT),
    ],
)  # fmt: skip
def test_tensors_of_another_kind(good, few_images, tmp_path, tensors, message):
    changed(good, tmp_path, tensors=tensors)
    assert_refused(Run(few_images), tmp_path, message)


@pytest.mark.parametrize(
    ("network", "options"), [(Unet, {}), (SkipUnet, {"width": 12})]
)
def test_another_network(good, few_images, network, options):
    run = Run(few_images, network=network, **options)
    assert_refused(run, good, "model")


def test_another_recipe(good, few_images):
    other = replace(RECIPE, lr=1e-3, sigma=(0.0, 0.5))
    run = Run(few_images, other)
    assert_refused(run, good, "lr, sigma")


def test_what_changes_no_weight_does_not_stop_it(good, few_images):
    Run(few_images, replace(RECIPE, name="renamed", save_every=5)).load(good)


def test_a_run_goes_on_in_the_rounding_in_which_it_began(good, few_images, tmp_path):
    here = Run(few_images).step.bfloat16
    changed(good, tmp_path, about=lambda about: about | {"bfloat16": not here})
    run = Run(few_images)
    with pytest.warns(UserWarning, match=rf"although .*: Speed\(bfloat16={here}\)"):
        run.load(tmp_path)
    assert run.step.bfloat16 != here
    told = Run(few_images, speed=replace(FAST, bfloat16=here))
    with pytest.warns(UserWarning, match=rf"differ .*: Speed\(bfloat16={not here}\)"):
        told.load(tmp_path)
    assert told.step.bfloat16 == here


def test_a_plain_step_goes_on_in_float32(good, few_images, tmp_path):
    changed(good, tmp_path, about=lambda about: about | {"bfloat16": True})
    run = Run(few_images)
    run.step = TrainStep(run.model, RECIPE, 16)
    with pytest.warns(UserWarning, match="from here on computes in float32"):
        run.load(tmp_path)


def test_a_single_sigma_is_the_range_that_it_was(good, few_images, tmp_path):
    """Until version 0.3 a recipe kept it as it was given."""
    recipe = replace(RECIPE, sigma=0.5)
    changed(good, tmp_path, about=lambda a: a["recipe"].update(sigma=0.5) or a)
    Run(few_images, recipe).load(tmp_path)


def test_state_of_another_kind_of_device(good, few_images, tmp_path):
    """A GPU's generator has 16 bytes. Training goes on, with batches of its own."""
    changed(
        good,
        tmp_path,
        tensors=lambda t: t | {"generator": torch.arange(16, dtype=torch.uint8)},
    )
    runs = [Run(few_images), Run(few_images)]
    for run in runs:
        with pytest.warns(UserWarning, match="another kind of device"):
            run.load(tmp_path)
    batches = [next(run.batcher)[0] for run in runs]
    assert torch.equal(*batches)
    assert not torch.equal(batches[0], next(Run(few_images).batcher)[0])


@pytest.mark.parametrize("speeds", [(EXACT, PLAIN), (PLAIN, EXACT)])
def test_the_order_in_memory_is_the_steps_own(good, few_images, tmp_path, speeds):
    """Fused Adam goes through its tensors as they lie; a wrong order scrambles them."""
    saved, loaded = (Run(few_images, speed=speed) for speed in speeds)
    saved.step(*next(saved.batcher))
    history = History(unfinished=Progress(steps=saved.step.schedule.last_epoch))
    save_checkpoint(tmp_path, saved.step, saved.batcher, history)
    loaded.load(tmp_path)
    for run in (saved, loaded):
        for _ in range(3):
            run.step(*next(run.batcher))
    for ours, theirs in zip(
        loaded.model.parameters(), saved.model.parameters(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (None, slice(4), "on no held-out pictures and here are some"),
        (slice(4), None, "on held-out pictures and here are none"),
        (slice(4), slice(2, 6), "on held-out pictures and here are others"),
        (slice(4), slice(4), None),
        (None, None, None),
    ],
)
def test_one_history_measures_on_one_set(before, now, message, mnist, tmp_path):
    """Else its lists would be of two lengths, or of numbers that are no curve."""
    images, test = mnist[0].images[:64], mnist[1].images
    held_out = [None if part is None else test[part] for part in (before, now)]
    fit(
        SkipUnet(2), images, RECIPE, folder=tmp_path, held_out=held_out[0], stop_after=1
    )
    options = {"folder": tmp_path, "resume": True, "held_out": held_out[1]}
    if message:
        with pytest.raises(UnetlibError, match=message):
            fit(SkipUnet(2), images, RECIPE, **options)
        return
    history = fit(SkipUnet(2), images, RECIPE, **options)
    assert len(history.psnr_db) == (0 if now is None else len(history.loss))
    # Of a finished run there is nothing more to measure.
    again = fit(SkipUnet(2), images, RECIPE, folder=tmp_path, resume=True)
    assert again == history


@pytest.mark.parametrize("random", [{}, {"python": 3, "numpy": []}, None, "x"])
def test_a_state_of_no_generator_is_refused(random, good, tmp_path, mnist):
    changed(good, tmp_path, about=lambda about: about | {"random": random})
    run = Run(mnist[0].images[:64])
    assert_refused(run, tmp_path, "cannot resume from")


def test_what_is_no_path_is_refused():
    with pytest.raises(UnetlibError, match="got None"):
        read_checkpoint(None)
