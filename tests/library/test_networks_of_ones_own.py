"""Networks that `fit` has never seen: what it promises holds for them, or it refuses.

A run that was interrupted and resumed ends in the same bits; whether a run is watched,
measured and saved changes nothing about its weights.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from unetlib.checks import UnetlibError, check_network
from unetlib.fit import fit
from unetlib.model import Denoiser, SkipUnet, Unet, conv, evaluating
from unetlib.recipe import BOOK
from unetlib.saving.safeguards import own_randomness

RECIPE = replace(BOOK, batch_size=8, epochs=2)  # 8 steps an epoch on 64 pictures


class Drawing(SkipUnet):
    """Something like dropout, from a generator that is not PyTorch's."""

    def __init__(self, draw: Callable[[], float]) -> None:
        super().__init__(width=2)
        self.draw = draw

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (1 + self.draw() if self.training else 1)


def stack(*middle: nn.Module) -> nn.Module:
    return nn.Sequential(conv(1, 4), *middle, nn.GELU(), conv(4, 1))


class Frozen(SkipUnet):
    def __init__(self) -> None:
        super().__init__(width=2)
        self.down1.requires_grad_(False)


class Unused(SkipUnet):
    def __init__(self) -> None:
        super().__init__(width=2)
        self.spare = conv(3, 3)


class Tied(nn.Module):
    """The same convolution twice, under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.start, self.end = conv(1, 4), conv(4, 1)
        self.once = self.again = conv(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.again(self.once(self.start(x)).relu()).relu()
        return self.end(x)


class Counting(SkipUnet):
    """A buffer that its state dict leaves out decides what it computes."""

    def __init__(self) -> None:
        super().__init__(width=2)
        self.register_buffer("seen", torch.zeros(()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.seen += 1
        return super().forward(x) + self.seen / 100


class Mixed(SkipUnet):
    """Numbers of kinds that NumPy lacks, or that cannot learn."""

    def __init__(self) -> None:
        super().__init__(width=2)
        self.register_buffer("brain", torch.ones(3, dtype=torch.bfloat16))
        self.register_buffer("whole", torch.arange(4))
        self.register_buffer("none", torch.ones(0, 3, dtype=torch.bool))
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * super().forward(x)


NETWORKS = {
    "frozen": Frozen,
    "unused": Unused,
    "tied": Tied,
    "batch norm": lambda: stack(nn.BatchNorm2d(4)),
    "group norm": lambda: stack(nn.GroupNorm(2, 4)),
    "dropout": lambda: stack(nn.Dropout(0.5)),
    "Python's random": lambda: Drawing(random.random),
    "NumPy's random": lambda: Drawing(np.random.standard_normal),
    "buffer": Counting,
    "mixed": Mixed,
    "weight norm": lambda: stack(weight_norm(conv(4, 4))),
    "spectral norm": lambda: stack(spectral_norm(conv(4, 4))),
    "channels last": lambda: SkipUnet(2).to(memory_format=torch.channels_last),
}


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name]()


def everything(model: nn.Module) -> Tensor:
    return torch.cat([x.flatten() for x in [*model.parameters(), *model.buffers()]])


@pytest.mark.parametrize("name", NETWORKS)
def test_interrupted_and_resumed_it_ends_in_the_same_bits(name, few_images, tmp_path):
    whole, resumed = built(name), built(name)
    expected = fit(whole, few_images, RECIPE)
    fit(built(name), few_images, RECIPE, folder=tmp_path, stop_after=1)
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(9)  # a process of its own
    found = fit(resumed, few_images, RECIPE, folder=tmp_path, resume=True)
    assert torch.equal(everything(resumed), everything(whole))
    assert found.loss == expected.loss
    weights = torch.load(tmp_path / "unet_model.pth", weights_only=True)
    built(name).load_state_dict(weights)


@pytest.mark.parametrize("name", NETWORKS)
def test_being_watched_changes_nothing(name, few_images, tmp_path, monkeypatch):
    monkeypatch.setattr(import_module("unetlib.fit"), "LOOK_EVERY", 1)
    alone, watched = built(name), built(name)
    fit(alone, few_images, RECIPE)
    fit(watched, few_images, RECIPE, folder=tmp_path, held_out=few_images[:4])
    assert torch.equal(everything(watched), everything(alone))


def test_frozen_layers_stay_and_others_learn(few_images):
    model, before = built("frozen"), built("frozen")
    fit(model, few_images, RECIPE)
    assert torch.equal(model.down1[0].weight, before.down1[0].weight)
    assert not torch.equal(model.down2[0].weight, before.down2[0].weight)


def test_other_layers_frozen_are_another_run(few_images, tmp_path):
    fit(built("frozen"), few_images, RECIPE, folder=tmp_path, stop_after=1)
    with pytest.raises(UnetlibError, match="frozen: .*down1.0.weight.* here \\[\\]"):
        fit(SkipUnet(2), few_images, RECIPE, folder=tmp_path, resume=True)


def test_a_run_does_not_touch_the_generators_of_the_process(few_images):
    before = torch.get_rng_state()
    fit(stack(nn.Dropout(0.5)), few_images, RECIPE)
    torch.manual_seed(0)
    model, _ = built("dropout"), torch.manual_seed(5)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    fit(model, few_images, RECIPE)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.array_equal(np.random.get_state()[1], before[2])


def test_looking_leaves_every_module_in_its_mode():
    model = nn.Sequential(stack(nn.BatchNorm2d(4)), nn.Dropout()).train()
    model[0][1].eval()  # as fine-tuning does it
    before = [module.training for module in model.modules()]
    state = everything(model).clone()
    with evaluating(model):
        assert not any(module.training for module in model.modules())
        model(torch.rand(3, 1, 4, 4))
    assert [module.training for module in model.modules()] == before
    assert torch.equal(everything(model), state)


class Extra(SkipUnet):
    def get_extra_state(self) -> dict:
        return {"any": "thing"}

    def set_extra_state(self, state: dict) -> None: ...


@pytest.mark.parametrize(
    ("network", "processes", "message"),
    [
        (lambda: Unet().requires_grad_(False), 1, "frozen ones; .*requires_grad_"),
        (lambda: stack(nn.Flatten(0)).requires_grad_(False), 1, "parameters to learn"),
        (lambda: Denoiser(Unet()), 1, "network, got a Denoiser around one. Train the"),
        (lambda: Unet, 1, "got <class .*Unet'>; make one: Unet\\(\\)"),
        (lambda: torch.relu, 1, "must be a network \\(nn.Module\\), got <built-in"),
        (nn.Identity, 1, "parameters to learn, got Identity"),
        (lambda: nn.LazyConv2d(1, 3), 1, "is lazy: call it on one batch"),
        (Extra, 1, "_extra_state in its state dict, which is no tensor"),
        (lambda: stack(nn.BatchNorm2d(4)), 2, "BatchNorm2d depends .* 2 processes"),
        (lambda: stack(nn.Dropout()), 3, "Dropout depends .* 3 processes"),
    ],
)
def test_what_cannot_keep_the_promises_is_refused(network, processes, message):
    with pytest.raises(UnetlibError, match=message):
        check_network(network(), processes, Denoiser)


def test_another_class_of_that_name_is_welcome(few_images):
    own = type("Denoiser", (SkipUnet,), {})
    fit(own(2), few_images, replace(BOOK, batch_size=8, epochs=1))


def with_buffer(buffer: Tensor) -> nn.Module:
    model = SkipUnet(2)
    model.register_buffer("odd", buffer)
    return model


@pytest.mark.parametrize(
    ("buffer", "message"),
    [
        (torch.ones(1).expand(4), "odd cannot be set in place .* not be resumed"),
        (torch.eye(3).to_sparse(), "cannot be saved, so its run could not be resumed"),
    ],
)
def test_what_could_not_be_resumed_is_refused_before_the_first_step(
    buffer, message, few_images, tmp_path, monkeypatch
):
    run = import_module("unetlib.fit")._Run
    monkeypatch.setattr(run, "epoch", lambda _: pytest.fail("it trains"))
    with pytest.raises(UnetlibError, match=message):
        fit(with_buffer(buffer), few_images, RECIPE, folder=tmp_path)


# ---------- channels and sizes ----------


@pytest.mark.parametrize(
    "network", [lambda: Unet(channels=3), lambda: SkipUnet(2, channels=3)]
)
def test_pictures_with_three_channels(network, few_images, tmp_path):
    torch.manual_seed(0)
    colour = np.tile(few_images[:, None], (1, 3, 1, 1))
    model, resumed = network(), network()
    resumed.load_state_dict(model.state_dict())
    history = fit(model, colour, RECIPE, held_out=colour[:2])
    assert history.loss[1] < history.loss[0] and len(history.psnr_db) == 2
    fit(resumed, colour, RECIPE, folder=tmp_path, stop_after=1)
    fit(resumed, colour, RECIPE, folder=tmp_path, resume=True)
    assert torch.equal(everything(resumed), everything(model))
    with pytest.raises(UnetlibError, match=r"\(1, 1, 28, 28\)"):
        model(torch.rand(1, 1, 28, 28))


@pytest.mark.parametrize("size", [(28, 28), (1, 1), (30, 28), (29, 31), (5, 100)])
def test_a_denoiser_takes_any_height_and_width(size):
    torch.manual_seed(0)
    network = SkipUnet(2)
    noisy = torch.rand(2, 1, *size)
    found = Denoiser(network)(noisy)
    assert found.shape == noisy.shape
    more = [-side % 4 for side in size]
    padded = nn.ReplicationPad2d((0, more[1], 0, more[0]))(noisy)
    assert torch.equal(found, network(padded)[..., : size[0], : size[1]])


@pytest.mark.parametrize("size", [(28, 28), (29, 30)])
def test_a_residual_denoiser_subtracts_what_the_network_gives(size):
    torch.manual_seed(0)
    network, noisy = SkipUnet(2), torch.rand(2, 1, *size)
    clean, residual = (Denoiser(network, 1 / 512, r)(noisy) for r in (False, True))
    torch.testing.assert_close(residual, noisy - clean)


@pytest.mark.parametrize(
    "generator",
    [np.random.default_rng(0), np.random.RandomState(0), random.Random(0)]
    + [torch.Generator()],
)
def test_a_generator_of_its_own_is_refused_where_there_is_a_checkpoint(
    generator, few_images, tmp_path
):
    """None would hold its state; without a folder there is nothing to resume."""
    model = nn.Sequential(SkipUnet(2))
    model[0].mine = generator
    with pytest.raises(UnetlibError, match=r"of its own, 0\.mine, which no checkpoint"):
        fit(model, few_images, RECIPE, folder=tmp_path)
    fit(model, few_images, replace(RECIPE, epochs=1))


@pytest.mark.parametrize("seed", [np.int64(3), np.uint64(2**64 - 1), 2**64 - 1, True])
def test_every_seed_seeds_all_generators(seed):
    drawn = []
    for kind in (type(seed), int):
        with own_randomness(kind(seed)):
            drawn.append((torch.rand(()).item(), random.random(), np.random.rand()))
    assert drawn[0] == drawn[1]
