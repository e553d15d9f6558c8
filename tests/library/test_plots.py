"""Every figure draws in every language, with the words it should have."""

import io
import warnings

import matplotlib.pyplot as plt
import pytest
import torch

from unetlib.checks import UnetlibError
from unetlib.display import plots
from unetlib.display.diagram import draw_channels, draw_convolution, draw_unet
from unetlib.display.feature_maps import feature_maps
from unetlib.display.labels import LANGUAGES, label, use_language
from unetlib.metrics import psnr
from unetlib.model import Denoiser, SkipUnet, Unet


@pytest.fixture(params=LANGUAGES, autouse=True)
def language(request):
    use_language(request.param)
    plt.close("all")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # a glyph that is missing
        warnings.filterwarnings("ignore", message=".*non-interactive")
        yield request.param
    plt.close("all")


def words() -> list[str]:
    figure = plt.gcf()
    figure.canvas.draw()
    texts = figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return [text.get_text() for text in texts if text.get_text()]


def test_show_digits_writes_psnr_beneath_all_but_the_clean(clean):
    noisy = clean[:4] + 0.3
    plots.show_digits({"clean": clean[:4], "noisy": noisy}, clean=clean[:4])
    expected = [f"{db:.1f} dB" for db in psnr(noisy, clean[:4])]
    assert [text for text in words() if text.endswith("dB")] == expected
    assert label("clean") in words() and label("noisy") in words()
    for image in plt.gcf().findobj(lambda a: hasattr(a, "get_clim")):
        assert image.get_clim() == (0, 1)


def test_show_signed_is_symmetric_around_0(clean):
    plots.show_signed({"error": clean[:3] - 0.5}, limit=0.7)
    assert label("error") in words()
    images = plt.gcf().axes[0].get_images()
    assert images[0].get_clim() == (-0.7, 0.7)


def drawn_as_vectors() -> str:
    file = io.StringIO()
    plt.gcf().savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def test_vectors_hold_a_picture_s_own_pixels(clean):
    """Neither smoothed nor enlarged, so that they are sharp at any size."""
    for draw in (
        lambda: plots.show_digits({"clean": clean[:3]}),
        lambda: plots.show_signed({"error": clean[:3]}),
        lambda: plots.show_feature_maps({"one": clean[:3].transpose(0, 1)}, maps=3),
    ):
        draw()
        svg = drawn_as_vectors()
        draw()
        assert svg == drawn_as_vectors()  # so a notebook changes only where it must
        assert svg.count('width="28" height="28"') == 3
        assert svg.count("image-rendering:pixelated") == 3
        plt.close("all")


def test_curves_and_histogram_name_what_they_show():
    plots.plot_curves({"article": [3, 2, 1], "skip": ([0, 9], [2, 1])}, x="epoch")
    assert {label("article"), label("skip"), label("epoch"), label("loss")} <= {
        *words()
    }
    plots.plot_histogram({"noise": torch.randn(100)}, x="pixel_value")
    assert {label("pixel_value"), label("count")} <= {*words()}


def test_a_histogram_shows_every_group():
    names = [f"group {i}" for i in range(9)]  # more than there are colours
    plots.plot_histogram({name: torch.randn(9) for name in names}, x="pixel_value")
    assert {*names} <= {*words()}


@pytest.mark.parametrize("network", [Unet, SkipUnet])
def test_feature_maps_are_what_the_blocks_put_out(network, clean):
    model = network()
    maps = feature_maps(model, clean[:1])
    plots.show_feature_maps(maps)
    first = next(iter(model.children()))
    assert torch.equal(next(iter(maps.values())), first(clean[:1]))
    assert not any(block._forward_hooks for block in model.children())


def test_feature_maps_of_a_denoiser_are_those_that_it_computes(clean):
    """It brings pictures of any size to one that the network takes."""
    network, picture = SkipUnet(4), clean[:1, :, 1:, :27]
    maps = feature_maps(network, picture, around=Denoiser(network))
    assert maps["down1"].shape == (1, 4, 28, 28)


def test_feature_maps_leave_no_hooks_behind_after_an_error(clean):
    model = Unet()
    with pytest.raises(UnetlibError, match="27"):
        feature_maps(model, clean[:1, :, :27])
    assert not any(block._forward_hooks for block in model.children())


def test_a_convolution_in_numbers():
    picture = torch.arange(20.0).reshape(4, 5)
    kernel = torch.tensor([[0.0, -1.0], [0.0, 1.0]])  # each column grows by 5 a row
    draw_convolution(picture, kernel, row=2, column=3)
    assert {label("kernel"), label("input"), "−1", "19"} <= {*words()}
    assert words().count("5") == 1 + 3 * 4
    frame = [p for p in plt.gcf().axes[2].patches if not p.get_fill()]
    assert frame[0].get_xy() == (2.5, 1.5) and frame[0].get_width() == 1
    with pytest.raises(UnetlibError, match=r"a smaller \(k, k\), got .*\(2, 1\)"):
        draw_convolution(picture, kernel[:, :1])


def test_the_channels_add_up_to_what_pytorch_computes():
    layer = torch.nn.Conv2d(3, 2, 3, padding=1)
    pictures = torch.rand(3, 6, 7)
    draw_channels(pictures, layer.weight, layer.bias)
    drawn = [ax.get_images()[0] for ax in plt.gcf().axes if ax.get_images()]
    assert len(drawn) == 2 * (3 + 3 + 1)
    for image, expected in zip(drawn[6::7], layer(pictures), strict=True):
        assert torch.allclose(torch.tensor(image.get_array().data), expected, atol=1e-6)
    for bias in layer.bias:
        assert f"{bias:+.2f}  =".replace("-", "−") in words()
    with pytest.raises(UnetlibError, match="expected .*k odd"):
        draw_channels(pictures, layer.weight[..., :2, :2], layer.bias)


@pytest.mark.parametrize("skips", [True, False])
def test_the_u_shows_true_shapes(skips):
    draw_unet(skips)
    assert (label("skip_connection") in words()) == skips
    assert label("bottleneck") in words()
    expected = "(112+56)×14×14" if skips else "128×14×14"
    assert expected in words() and "1×28×28" in words()


def test_a_descent_goes_from_each_value_to_the_next():
    plots.plot_descent({"fused": 8600.0, "composed": 250.0, "indexed": 2.5}, x="digit")
    ax = plt.gca()
    bars = ax.patches
    spans = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]
    assert spans == [(8600, 8600), (250, 8600), (2.5, 250)]
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        label(name) for name in ("fused", "composed", "indexed")
    ]
    assert ax.yaxis_inverted() and ax.get_xscale() == "log"
    assert {"8,600", "250", "2.5", label("digit")} <= set(words())


def test_what_grows_again_has_another_colour():
    plots.plot_descent({"fused": 9.0, "composed": 3.0, "indexed": 4.0}, x="digit")
    same, falls, grows = (bar.get_facecolor() for bar in plt.gca().patches)
    assert same == falls != grows


@pytest.mark.parametrize("values", [{}, {"a": 1.0}, {"a": 1.0, "b": 0.0}])
def test_a_descent_needs_several_values_above_0(values):
    with pytest.raises(UnetlibError, match="expected several values, all above 0"):
        plots.plot_descent(values, x="digit")


def test_bars_stand_in_order_with_their_values():
    plots.plot_bars({"article_loop": 1184.2, "composed": 250.0}, x="ms_per_step")
    ax = plt.gca()
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == [label("article_loop"), label("composed")]
    assert ax.yaxis_inverted()
    assert {"1,184", "250", label("ms_per_step")} <= set(words())
    for nothing in ({}, {"composed": 0.0}):
        with pytest.raises(UnetlibError, match="expected some values, one above 0"):
            plots.plot_bars(nothing, x="ms_per_step")
