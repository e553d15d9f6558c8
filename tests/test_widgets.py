"""The noise explorer, its controls moved from Python."""

import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.image import imread

from unetlib.labels import use_language
from unetlib.widgets import NoiseExplorer, noise_explorer


@pytest.fixture
def explorer(clean) -> NoiseExplorer:
    use_language("en")
    return NoiseExplorer({"noisy": lambda x: x, "half": lambda x: x / 2}, clean[:5])


def shown(explorer: NoiseExplorer) -> np.ndarray:
    return imread(io.BytesIO(explorer.picture.value), format="png")[..., 0]


def decibels(explorer: NoiseExplorer) -> list[float]:
    return [float(x) for x in re.findall(r"(-?[\d.]+|inf) dB", explorer.caption.value)]


def test_each_control_changes_the_picture(explorer):
    seen = [explorer.picture.value]
    for change in (
        lambda: setattr(explorer.sigma, "value", 0.9),
        lambda: setattr(explorer.digit, "value", 3),
        lambda: setattr(explorer.model, "value", "noisy"),
        explorer.new_noise.click,
    ):
        change()
        assert explorer.picture.value not in seen
        seen.append(explorer.picture.value)


def test_the_picture_is_clean_noisy_denoised(explorer, clean):
    explorer.sigma.value = 0.0
    left, middle, right = np.split(shown(explorer)[::5, ::5], 3, axis=1)
    assert left == pytest.approx(clean[0, 0].numpy(), abs=1 / 255)
    assert np.array_equal(middle, left)
    assert right == pytest.approx(left / 2, abs=1.5 / 255)


def test_psnr_falls_as_sigma_grows(explorer):
    explorer.model.value = "noisy"
    values = []
    for sigma in (0.1, 0.3, 0.6, 1.0):
        explorer.sigma.value = sigma
        noisy, denoised = decibels(explorer)
        assert noisy == denoised
        values.append(noisy)
    assert values == sorted(values, reverse=True)


def test_the_noise_keeps_its_pattern_while_sigma_moves(explorer):
    one, two = explorer.panels(0.1), explorer.panels(0.2)
    first, second = one["noisy"] - one["clean"], two["noisy"] - two["clean"]
    assert second.numpy() == pytest.approx(2 * first.numpy(), abs=1e-6)


def test_a_picture_stands_in_where_no_kernel_runs(explorer):
    bundle = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    still = imread(io.BytesIO(bundle["image/png"]), format="png")
    explorer.sigma.value = 1.0
    assert explorer._repr_mimebundle_()["image/png"] == bundle["image/png"]
    explorer.digit.value = 1
    other = imread(io.BytesIO(explorer._repr_mimebundle_()["image/png"]), format="png")
    assert still.shape == other.shape and not np.array_equal(still, other)
    assert not plt.get_fignums()  # nothing accumulates


@pytest.mark.parametrize(
    ("language", "word"), [("zh", "噪声水平 σ"), ("en", "noise level σ")]
)
def test_the_shipped_networks_in_the_readers_language(language, word):
    use_language(language)
    explorer = noise_explorer(digits=2)
    assert explorer.sigma.description == word
    assert len(explorer.model.options) == 3
    assert explorer.model.value == "skip"
    before, after = decibels(explorer)
    assert after > before + 5
