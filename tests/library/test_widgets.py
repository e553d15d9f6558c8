"""The noise explorer, its controls moved from Python."""

import base64
import gc
import io
import re
import tracemalloc

import ipywidgets
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from matplotlib.image import imread
from torch import nn

from unetlib.checks import UnetlibError
from unetlib.display import widgets
from unetlib.display.feature_maps import feature_maps
from unetlib.display.labels import label, use_language
from unetlib.display.noises import NOISES
from unetlib.display.widgets import NoiseExplorer, noise_explorer
from unetlib.metrics import ssim
from unetlib.model import Denoiser, SkipUnet, Unet, conv
from unetlib.pretrained import OFFERED

LEVELS = 2 / 255  # a colour map cuts off, once to 256 colours and once to bytes


@pytest.fixture(autouse=True)
def no_figures():
    """What other files' tests left open is not the explorer's."""
    plt.close("all")


@pytest.fixture
def explorer(clean) -> NoiseExplorer:
    use_language("en")
    return NoiseExplorer({"noisy": lambda x: x, "half": lambda x: x / 2}, clean[:5])


def pictures(explorer: NoiseExplorer) -> list[np.ndarray]:
    """What a browser would decode: (H, W, 4) in [0, 1] each."""
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', explorer.view.value)
    return [imread(io.BytesIO(base64.b64decode(png)), format="png") for png in found]


def decibels(explorer: NoiseExplorer) -> list[float]:
    found = re.findall(r"(-?[\d.]+|∞) dB", explorer.view.value)
    return [float(db.replace("∞", "inf")) for db in found]


def test_each_control_changes_the_pictures(explorer):
    seen = [explorer.view.value]
    for change in (
        lambda: setattr(explorer.sigma, "value", 0.9),
        lambda: setattr(explorer.digit, "value", 3),
        lambda: setattr(explorer.noise, "value", "speckle"),
        lambda: setattr(explorer.model, "value", "noisy"),
        explorer.new_noise.click,
    ):
        change()
        assert explorer.view.value not in seen
        seen.append(explorer.view.value)


def test_the_pictures_are_the_panels_and_the_error(explorer):
    explorer.sigma.value = 0.3
    panels = [panel[0, 0].numpy() for panel in explorer.panels(0.3).values()]
    *gray, error = pictures(explorer)
    for picture, panel in zip(gray, panels, strict=True):
        for channel in range(3):
            assert picture[..., channel] == pytest.approx(panel.clip(0, 1), abs=LEVELS)
    signed = matplotlib.colormaps["RdBu_r"]((panels[2] - panels[0] + 1) / 2)
    assert error == pytest.approx(signed, abs=0.03)  # the next colour


def test_psnr_and_ssim_stand_beneath(explorer):
    explorer.model.value = "noisy"
    values = []
    for sigma in (0.0, 0.1, 0.3, 0.6, 1.0):
        explorer.sigma.value = sigma
        noisy, denoised = decibels(explorer)
        assert noisy == denoised
        values.append(noisy)
    assert values[0] == np.inf and values == sorted(values, reverse=True)
    panels = explorer.panels(1.0)
    expected = ssim(panels["noisy"], panels["clean"]).item()
    found = re.findall(r"SSIM (-?[\d.]+)", explorer.view.value)
    assert [float(x) for x in found] == pytest.approx([expected] * 2, abs=0.005)


def test_a_small_negative_ssim_is_no_minus_zero(explorer, monkeypatch):
    monkeypatch.setattr(widgets, "ssim", lambda *_: torch.tensor(-0.001))
    assert "SSIM 0.00" in widgets._pictures(explorer.panels(0.5))


@pytest.mark.parametrize("kind", NOISES)
def test_the_chosen_noise_is_added(explorer, kind):
    explorer.noise.value = kind
    panels = explorer.panels(0.4)
    generator = torch.Generator().manual_seed(0)
    expected = NOISES[kind](panels["clean"], 0.4, generator)
    assert torch.equal(panels["noisy"], expected)


def test_the_noise_keeps_its_pattern_while_sigma_moves(explorer):
    one, two = explorer.panels(0.1), explorer.panels(0.2)
    first, second = one["noisy"] - one["clean"], two["noisy"] - two["clean"]
    assert second.numpy() == pytest.approx(2 * first.numpy(), abs=1e-6)


def test_torch_keeps_its_threads(clean, monkeypatch):
    seen = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    monkeypatch.setattr(torch, "set_num_threads", seen.append)
    NoiseExplorer({"noisy": lambda x: x}, clean[:1])
    assert seen == [1, 7]


def test_a_second_explorer_is_not_disturbed(explorer, clean):
    other = NoiseExplorer({"noisy": lambda x: x}, clean[:5])
    before = other.view.value, other.sigma.value, other.digit.value
    explorer.sigma.value, explorer.digit.value = 0.8, 4
    explorer.new_noise.click()
    assert (other.view.value, other.sigma.value, other.digit.value) == before


def left_in_memory() -> tuple[int, int]:
    """(bytes that Python holds since tracing began, widgets that are alive)."""
    gc.collect()
    widgets = [x for x in gc.get_objects() if issubclass(type(x), ipywidgets.Widget)]
    return tracemalloc.get_traced_memory()[0], len(widgets)


@pytest.mark.parametrize(
    ("before", "after"),
    [(250, 250), pytest.param(500, 1000, marks=pytest.mark.weekly)],
)
def test_many_changes_leave_nothing_behind(explorer, before, after):
    def change(times: int) -> None:
        for i in range(times):
            explorer.sigma.value = (0.2, 0.4, 0.6)[i % 3]

    tracemalloc.start()
    change(before)  # fills what is cached: after 50 changes it still grows
    size, widgets = left_in_memory()
    change(after)
    more, same = left_in_memory()
    tracemalloc.stop()
    # A hundredth of what a thousand pictures, about 7 kB each, would take.
    assert more - size < 70_000
    assert same == widgets and not plt.get_fignums()


@pytest.mark.parametrize("network", [SkipUnet, Unet])
def test_feature_maps_are_shown_on_the_networks_own_scale(network, clean):
    torch.manual_seed(0)
    denoiser = Denoiser(network(), scale=0.5 / 255).requires_grad_(False)
    explorer = NoiseExplorer({"net": denoiser}, clean[:2], features=True)
    maps = feature_maps(denoiser.network, 0.5 * explorer.panels(0.5)["noisy"])
    blocks = re.findall(r"<code>(\w+)</code><br>([\d×]+)<", explorer.view.value)
    strips = pictures(explorer)[4:]
    assert len(blocks) == len(strips) == 6
    for (name, shape), strip in zip(blocks, strips, strict=True):
        block = maps[name][0, :8].numpy()
        assert shape == "×".join(map(str, maps[name].shape[1:]))
        assert strip.shape == (28, 30 * len(block) - 2, 4)
        zoom = 28 // block.shape[1]
        for i, channel in enumerate(block):
            shown = strip[::zoom, 30 * i : 30 * i + 28 : zoom, 0]
            stretched = (channel - channel.min()) / np.ptp(channel)
            assert shown == pytest.approx(stretched, abs=LEVELS)
            assert (strip[:, 30 * i + 28 : 30 * i + 30, 3] == 0).all()  # a gap


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


def test_the_picture_is_kept_under_ipywidgets_7(explorer, monkeypatch):
    """Whose widgets show themselves, which IPython prefers to all other ways."""

    def shows_itself(widget: ipywidgets.Widget) -> None:
        """As Colab's ipywidgets does it; a bundle is then not asked for."""

    monkeypatch.setattr(
        ipywidgets.Widget, "_ipython_display_", shows_itself, raising=False
    )
    shown, _ = DisplayFormatter().format(explorer)
    assert {"application/vnd.jupyter.widget-view+json", "image/png"} <= shown.keys()
    assert DisplayFormatter().format(explorer.sigma) == ({}, {})


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ["噪声水平 σ", "第几个数字", "噪声", "网络", "换一份噪声"]),
        ("en", ["noise level σ", "which digit", "noise", "network", "new noise"]),
    ],
)
def test_the_shipped_networks_in_the_readers_language(language, words):
    use_language(language)
    explorer = noise_explorer(digits=2)
    assert [control.description for control in explorer.children[:-1]] == words
    assert [key for _, key in explorer.model.options] == list(OFFERED)
    assert explorer.model.value == "skip"
    assert f">{label('error')}<img" in explorer.view.value
    before, after = decibels(explorer)
    assert after > before + 5


@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("network", [SkipUnet, lambda: nn.Sequential(conv(1, 1))])
def test_a_network_of_ones_own_needs_no_denoiser(network, dtype, features, clean):
    torch.manual_seed(0)
    own = network().to(dtype)
    explorer = NoiseExplorer({"mine": own}, clean[:2], features)
    panels = explorer.panels(0.5)
    found = own(panels["noisy"].to(dtype)).float().detach()
    torch.testing.assert_close(panels["denoised"], found)
    assert own.training
    assert ("<code>" in explorer.view.value) == features


def test_pictures_of_any_size_have_feature_maps():
    digits = torch.rand(2, 1, 30, 29)
    explorer = NoiseExplorer({"skip": Denoiser(SkipUnet(4))}, digits, features=True)
    assert "<code>down1</code>" in explorer.view.value


def test_exploring_a_network_does_not_change_it(clean):
    own = nn.Sequential(conv(1, 1), nn.BatchNorm2d(1), nn.Dropout(0.5))
    before = [x.clone() for x in own.state_dict().values()]
    explorer = NoiseExplorer({"mine": own}, clean[:2], features=True)
    first = explorer.view.value
    explorer.sigma.value = 0.9
    explorer.sigma.value = 0.5
    assert explorer.view.value == first  # no dropout
    after = own.state_dict().values()
    assert all(map(torch.equal, before, after))


@pytest.mark.parametrize(
    ("denoisers", "features", "message"),
    [
        (SkipUnet(1), False, 'such as {"mine": network}, got SkipUnet'),
        ({}, False, 'such as {"mine": network}, got an empty one'),
        ({"mine": 5}, False, "'mine' must be a function, got 5"),
        ({"mine": torch.relu}, True, "'mine' must be a network, for its feature maps"),
    ],
)
def test_what_is_no_denoiser_is_refused(denoisers, features, message, clean):
    with pytest.raises(UnetlibError, match=message):
        NoiseExplorer(denoisers, clean[:1], features)


@pytest.mark.parametrize(
    "digits",
    [
        torch.zeros(0, 1, 28, 28),
        torch.zeros(2, 28, 28),
        torch.zeros(2, 3, 28, 28),
        torch.zeros(2, 1, 28, 28, dtype=torch.uint8),
        np.zeros((2, 1, 28, 28)),
    ],
)
def test_what_are_no_digits_is_refused(digits):
    with pytest.raises(UnetlibError, match="clean must be"):
        NoiseExplorer({"noisy": lambda x: x}, digits)
