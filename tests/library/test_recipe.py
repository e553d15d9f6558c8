"""What a recipe can vary, against PyTorch's own operations."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from unetlib.batcher import Batcher
from unetlib.checks import UnetlibError
from unetlib.fit import fit, validate
from unetlib.model import SkipUnet
from unetlib.noise import sample_sigma
from unetlib.recipe import BOOK, LOSSES, Recipe
from unetlib.saving.checkpoint import CHECKPOINT, checksum, read_checkpoint
from unetlib.step import TrainStep

RECIPE = replace(BOOK, batch_size=8, epochs=2)  # 8 steps an epoch on 64 pictures
VARIED = replace(
    RECIPE,
    sigma=(0.01, 1.0),
    sigma_distribution="log-normal",
    sigma_weight=1.0,
    loss_function="charbonnier",
    prediction="residual",
    clip_norm=0.1,
    ema=0.9,
)


def seeded(width: int = 2) -> SkipUnet:
    torch.manual_seed(0)
    return SkipUnet(width)


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("squared", lambda error: error**2),
        ("absolute", abs),
        ("charbonnier", lambda error: (error**2 + 1e-6) ** 0.5),
    ],
)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_losses_are_their_formulas(name, expected, reduction, power):
    output, clean = torch.rand(2, 3, 1, 4, 4, dtype=torch.float64)
    sigma = torch.tensor([0.0, 0.1, 0.5], dtype=torch.float64).reshape(3, 1, 1, 1)
    recipe = replace(
        BOOK,
        loss_function=name,
        loss_reduction=reduction,
        loss_factor=3.0,
        sigma_weight=power,
    )
    weight = torch.tensor([0.01, 0.1, 0.5]).reshape(3, 1, 1, 1) ** -power
    errors = weight * expected(output - clean)
    reduced = errors.sum() if reduction == "sum" else errors.mean()
    found = recipe.loss(output, clean, sigma)
    torch.testing.assert_close(found, 3 * reduced.double(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_has_a_slope_where_the_error_is_zero(name):
    output = torch.zeros(1, 1, 2, 2, requires_grad=True)
    replace(BOOK, loss_function=name).loss(output, torch.zeros(1, 1, 2, 2)).backward()
    assert output.grad.isfinite().all()


def test_distributions_of_sigma():
    generator = torch.Generator().manual_seed(0)
    low, high, n = 0.01, 1.0, 20_000
    draws = {
        name: sample_sigma(n, low, high, generator, name).flatten()
        for name in ("uniform", "log-uniform", "log-normal")
    }
    for sigma in draws.values():
        assert sigma.min() >= low and sigma.max() <= high
    assert draws["uniform"].mean() == pytest.approx((low + high) / 2, abs=0.01)
    logs = draws["log-uniform"].log()
    assert logs.mean() == pytest.approx(math.log(0.1), abs=0.03)
    assert logs.std() == pytest.approx(math.log(100) / 12**0.5, rel=0.02)
    logs = draws["log-normal"].log()
    assert logs.mean() == pytest.approx(math.log(0.1), abs=0.03)
    # 4.6 % lie beyond two standard deviations and are put at the ends
    at_the_ends = ((draws["log-normal"] == low) | (draws["log-normal"] == high)).float()
    assert at_the_ends.mean() == pytest.approx(0.0455, abs=0.005)


def test_uniform_sigma_is_drawn_as_ever():
    """Runs of earlier versions can be repeated."""
    one, other = (torch.Generator().manual_seed(3) for _ in range(2))
    expected = 0.2 + 0.6 * torch.rand(5, 1, 1, 1, generator=other)
    assert torch.equal(sample_sigma(5, 0.2, 0.8, one), expected)


def test_the_mean_of_the_weights_is_pytorchs(few_images):
    model, recipe = seeded(), replace(RECIPE, ema=0.8)
    step = TrainStep(model, recipe, 10)
    oracle = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.8))
    oracle.update_parameters(model)  # its first call copies
    batcher = Batcher(few_images, 8, sigma=(0.0, 1.0))
    for _ in range(5):
        step(*batcher.draw())
        oracle.update_parameters(model)
    learned = weights(model)
    with step.averaged():
        torch.testing.assert_close(weights(model), weights(oracle.module))
    assert torch.equal(weights(model), learned)


def test_fit_measures_saves_and_leaves_the_mean_of_the_weights(few_images, tmp_path):
    plain, model, recipe = seeded(), seeded(), replace(RECIPE, ema=0.9)
    fit(plain, few_images, RECIPE)
    history = fit(model, few_images, recipe, folder=tmp_path, held_out=few_images)
    _, tensors = read_checkpoint(tmp_path / CHECKPOINT)
    for index, (name, mean) in enumerate(model.named_parameters()):
        assert torch.equal(tensors[f"average.{index}"], mean)
        learned = dict(plain.named_parameters())[name]
        assert torch.equal(tensors[f"model.{name}"], learned)  # it learns as without
    saved = torch.load(tmp_path / "unet_model.pth", weights_only=True)
    assert torch.equal(saved["end.bias"], model.end.bias)
    assert history.psnr_db[-1] == validate(recipe.denoiser(model), few_images)


def test_gradients_are_shortened_to_the_norm(few_images):
    model = seeded()
    step = TrainStep(model, replace(RECIPE, clip_norm=1e-3), 10)
    step(*Batcher(few_images, 8, sigma=(0.0, 1.0)).draw())
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    assert norm == pytest.approx(1e-3, rel=1e-3)


def test_a_network_that_predicts_the_noise_learns_to_denoise(few_images):
    recipe = replace(RECIPE, prediction="residual", epochs=20)
    model = seeded(width=8)
    before = validate(recipe.denoiser(model), few_images)
    fit(model, few_images, recipe)
    denoiser = recipe.denoiser(model)
    assert denoiser.residual and validate(denoiser, few_images) > before + 3


def test_a_varied_run_can_be_resumed(few_images, tmp_path):
    whole, resumed = seeded(), seeded()
    expected = fit(whole, few_images, VARIED)
    fit(seeded(), few_images, VARIED, folder=tmp_path, stop_after=1)
    found = fit(resumed, few_images, VARIED, folder=tmp_path, resume=True)
    assert torch.equal(weights(resumed), weights(whole))
    assert found.loss == expected.loss


NEW = (
    "sigma_distribution",
    "sigma_weight",
    "prediction",
    "loss_function",
    "clip_norm",
    "ema",
)


def test_a_checkpoint_of_version_0_2_can_be_resumed(few_images, tmp_path):
    """It names an epoch's progress otherwise, and lacks what did not exist."""
    whole, resumed = seeded(), seeded()
    fit(whole, few_images, RECIPE)
    fit(seeded(), few_images, RECIPE, folder=tmp_path, stop_after=1)
    path = tmp_path / CHECKPOINT
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    about = json.loads(json.loads(raw[8 : 8 + length])["__metadata__"]["unetlib"])
    _, tensors = read_checkpoint(path)
    about["history"]["begun"] = about["history"].pop("unfinished")
    del about["frozen"], tensors["random"]
    for name in NEW:
        del about["recipe"][name]
    text = json.dumps(about)
    metadata = {"unetlib": text, "sha256": checksum(text, tensors)}
    save_file(tensors, path, metadata=metadata)
    fit(resumed, few_images, RECIPE, folder=tmp_path, resume=True)
    assert torch.equal(weights(resumed), weights(whole))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sigma_distribution", "normal"),
        ("prediction", "noise"),
        ("loss_function", None),
        ("loss_reduction", "none"),
        ("clip_norm", 0),
        ("clip_norm", -1.0),
        ("ema", 1.5),
        ("ema", "0.9"),
        ("sigma_weight", -1.0),
        ("lr", None),
        ("loss_factor", 0.0),
        ("name", None),
        ("network", SkipUnet),
        ("scale", 2.0),
        ("scale", "1/255"),
        ("sigma", (0.5, 0.1)),
        ("sigma", (0.1, 0.2, 0.3)),
        ("sigma", "0.5"),
    ],
)
def test_a_value_that_cannot_be_right_is_named(field, value):
    with pytest.raises(UnetlibError, match=field):
        replace(BOOK, **{field: value})


def test_what_needs_noise_says_so():
    with pytest.raises(UnetlibError, match="sigma_weight=1 needs a range of sigma"):
        Recipe("mine", sigma_weight=1.0)
    with pytest.raises(UnetlibError, match="log-uniform sigma needs low > 0"):
        replace(BOOK, sigma_distribution="log-uniform")


@pytest.mark.parametrize("sigma", [None, 0.5, torch.rand(3), torch.rand(1, 1, 1, 3)])
def test_what_weighs_by_sigma_needs_that_of_each_picture(sigma):
    """Another shape would be broadcast, to weigh pixels or all pictures alike."""
    pictures = torch.rand(3, 1, 4, 4)
    with pytest.raises(UnetlibError, match=r"of each picture, \(3, 1, 1, 1\), got"):
        VARIED.loss(pictures, pictures, sigma)


def test_numbers_of_numpy_are_kept_as_numbers(few_images, tmp_path):
    rates = {"lr": np.float32(0.25), "scale": np.float64(1 / 512), "sigma": [0, 1]}
    recipe = replace(RECIPE, epochs=np.int64(1), batch_size=np.uint8(64), **rates)
    assert recipe == Recipe(
        **json.loads(json.dumps(asdict(recipe))) | {"sigma": (0, 1)}
    )
    fit(seeded(), few_images, recipe, folder=tmp_path)
    assert read_checkpoint(tmp_path)[0]["recipe"]["lr"] == 0.25
