"""Whatever it is given, unetlib is right, or says in its own words what it expected.

Hypothesis chooses the arguments. Each test says by itself which of them make sense: for
these the answer is compared with an oracle that is no part of unetlib; all others must
be refused by an error that names the value. A warning is a failure.
"""

import math
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from numbers import Real
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from arguments import (
    FLOATS,
    PRECISE,
    WHOLE,
    answered,
    arguments,
    array_layouts,
    arrays,
    batches,
    changed,
    close,
    counts,
    devices,
    exact,
    is_number,
    is_whole,
    layouts,
    numbers,
    one_of,
    pictures,
    refusal,
    seeds,
    sides,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from test_data import write_idx, write_npy_pair
from torch import Tensor, nn

from unetlib import data, metrics, noise
from unetlib.batcher import Batcher
from unetlib.display import plots
from unetlib.display.diagram import draw_channels, draw_convolution, draw_unet
from unetlib.display.feature_maps import feature_maps
from unetlib.display.labels import LABELS, LANGUAGES, label, use_language
from unetlib.display.noises import NOISES, add_salt_and_pepper_noise
from unetlib.display.widgets import noise_explorer
from unetlib.fit import fit, validate
from unetlib.formats.idx import load_idx
from unetlib.formats.npy import load_npy
from unetlib.model import Denoiser, SkipUnet, Unet, count_parameters
from unetlib.pretrained import PRETRAINED, load_pretrained
from unetlib.recipe import BOOK
from unetlib.speed.upsampling import composed, upsampled_conv

pytestmark = pytest.mark.filterwarnings("error")
kinds = one_of(list(NOISES))


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# Noise


def expected_noise(kind: str, clean: Tensor, sigma: np.ndarray, seed: int):
    """The formulas of the docstrings, by numpy in 64 bits."""
    x, shape = exact(clean), clean.shape
    if kind == "salt_and_pepper":
        u = exact(torch.rand(shape, generator=generator(seed)))
        return np.where(u < sigma / 2, 0.0, np.where(1 - u < sigma / 2, 1.0, x))
    n = exact(torch.randn(shape, generator=generator(seed), dtype=clean.dtype))
    return x + sigma * n * (x if kind == "speckle" else 1)


@settings(max_examples=200)
@given(
    arguments(
        {"dtype": one_of(WHOLE), "sigma": numbers | st.floats(0, 1000)},
        kind=kinds,
        shape=batches,
        dtype=one_of(FLOATS),
        layout=layouts,
        sigma=st.floats(0, 1),
        seed=seeds,
    )
)
def test_noise_with_a_number(chosen):
    kind, shape, dtype, layout, sigma, seed = chosen
    clean = pictures(shape, dtype, layout)
    before = clean.detach().clone()
    largest = 1 if kind == "salt_and_pepper" else 1000
    sensible = dtype in FLOATS and is_number(sigma, 0, largest)
    with answered(sensible, repr(sigma) if dtype in FLOATS else dtype):
        noisy = NOISES[kind](clean, sigma, generator(seed))
    assert torch.equal(clean, before)
    if sensible:
        assert noisy.shape == clean.shape and noisy.dtype == dtype
        close(noisy, expected_noise(kind, clean, np.float64(sigma), seed), 8)


@settings(max_examples=200)
@given(
    arguments(
        {
            "pattern": st.lists(one_of([0, 1, 2]), max_size=5),
            "value": one_of([-1.0, math.nan, math.inf, 1001.0, 1.5]),
        },
        kind=kinds,
        shape=batches,
        pattern=st.lists(st.booleans(), max_size=4),
        dtype=one_of(FLOATS),
        sigma_dtype=one_of(FLOATS + WHOLE),
        value=st.floats(0, 1),
        seed=seeds,
    )
)
def test_noise_with_a_tensor(chosen):
    """`pattern`: where sigma, counted from the right, is as long as the batch."""
    kind, shape, pattern, dtype, sigma_dtype, value, seed = chosen
    sizes = [
        n if whole is True else int(whole) or 1
        for n, whole in zip((*shape[::-1], 1), pattern, strict=False)
    ]
    clean = pictures(shape, dtype)
    assume(math.isfinite(value) or sigma_dtype in FLOATS)
    sigma = torch.full(sizes[::-1], value).to(sigma_dtype)
    values, largest = exact(sigma), 1 if kind == "salt_and_pepper" else 1000
    inside = bool(((values >= 0) & (values <= largest)).all())
    try:
        fits = np.broadcast_shapes(shape, sigma.shape) == shape
    except ValueError:
        fits = False
    with answered(inside and fits, *[tuple(sigma.shape)] * inside):
        noisy = NOISES[kind](clean, sigma, generator(seed))
    if inside and fits:
        assert noisy.shape == clean.shape and noisy.dtype == dtype
        values = exact(sigma.to(dtype))
        close(noisy, expected_noise(kind, clean, values, seed), 8)


@settings(max_examples=20)
@given(st.floats(0.0005, 1), one_of(FLOATS))
def test_salt_and_pepper_are_as_many_in_every_dtype(sigma, dtype):
    clean = torch.full((200_000,), 0.5, dtype=dtype)
    noisy = add_salt_and_pepper_noise(clean, sigma, generator(0))
    standard_error = math.sqrt(sigma / 2 * (1 - sigma / 2) / len(clean))
    for value in (0, 1):
        share = (noisy == value).double().mean().item()
        assert abs(share - sigma / 2) < 5 * standard_error


@given(
    arguments(
        {"n": counts, "low": numbers, "high": numbers},
        n=st.integers(0, 9),
        low=st.floats(0, 0.5),
        high=st.floats(0.5, 1000),
        seed=seeds,
    )
)
def test_sampled_sigma(chosen):
    n, low, high, seed = chosen
    ends = is_number(low, 0, 1000) and is_number(high, 0, 1000) and low <= high
    sensible = is_whole(n, 0) and ends
    with answered(sensible, *[repr(n)] * (not is_whole(n, 0))):
        found = noise.sample_sigma(n, low, high, generator(seed))
    if sensible:
        assert found.shape == (n, 1, 1, 1) and found.dtype == torch.float32
        u = exact(torch.rand(int(n), generator=generator(seed)))
        close(found.flatten(), float(low) + (float(high) - float(low)) * u)


# Metrics


def ssim_by_hand(a: np.ndarray, b: np.ndarray) -> float:
    """Equation 13 of the paper in all 11×11 windows, with its Gaussian weights."""
    bell = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights = np.outer(bell, bell).flatten() / bell.sum() ** 2
    a, b = (sliding_window_view(x, (11, 11)).reshape(-1, 121) for x in (a, b))
    mean_a, mean_b = a @ weights, b @ weights
    a, b = a - mean_a[:, None], b - mean_b[:, None]
    covariance, variances = (a * b) @ weights, (a**2 + b**2) @ weights
    c1, c2 = 0.01**2, 0.03**2
    above = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return (above / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))).mean()


def expected_metric(name: str, image: Tensor, clean: Tensor) -> np.ndarray:
    shown, reference = np.clip(exact(image), 0, 1), exact(clean)
    if name == "ssim":
        pairs = zip(shown, reference, strict=True)
        return np.array(
            [np.mean([*map(ssim_by_hand, a, b)]) for a, b in pairs], dtype=float
        )
    error = ((shown - reference) ** 2).mean(axis=(1, 2, 3))
    return error if name == "mse" else -10 * np.log10(error)


@settings(max_examples=250)
@given(
    arguments(
        {
            "shape": st.tuples(st.integers(0, 2), one_of([1, 3]), sides, sides),
            "dtype": one_of(FLOATS + WHOLE),
            "clean_dtype": one_of(FLOATS + WHOLE),
            "change": one_of(["fewer", "flat", "meta", "array"]),
            "clean_spot": one_of([math.inf, -math.inf, math.nan]),
        },
        name=one_of(["mse", "psnr", "ssim"]),
        shape=st.tuples(st.integers(0, 2), st.just(1), *[st.integers(11, 16)] * 2),
        dtype=one_of(PRECISE),
        clean_dtype=one_of(PRECISE),
        change=st.just(""),
        spot=one_of([0.0, 2.0, -2.0, math.inf, math.nan]),
        clean_spot=st.just(0.0),
        layout=layouts,
        seed=seeds,
    )
)
def test_metrics(chosen):
    name, shape, dtype, clean_dtype, change, spot, clean_spot, layout, seed = chosen
    image = changed(pictures(shape, dtype, layout, seed), change)
    clean = pictures(shape, clean_dtype, layout, seed + 1)
    image = image + spot if spot else image
    clean = clean + clean_spot if clean_spot else clean
    wrong = [x.dtype for x in (image, clean) if x.dtype not in PRECISE]
    sensible = not wrong and change in ("", "fewer")
    sensible &= image.shape == clean.shape
    sensible &= min(shape[2:]) >= (11 if name == "ssim" else 1)
    sensible &= bool(clean.isfinite().all())
    with answered(sensible, *wrong[:1]):
        found = getattr(metrics, name)(image, clean)
    if sensible:
        assert found.shape == shape[:1]
        expected = expected_metric(name, image, clean)
        # scikit-image reckons SSIM in the precision of the pictures
        close(found.float(), expected, 500 if name == "ssim" else 64)


@given(
    arguments(
        {
            "shape": st.tuples(st.integers(0, 2), one_of([1, 2]), sides, sides),
            "sigmas": st.lists(numbers, max_size=3),
            "dtype": one_of(FLOATS + WHOLE),
        },
        shape=st.tuples(st.integers(1, 3), st.just(1), *[st.integers(1, 9)] * 2),
        sigmas=st.lists(st.floats(0, 2), max_size=3),
        dtype=one_of(PRECISE),
        layout=layouts,
        seed=seeds,
    )
)
def test_psnr_before_denoising(chosen):
    shape, sigmas, dtype, layout, seed = chosen
    clean = pictures(shape, dtype, layout)
    sensible = dtype in PRECISE and shape[1] == 1 and 0 not in shape
    sensible &= all(is_number(sigma, 0, 1000) for sigma in sigmas)
    with answered(sensible):
        found = metrics.denoising_psnr(lambda x: x, clean, sigmas, seed)
    if sensible:
        assert list(found) == list(dict.fromkeys(sigmas))
        for sigma, db in found.items():
            noisy = expected_noise("gaussian", clean, np.float64(sigma), seed)
            with np.errstate(divide="ignore"):  # without noise it is infinite
                expected = expected_metric("psnr", torch.tensor(noisy), clean)
            if sigma > 1e-3:  # float32 loses what is less
                assert db == pytest.approx(expected.mean(), abs=1e-2)


# Networks


@settings(max_examples=60)
@given(
    arguments(
        {
            "shape": st.tuples(st.integers(0, 2), one_of([1, 2]), sides, sides),
            "dtype": one_of(FLOATS + WHOLE),
            "change": one_of(["meta", "flat", "array"]),
        },
        network=one_of([Unet, lambda: SkipUnet(width=4)]),
        shape=st.tuples(st.integers(0, 2), st.just(1), *[one_of([4, 8, 12])] * 2),
        weights=one_of(PRECISE),
        dtype=st.none(),
        layout=layouts,
        change=st.just(""),
    )
)
def test_networks(chosen):
    network, shape, weights, dtype, layout, change = chosen
    torch.manual_seed(0)
    model, dtype = network().to(weights), dtype or weights
    x = pictures(shape, dtype, layout)
    sensible = shape[1] == 1 and all(side and side % 4 == 0 for side in shape[2:])
    sensible &= dtype == weights and not change
    for way in (nullcontext(), composed(model)):
        with way, answered(sensible, *([dtype] if dtype != weights else [])):
            output = model(changed(x, change))
        if sensible:
            assert output.shape == x.shape and output.dtype == dtype
            alone = [exact(model(picture[None].detach().clone())) for picture in x]
            close(output, np.concatenate([exact(x[:0]), *alone]), 100)


@settings(max_examples=40)
@given(counts)
def test_width_of_a_network(width):
    with answered(is_whole(width, 1), repr(width)):
        model = SkipUnet(width)
    if is_whole(width, 1):
        w = int(width)
        convs = [(1, w), (w, 2 * w), (2 * w, 4 * w), (6 * w, 2 * w), (3 * w, w), (w, 1)]
        assert count_parameters(model) == sum(9 * i * o + o for i, o in convs)
        assert model(torch.rand(1, 1, 4, 4)).shape == (1, 1, 4, 4)


@settings(max_examples=200)
@given(
    arguments(
        {
            "shape": st.tuples(st.integers(0, 2), st.integers(0, 2), sides, sides),
            "out": st.just(0),
            "more": st.just(1),
            "kernel": one_of([(5, 5), (1, 1), (3, 2), (3,), (3, 3, 3)]),
            "bias": one_of([0, 1, 7]),
            "dtype": one_of(WHOLE),
            "weight_dtype": one_of(FLOATS + WHOLE),
            "change": one_of(["meta", "flat"]),
        },
        shape=st.tuples(st.integers(0, 2), *[st.integers(1, 5)] * 3),
        out=st.integers(1, 4),
        more=st.just(0),
        kernel=st.just((3, 3)),
        bias=one_of([None, "fits"]),
        dtype=one_of(FLOATS),
        weight_dtype=st.none(),
        layout=layouts,
        change=st.just(""),
    )
)
def test_upsampled_conv(chosen):
    shape, out, more, kernel, bias, dtype, weight_dtype, layout, change = chosen
    weight_dtype = weight_dtype or dtype
    x = pictures(shape, dtype, layout)
    weight = pictures((out, shape[1] + more, *kernel), weight_dtype, layout, seed=1)
    if bias is not None:
        bias = pictures((out if bias == "fits" else bias,), weight_dtype, seed=2)
    sensible = kernel == (3, 3) and not more and not change
    sensible &= 0 not in (*shape[1:], out) and (bias is None or len(bias) == out)
    sensible &= dtype in FLOATS and weight_dtype == dtype
    assume(sensible or shape[0] > 0)  # PyTorch looks at an empty batch less closely
    with answered(sensible):
        found = upsampled_conv(changed(x, change), weight, bias)
    if sensible:
        large = F.interpolate(x.detach().double(), scale_factor=2)
        bias = None if bias is None else bias.double()
        expected = F.conv2d(large, weight.detach().double(), bias, padding=1)
        assert found.dtype == dtype
        close(found, exact(expected), 8)


# Batches and recipes

images = st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))
array_dtypes = one_of([np.uint8, np.int8, np.int64, np.float16, np.float32, np.bool_])


@settings(max_examples=300)
@given(
    arguments(
        {
            "shape": st.lists(sides, min_size=1, max_size=4),
            "dtype": array_dtypes,
            "size": counts,
            "scale": numbers,
            "sigma": numbers | st.lists(numbers, max_size=3).map(tuple),
            "device": devices,
            "seed": one_of([2**64, "0", 0.5, None]),
        },
        shape=images,
        dtype=st.just(np.uint8),
        layout=array_layouts,
        size=st.integers(1, 70),
        scale=st.just(1 / 255) | st.floats(1e-6, 1),
        sigma=st.none() | st.floats(0, 10) | one_of([(0.0, 1.0), [0, 0.5], (0.25, 3)]),
        device=one_of(["cpu", torch.device("cpu")]),
        seed=st.integers(0, 2**64 - 1),
        share=st.builds(slice, *[st.integers(-9, 9)] * 2, st.integers(1, 3)),
    )
)
def test_batches(chosen):
    shape, dtype, layout, size, scale, sigma, device, seed, share = chosen
    pixels = arrays(shape, dtype, layout)
    channels_last = pixels.ndim == 4 and pixels.shape[1] > 4 >= pixels.shape[3]
    ends = sigma if isinstance(sigma, (tuple, list)) else (sigma, sigma)
    levels = len(ends) == 2 and all(is_number(x, 0, 1000) for x in ends)
    right = [
        (pixels.dtype, dtype == np.uint8),
        (pixels.shape, pixels.ndim in (3, 4) and pixels.size > 0 and not channels_last),
        (repr(size), is_whole(size, 1)),
        (repr(scale), is_number(scale, 1e-6, 1)),
        ("", sigma is None or (levels and ends[0] <= ends[1])),
        (repr(seed), is_whole(seed, 0, 2**64 - 1)),
        (device, str(device) == "cpu"),
    ]
    wrong = [named for named, fine in right if not fine]
    with answered(not wrong, *wrong):
        batcher = Batcher(pixels, size, scale, sigma, device, seed, share)
    if wrong:
        return
    copy = pixels.copy()
    if pixels.flags.writeable:
        pixels[:] = 0  # the batcher keeps its own
    noisy, clean = next(batcher)
    draws, size, scale = generator(seed), int(size), float(scale)
    drawn = torch.randint(len(copy), (size,), generator=draws).numpy()
    if copy.ndim == 3:
        copy = copy[:, None]
    expected = copy[drawn].astype(np.float64) * scale
    assert clean.dtype == noisy.dtype == torch.float32
    close(clean, expected[share])
    if sigma is not None:
        low, high = map(float, ends)
        u = exact(torch.rand(size, 1, 1, 1, generator=draws))
        n = exact(torch.randn(expected.shape, generator=draws))
        expected = expected + (low + (high - low) * u) * 255 * scale * n
    close(noisy, expected[share], 8)


@given(
    one_of(["batch_size", "draws_per_image", "epochs", "save_every"]),
    counts | st.integers(1, 500),
    counts | st.integers(1, 70_000),
)
def test_counts_of_a_recipe(name, value, n):
    with answered(is_whole(value, 1), name, repr(value)):
        recipe = replace(BOOK, **{name: value})
    if is_whole(value, 1):
        with answered(is_whole(n, 1), repr(n)):
            steps = recipe.steps_per_epoch(n)
        if is_whole(n, 1):
            draws = int(recipe.draws_per_image) * int(n)
            assert steps == max(1, math.floor(Fraction(draws, int(recipe.batch_size))))


@given(one_of(["lr", "loss_factor", "loss_reduction"]), numbers | st.floats(0, 1e9))
def test_numbers_of_a_recipe(name, value):
    sensible = name != "loss_reduction" and isinstance(value, Real)
    number = value.item() if isinstance(value, np.generic) else value
    sensible = sensible and 0 < number <= 1e9
    with answered(sensible, name, repr(value)):
        assert getattr(replace(BOOK, **{name: value}), name) == float(value)


@given(
    arguments(
        {"shape": batches, "change": one_of(["flat", "fewer"]), "dtype": one_of(WHOLE)},
        shape=st.tuples(st.integers(1, 3), st.just(1), *[st.integers(1, 9)] * 2),
        change=st.just(""),
        dtype=one_of(FLOATS),
        layout=layouts,
        reduction=one_of(["sum", "mean"]),
        factor=st.floats(1e-3, 1e3),
    )
)
def test_loss(chosen):
    shape, change, dtype, layout, reduction, factor = chosen
    output = pictures(shape, dtype, layout)
    clean = changed(pictures(shape, seed=1), change)
    sensible = dtype in FLOATS and output.shape == clean.shape and 0 not in shape
    recipe = replace(BOOK, loss_reduction=reduction, loss_factor=factor)
    with answered(sensible, dtype if dtype in WHOLE else tuple(clean.shape)):
        loss = recipe.loss(output, clean)
    if sensible:
        squares = (exact(output) - exact(clean)) ** 2
        expected = factor * (squares.sum() if reduction == "sum" else squares.mean())
        assert loss.item() == pytest.approx(expected, rel=1e-5)


# Training


@settings(max_examples=30)
@given(
    network=one_of([Unet, lambda: SkipUnet(width=2)]),
    n=st.integers(1, 5),
    layout=array_layouts,
    epochs=st.integers(1, 3),
    batch_size=st.integers(1, 9),
    seed=seeds,
    stop_after=st.none() | st.integers(1, 4),
    held=st.integers(0, 3),
)
def test_fit(network, n, layout, epochs, batch_size, seed, stop_after, held):
    torch.manual_seed(0)
    model, before = network(), network()
    before.load_state_dict(model.state_dict())
    held_out = arrays((held, 4, 8), layout=layout, seed=1) if held else None
    recipe = replace(BOOK, epochs=epochs, batch_size=batch_size)
    options = {"seed": seed, "stop_after": stop_after, "held_out": held_out}
    history = fit(model, arrays((n, 4, 8), layout=layout), recipe, **options)
    epochs = min(epochs, stop_after or epochs)
    assert len(history.loss) == len(history.seconds) == epochs
    assert np.isfinite(history.loss).all() and not equal_weights(model, before)
    assert len(history.psnr_db) == (epochs if held else 0)
    if held:
        clean = torch.from_numpy(held_out / 255)[:, None].float()
        noisy = clean + 0.5 * torch.randn(clean.shape, generator=generator(0))
        expected = expected_metric("psnr", model(noisy), clean).mean()
        assert history.psnr_db[-1] == pytest.approx(expected, abs=1e-3)


def equal_weights(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.parameters(), b.parameters(), strict=True)
    return all(torch.equal(p, q) for p, q in pairs)


PIXELS = arrays((3, 4, 8))
IMPOSSIBLE = {
    "model": [None, 0, "skip", nn.Identity(), lambda x: x],
    "images": [None, [PIXELS], PIXELS / 255, PIXELS[0], PIXELS[:0]],
    "recipe": [None, "book", {}],
    "device": [None, "", "graphics", "meta", torch.device("meta"), "cpu:x"],
    "seed": [None, -1, 2**64, 0.5, "0", math.nan],
    "stop_after": [0, -1, 1.5, "1", math.nan, 2**31],
    "held_out": ["", PIXELS / 255, PIXELS[0], PIXELS[:0], PIXELS[:, :, :4]],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, v) for name, values in IMPOSSIBLE.items() for v in values],
)
def test_fit_refuses_before_it_learns(name, value, capsys):
    model = SkipUnet(width=2)
    before = SkipUnet(width=2)
    before.load_state_dict(model.state_dict())
    given = {"model": model, "images": PIXELS, "recipe": replace(BOOK, epochs=2)}
    with refusal():
        fit(**given | {name: value})
    assert equal_weights(model, before)  # on a device that holds values, too
    assert capsys.readouterr().out == ""


@given(array_layouts, one_of([(0, 4, 4), (4, 4), (2, 4, 4)]), array_dtypes, numbers)
def test_validation(layout, shape, dtype, scale):
    torch.manual_seed(0)
    sensible = dtype == np.uint8 and shape == (2, 4, 4)
    sensible &= is_number(scale, 1e-6, 4)
    with answered(sensible):
        denoiser = Denoiser(SkipUnet(2), scale)
        assert math.isfinite(validate(denoiser, arrays(shape, dtype, layout)))


# Networks that ship


@settings(max_examples=30)
@given(one_of([*PRETRAINED]) | st.text() | st.none())
def test_names_of_weights(name):
    with answered(name in PRETRAINED, repr(name)):
        assert not load_pretrained(name).training


@settings(max_examples=30)
@given(devices | one_of(["cpu", torch.device("cpu")]) | st.text(max_size=4))
def test_devices_of_weights(device):
    assume(str(device) not in ("cuda", "mps", "xpu"))  # some machine may have them
    sensible = str(device) in ("cpu", "meta")
    with answered(sensible, repr(str(device))):
        denoiser = load_pretrained("skip", device)
    if sensible:
        x = torch.rand(2, 1, 8, 8, device=device)
        assert denoiser(x).shape == x.shape and denoiser(x).device == x.device


@given(numbers | st.floats(1e-6, 4), batches, one_of(FLOATS + WHOLE), layouts)
def test_a_denoiser_undoes_its_scale(scale, shape, dtype, layout):
    assume(0 not in shape[2:])
    sensible = is_number(scale, 1e-6, 4)
    with answered(sensible, repr(scale)):
        denoiser = Denoiser(nn.Identity(), scale)
    if sensible:
        noisy = pictures(shape, dtype, layout)
        with answered(dtype in FLOATS, dtype):
            close(denoiser(noisy), exact(noisy))


# Figures and words


@pytest.fixture(autouse=True)
def tidy():
    yield
    use_language("en")
    plt.close("all")


@given(one_of(LANGUAGES) | st.text() | st.none() | st.integers())
def test_languages(language):
    with answered(language in LANGUAGES, repr(language)):
        use_language(language)


@given(one_of([*LABELS]) | st.text())
def test_labels(key):
    for language in LANGUAGES:
        use_language(language)
        assert label(key) == LABELS.get(key, {}).get(language, key)


@settings(max_examples=60)
@given(
    arguments(
        {
            "shape": st.tuples(st.integers(0, 2), one_of([1, 3]), sides, sides),
            "dtype": one_of(WHOLE),
            "change": one_of(["meta", "flat", "array"]),
            "keys": st.just([]),
            "size": numbers.filter(lambda x: not is_number(x, 0.1, 100)),
            "clean_dtype": one_of(FLOATS + WHOLE),
        },
        shape=st.tuples(st.integers(1, 2), st.just(1), st.just(4), st.just(3)),
        dtype=one_of(FLOATS),
        layout=layouts,
        change=st.just(""),
        keys=one_of([["noisy"], ["noisy", "BM3D"]]),
        size=st.floats(0.3, 1),
        clean_dtype=st.none(),
    )
)
def test_drawn_digits(chosen):
    shape, dtype, layout, change, keys, size, clean_dtype = chosen
    images = pictures(shape, dtype, layout)
    rows = dict.fromkeys(keys, changed(images, change))
    clean = None if clean_dtype is None else pictures(shape, clean_dtype, seed=1)
    sensible = dtype in FLOATS and shape[1] in (1, 3) and 0 not in shape
    sensible &= not change and bool(keys) and is_number(size, 0.1, 100)
    sensible &= clean is None or {dtype, clean_dtype} <= {*PRECISE}
    with answered(sensible):
        figure = plots.draw_digits(rows, clean, size=size)
        plt.close(figure)
    assert not plt.get_fignums()
    if sensible:
        axes = np.array(figure.axes).reshape(len(keys), -1)
        for row, key in zip(axes, keys, strict=True):
            assert row[0].get_ylabel() == label(key)
            for i, ax in enumerate(row):
                shown = ax.get_images()[0].get_array()
                expected = exact(images[i])
                colours = np.moveaxis(np.clip(expected, 0, 1), 0, -1)
                expected = expected[0] if len(expected) == 1 else colours
                np.testing.assert_allclose(shown, expected, atol=1e-6)
                below = (
                    "" if clean is None else f"{metrics.psnr(images, clean)[i]:.1f} dB"
                )
                assert ax.get_xlabel() == below


SIGNED = {"error": torch.rand(2, 1, 4, 4) - 0.5}


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.show_signed({}),
        lambda: plots.show_signed({"error": torch.rand(1, 3, 4, 4)}),
        lambda: plots.show_signed({"residual": SIGNED["error"].byte()}),
        lambda: plots.show_signed(SIGNED, limit=0),
        lambda: plots.show_signed(SIGNED, limit=math.nan),
        lambda: plots.show_signed(SIGNED, size="1"),
        lambda: draw_unet(width=0),
        lambda: draw_unet(width=2.5),
        lambda: draw_convolution(torch.ones(3, 3), torch.ones(5, 5)),
        lambda: draw_convolution(torch.ones(3, 3).int(), torch.ones(2, 2)),
        lambda: draw_convolution(torch.ones(3, 3), torch.ones(3, 3), row=1),
        lambda: draw_channels(
            torch.ones(2, 4, 4), torch.ones(1, 3, 3, 3), torch.ones(1)
        ),
        lambda: noise_explorer(0),
        lambda: noise_explorer(10_001),
        lambda: noise_explorer(None),
    ],
)
def test_figures_that_cannot_be_drawn(draw):
    with refusal():
        draw()
    assert not plt.get_fignums()


@settings(max_examples=10)
@given(st.integers(0, 2), one_of([torch.float32, torch.float64, torch.uint8]))
def test_feature_maps(batch, dtype):
    model, x = SkipUnet(width=2), pictures((batch, 1, 8, 8), dtype)
    with answered(dtype == torch.float32, dtype):
        maps = feature_maps(model, x)
        assert maps.keys() == dict(model.named_children()).keys()
        assert torch.equal(maps["end"], model(x))


# Data


@settings(max_examples=150)
@given(
    arguments(
        {
            "side": one_of([(784,), (), (1, 28, 28)]),
            "dtype": array_dtypes,
            "label_dtype": array_dtypes,
            "more": one_of([1, 2]),
            "largest": numbers,
            "validation": counts,
        },
        n=st.integers(0, 12),
        more=st.just(0),
        side=one_of([(28, 28), (3, 5)]),
        dtype=st.just(np.uint8),
        label_dtype=st.just(np.uint8),
        classes=one_of([10, 47]),
        layout=array_layouts,
        largest=st.integers(0, 9),
        validation=st.integers(1, 9),
    )
)
def test_digits(chosen):
    n, more, side, dtype, label_dtype, classes, layout, largest, validation = chosen
    pixels = arrays((n, *side), dtype, layout)
    labels = arrays((n + more,), label_dtype) % label_dtype(classes)
    sensible = dtype == label_dtype == np.uint8 and pixels.ndim == 3 and not more
    with answered(sensible):
        digits = data.Digits(pixels, labels)
    if not sensible:
        return
    number = is_number(largest, -math.inf, math.inf)
    kept = [i for i in range(n) if number and labels[i] <= largest]
    with answered(bool(kept), largest if number else repr(largest)):
        few = digits.up_to(largest)
        assert np.array_equal(few.images, pixels[kept])
        assert np.array_equal(few.labels, labels[kept])
    with answered(is_whole(validation, 1, n - 1), repr(validation)):
        learn, choose = data.split(digits, validation)
        assert len(choose) == validation
        assert np.array_equal(np.concatenate([learn.images, choose.images]), pixels)


@settings(max_examples=30)
@given(
    n=st.integers(1, 4),
    shape=one_of([(-1, 28, 28), (-1, 784), (-1, 1, 28, 28), (-1, 28, 28, 1)]),
    dtype=one_of(["u1", "i2", ">i4", "f2", ">f4", "f8"]),
    label_shape=one_of([(-1,), (-1, 1), (1, -1)]),
    label_dtype=one_of(["u1", "i8", ">f8"]),
    order=one_of("CF"),
)
def test_files_hold_what_was_written(n, shape, dtype, label_shape, label_dtype, order):
    pixels, labels = arrays((n, 28, 28)), np.arange(n, dtype=np.uint8)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = pixels.reshape(shape).astype(dtype, order=order)
        write_npy_pair(folder, written, labels.reshape(label_shape).astype(label_dtype))
        write_idx(folder, pixels, labels, open)
        for digits in (load_npy(folder), *load_idx(folder)):
            assert np.array_equal(digits.images, pixels)
            assert np.array_equal(digits.labels, labels)
            assert torch.from_numpy(digits.images).shape == (n, 28, 28)  # no warning
