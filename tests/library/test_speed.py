"""Every way to be fast computes what the plain step computes, save rounding."""

import platform
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import fields, replace
from threading import Thread

import pytest
import torch
from speeds import EXACT
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate

from unetlib.batcher import Batcher
from unetlib.fit import fit
from unetlib.model import SkipUnet, Unet, Up, conv
from unetlib.networks import NETWORKS
from unetlib.recipe import ARTICLE, BOOK, Recipe
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import (
    FAST,
    PLAIN,
    Speed,
    bfloat16_is_faster,
    keep_memory,
)
from unetlib.speed.threads import Threads, can_share
from unetlib.speed.upsampling import composed, composed_way, upsampled_conv

BOTH = pytest.mark.parametrize("network", [Unet, SkipUnet])
GLIBC = platform.libc_ver()[0] == "glibc"


def seeded(network: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return network()


def losses(model: nn.Module, images, speed: Speed, steps: int = 3) -> list[float]:
    step = FastStep(model, BOOK, 10, speed)
    batcher = Batcher(images, 16, BOOK.scale, BOOK.sigma)
    return [step(*next(batcher)).item() for _ in range(steps)]


@pytest.mark.parametrize("shape", [(2, 5, 7, 7), (1, 3, 14, 9), (3, 1, 1, 1)])
def test_upsampled_conv_is_upsampling_then_convolution(shape):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    weight, bias = (
        torch.randn(s, generator=generator, dtype=torch.float64, requires_grad=True)
        for s in ((4, shape[1], 3, 3), (4,))
    )
    expected = conv2d(interpolate(x, scale_factor=2), weight, bias, padding=1)
    found = upsampled_conv(x, weight, bias)
    torch.testing.assert_close(found, expected)
    upstream = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    of = (x, weight, bias)
    for a, b in zip(
        torch.autograd.grad(found, of, upstream),
        torch.autograd.grad(expected, of, upstream),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def relative(a: Tensor, b: Tensor) -> float:
    return ((a - b).norm() / b.norm()).item()


@BOTH
def test_composed_network_agrees_in_outputs_and_gradients(network, clean):
    model = seeded(network)
    results = []
    for way in (nullcontext(), composed(model)):
        model.zero_grad()
        with way:
            output = model(clean)
        output.square().sum().backward()
        results.append([output, *(p.grad.clone() for p in model.parameters())])
    assert 0 < max(map(relative, *results)) < 1e-5  # rounding shows: it is another way
    assert (results[0][0] - results[1][0]).abs().max() < 1e-5


class Doubled(Unet):
    """A subclass, as the exercises ask for."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class Deep(nn.Module):
    """A network that the library has never seen: one level, a norm, a sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(conv(1, 6), nn.GroupNorm(2, 6), nn.ReLU())
        self.deep = nn.Sequential(nn.AvgPool2d(2), conv(6, 8), nn.SiLU())
        self.up = Up(conv(8 + 6, 5), nn.Sigmoid())
        self.end = conv(5, 1)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.down(x)
        return self.end(self.up(self.deep(skip), skip))


@pytest.mark.parametrize(("network", "ups"), [(Doubled, 2), (Deep, 1)])
def test_a_network_of_ones_own_is_as_fast(network, ups, few_images, clean, monkeypatch):
    calls = []

    def counted(*arguments):
        calls.append(1)
        return upsampled_conv(*arguments)

    monkeypatch.setattr("unetlib.speed.upsampling.upsampled_conv", counted)
    model = seeded(network)
    plain = model(clean)
    with composed(model):
        found = model(clean)
    assert len(calls) == ups
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-5)
    assert losses(model, few_images, EXACT) == pytest.approx(
        losses(seeded(network), few_images, PLAIN), rel=1e-4
    )
    assert len(calls) == 4 * ups  # in each of the three steps, too
    assert torch.equal(model(clean), model(clean)) and len(calls) == 4 * ups


def watched(layer: nn.Module) -> nn.Module:
    layer.register_full_backward_hook(lambda *_: None)
    return layer


class Wide(nn.Conv2d):
    """A convolution that is not the book's."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 1


@pytest.mark.parametrize(
    "other",
    [
        lambda: Wide(4, 3, 3, padding=1),
        lambda: nn.Conv2d(4, 3, 5, padding=2),
        lambda: nn.Conv2d(4, 3, 3, padding=1, padding_mode="reflect"),
        lambda: nn.Conv2d(4, 3, 3, padding=2, dilation=2),
        lambda: nn.Sequential(conv(4, 4), conv(4, 3)),
        lambda: nn.utils.parametrizations.weight_norm(conv(4, 3)),
        lambda: nn.utils.spectral_norm(conv(4, 3)),
        lambda: watched(conv(4, 3)),
    ],
)
def test_another_convolution_computes_itself(other):
    block = Up(seeded(other), nn.Identity()).eval()
    x = torch.rand(2, 4, 6, 6)
    with composed(block):
        found = block(x)
    assert torch.equal(found, block[0](interpolate(x, scale_factor=2)))


@BOTH
@pytest.mark.parametrize("switch", [f.name for f in fields(Speed)])
def test_each_switch_alone_learns_the_same(network, few_images, switch, monkeypatch):
    real = torch.compile  # the C++ compiler that its default backend wants may lack
    monkeypatch.setattr(torch, "compile", lambda model: real(model, backend="eager"))
    plain = losses(seeded(network), few_images, PLAIN)
    found = losses(seeded(network), few_images, replace(PLAIN, **{switch: True}))
    # bfloat16 keeps 8 bits: single losses agree to about a hundredth
    assert found == pytest.approx(plain, rel=0.02 if switch == "bfloat16" else 1e-4)
    if switch == "bfloat16":  # 8 bits show in the loss
        assert found != plain


@BOTH
def test_fast_and_plain_train_the_same_network(network, few_images):
    recipe = replace(ARTICLE, epochs=2, draws_per_image=1, batch_size=16)
    fast, plain = seeded(network), seeded(network)
    fit(fast, few_images, recipe)
    fit(plain, few_images, recipe, speed=PLAIN)
    # Adam's first steps are signs of gradients, and rounding can turn a tiny one's.
    for a, b in zip(fast.parameters(), plain.parameters(), strict=True):
        assert relative(a, b) < 1e-3
    assert list(fast.state_dict()) == list(plain.state_dict())


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()  # 1, where several processes share the tests
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def shared(two_threads, monkeypatch) -> list[int]:
    """How many shares each batch was divided into."""
    counts, real = [], Threads.map

    def told(self, work, *batch):
        found = real(self, work, *batch)
        counts.append(len(found))
        return found

    monkeypatch.setattr(Threads, "map", told)
    return counts


def gradients(model: nn.Module, batch: tuple, recipe: Recipe, speed: Speed) -> list:
    step = FastStep(model, recipe, 10, speed)
    loss = step.derive(*batch)
    return [loss, *(p.grad for p in model.parameters() if p.requires_grad)]


@pytest.mark.parametrize("network", NETWORKS.values())
@pytest.mark.parametrize(
    "recipe",
    [
        ARTICLE,
        BOOK,
        replace(BOOK, sigma=(0.02, 1), sigma_weight=1.0, prediction="residual"),
    ],
)
def test_the_gradients_of_shares_add_up_to_the_batch_s(
    network, recipe, few_images, shared
):
    batch = Batcher(
        few_images, 13, recipe.scale, recipe.sigma
    ).draw()  # no equal shares
    found, expected = (
        gradients(seeded(network), batch, recipe, speed)
        for speed in (replace(PLAIN, threads=True), PLAIN)
    )
    assert shared == [2]
    for ours, theirs in zip(found, expected, strict=True):
        assert relative(ours, theirs) < 1e-4


def changed(change: Callable[[nn.Module], object]) -> nn.Module:
    model = seeded(SkipUnet)
    change(model)
    return model


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.down1.append(nn.BatchNorm2d(28)),
        lambda model: model.down1.append(nn.Dropout(0.5)),
        lambda model: model.down1.append(Wide(28, 28, 3, padding=1)),
        lambda model: model.down1.register_forward_hook(print),
        lambda model: model.end.register_full_backward_hook(print),
        lambda model: model.end.bias.register_hook(print),
        lambda model: model.end.bias.register_post_accumulate_grad_hook(print),
        lambda model: nn.utils.spectral_norm(model.end),
        lambda model: setattr(model.end, "forward", model.end.forward),
        lambda model: model.compile(backend="eager"),
    ],
)
def test_what_would_see_shares_takes_the_batch_as_a_whole(change):
    assert can_share(seeded(SkipUnet))
    assert not can_share(changed(change))


def test_a_run_in_shares_is_resumed_to_the_same_bits(few_images, shared, tmp_path):
    recipe = replace(BOOK, batch_size=16, epochs=2)
    whole, stopped, resumed = (seeded(SkipUnet) for _ in range(3))
    fit(whole, few_images, recipe)
    fit(stopped, few_images, recipe, folder=tmp_path, stop_after=1)
    fit(resumed, few_images, recipe, folder=tmp_path, resume=True)
    assert all(map(torch.equal, resumed.parameters(), whole.parameters()))
    assert shared == [2] * 16


def test_gradients_of_several_batches_add_up(few_images, shared):
    step = FastStep(seeded(SkipUnet), BOOK, 10, replace(PLAIN, threads=True))
    batch = Batcher(few_images, 8, BOOK.scale, BOOK.sigma).draw()
    step.derive(*batch)
    once = step.model.end.bias.grad.clone()
    step.derive(*batch)
    torch.testing.assert_close(step.model.end.bias.grad, 2 * once)
    assert shared == [2, 2]


class Drawing(FastStep):
    """Its loss is of places drawn anew: shares would draw in any order."""

    def loss(self, noisy: Tensor, clean: Tensor, sigma: Tensor | None) -> Tensor:
        return super().loss(noisy + torch.randn_like(noisy), clean, sigma)


@pytest.mark.parametrize(
    ("kind", "size", "sigma"),
    [
        (Drawing, 8, None),
        (FastStep, 1, None),
        (FastStep, 8, 0.5),
        (FastStep, 8, torch.tensor(0.5)),
        (FastStep, 8, torch.ones(1, 1, 1, 1)),
    ],
)
def test_what_has_no_shares_is_taken_as_a_whole(kind, size, sigma, clean, shared):
    pictures = clean[:size]
    step = kind(seeded(SkipUnet), BOOK, 10, replace(PLAIN, threads=True))
    assert step(pictures, pictures, sigma) > 0
    assert shared == []


def test_threads_leave_pytorch_its_own(few_images, two_threads):
    """A thread that begins afterwards would otherwise compute on a single core."""
    losses(seeded(SkipUnet), few_images, replace(PLAIN, threads=True))
    found = [torch.get_num_threads()]
    later = Thread(target=lambda: found.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert found == [2, 2]


def test_merging_within_merging_ends_with_the_outer():
    model = seeded(SkipUnet)
    with composed(model):
        with composed(model):
            pass
        assert model.up1.way is composed_way
    assert model.up1.way is not composed_way


def test_layout_and_composition_are_what_the_switches_say():
    for speed in (FAST, PLAIN):
        model = seeded(Unet)
        step = FastStep(model, BOOK, 10, speed)
        ways = []
        model.first_block_up.register_forward_hook(
            lambda up, *_, ways=ways: ways.append(up.way is composed_way)
        )
        step.forward(torch.zeros(1, 1, 4, 4))
        assert ways == [speed.composed]
        weight = model.second_block_up[1].weight
        last = weight.is_contiguous(memory_format=torch.channels_last)
        assert last == speed.channels_last


def test_compile_wraps_the_network_and_keeps_the_key_names(few_images, monkeypatch):
    real, calls = torch.compile, []

    def eager(model):
        calls.append(model)
        return real(model, backend="eager")

    monkeypatch.setattr(torch, "compile", eager)
    compiled, plain = seeded(Unet), seeded(Unet)
    losses(compiled, few_images, replace(PLAIN, compile=True))
    assert calls == [compiled]
    assert list(compiled.state_dict()) == list(plain.state_dict())


def test_bfloat16_is_used_where_it_pays_unless_told():
    cpu = torch.device("cpu")
    for told, expected in ((None, bfloat16_is_faster(cpu)), (True, True)):
        step = FastStep(seeded(Unet), BOOK, 1, replace(FAST, bfloat16=told))
        assert step.bfloat16 == expected


PAGE_FAULTS = """
import resource, sys, torch
from unetlib.speed.options import keep_memory
if sys.argv[1] == "keep":
    keep_memory()
for n in range(8):
    if n == 4:  # the first rounds fetch the memory
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    # 40 MB each: glibc keeps what is smaller than 32 MB by itself, at times
    tensors = [torch.zeros(10_000_000) for _ in range(4)]
    del tensors
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_keep_memory_stops_page_faults_or_says_that_it_cannot():
    assert keep_memory() == GLIBC
    if GLIBC:
        faults = {}
        for what in ("keep", "plain"):
            command = [sys.executable, "-c", PAGE_FAULTS, what]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            faults[what] = int(done.stdout)
        assert faults["keep"] < faults["plain"] / 10
