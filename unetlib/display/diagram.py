"""What a convolution does, and the network as the letter U. Used in chapter 02."""

import itertools

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor
from torch.nn.functional import conv2d

from unetlib.checks import UnetlibError, check_floats, check_whole
from unetlib.display.labels import label
from unetlib.display.plots import COLOURS, UNSMOOTHED

BLUE, RED, ORANGE, GREEN, _ = COLOURS
INK = "#111111"  # not black, which a dark page would make light, on a light ground
ARROWS = {"convolution": "#444444", "pooling": ORANGE, "upsampling": GREEN}


def draw_convolution(
    picture: Tensor, kernel: Tensor, row: int = 0, column: int = 0
) -> None:
    """Picture, kernel and output as numbers; a frame shows one window and its result.

    picture: (H, W) float. kernel: (k, k) float, no larger. There is no padding.
    row, column: where in the output the framed number stands.
    Raises UnetlibError for other shapes and for a place outside the output.
    """
    check_floats("picture", picture)
    check_floats("kernel", kernel)
    shapes, size = (tuple(picture.shape), tuple(kernel.shape)), len(kernel)
    fits = picture.dim() == 2 and shapes[1] == (size, size)
    if not (fits and size <= min(picture.shape)):
        raise UnetlibError(f"expected (H, W) and a smaller (k, k), got {shapes}")
    output = conv2d(picture[None, None], kernel[None, None])[0, 0]
    check_whole("row", row, 0, len(output) - 1)
    check_whole("column", column, 0, output.shape[1] - 1)
    grids = {"input": picture, "kernel": kernel, "output": output}
    frames = ((column, row, size), None, (column, row, 1))
    widths = [grid.shape[1] for grid in grids.values()]
    _, axes = plt.subplots(
        1, 3, figsize=(8.6, 3.2), width_ratios=widths, layout="constrained"
    )
    for ax, (key, grid), frame in zip(axes, grids.items(), frames, strict=True):
        _draw_signed(ax, grid, pale=2.5)
        for (i, j), value in ((place, grid[place].item()) for place in _places(grid)):
            number = f"{value:.3g}".replace("-", "−")
            ax.text(j, i, number, color=INK, ha="center", va="center")
        ax.set_title(label(key))
        if frame:
            x, y, side = frame
            edge, style = (x - 0.5, y - 0.5), {"fill": False, "lw": 3, "clip_on": False}
            ax.add_patch(plt.Rectangle(edge, side, side, color=ORANGE, **style))
    axes[0].text(1.06, 0.5, "∗", transform=axes[0].transAxes, fontsize=16)
    axes[1].text(1.06, 0.5, "=", transform=axes[1].transAxes, fontsize=16)
    plt.show()


def draw_channels(pictures: Tensor, weight: Tensor, bias: Tensor) -> None:
    """A convolution of several channels: a line of pictures for each output channel.

    In a line each input channel meets a slice of the kernel; the sum of the results,
    plus a bias, is the output channel. Blue is below 0, white is 0, red is above.
    pictures: (I, H, W) float. weight: (O, I, k, k), k odd. bias: (O,).
    Raises UnetlibError for integers and for shapes that do not fit.
    """
    for name, value in (("pictures", pictures), ("weight", weight), ("bias", bias)):
        check_floats(name, value)
    shapes = [tuple(value.shape) for value in (pictures, weight, bias)]
    fit = [len(shape) for shape in shapes] == [3, 4, 1]
    odd = fit and weight.shape[2] == weight.shape[3] and weight.shape[3] % 2
    if not (odd and weight.shape[:2] == (len(bias), len(pictures))):
        raise UnetlibError(
            f"expected (I, H, W), (O, I, k, k) with k odd, and (O,), got {shapes}"
        )
    maps = conv2d(pictures[None], weight, bias, padding=weight.shape[-1] // 2)[0]
    columns = 2 * len(pictures) + 2  # the last but one is the bias
    _, axes = plt.subplots(
        len(bias),
        columns,
        figsize=(1.15 * columns, 1.5 * len(bias)),
        squeeze=False,
        layout="constrained",
    )
    for line, slices, b, result in zip(axes, weight, bias, maps, strict=True):
        cells = [x for pair in zip(pictures, slices, strict=True) for x in pair]
        signs = ["∗", "+"] * (len(pictures) - 1) + ["∗"]
        for ax, values in zip([*line[:-2], line[-1]], [*cells, result], strict=True):
            _draw_signed(ax, values.detach())
        line[-2].set_box_aspect(1)
        line[-2].axis("off")
        words = [(ax, 1.12, sign) for ax, sign in zip(line, signs, strict=False)]
        for ax, x, word in [*words, (line[-2], 0.5, f"{b.item():+.2f}  =")]:
            place = {"transform": ax.transAxes, "ha": "center", "va": "center"}
            ax.text(x, 0.5, word.replace("-", "−"), **place)
    axes[0, 0].set_title(label("input"))
    axes[0, 1].set_title(label("kernel"))
    axes[0, -2].set_title(label("bias"))
    axes[0, -1].set_title(label("output"))
    plt.show()


def draw_unet(skips: bool = True, width: int | None = None) -> None:
    """Draw the shape of both networks of the book; only the dashed arrows differ.

    A bar is a tensor: the taller, the more pixels; the wider, the more channels.
    skips: with the skip connections (`SkipUnet`) or without (the article's `Unet`).
    width: channels at full resolution; None: 28 with skips, 32 without, as they have.
    Raises UnetlibError unless that is a whole number from 1 to 1000.
    """
    w = check_whole("width", (28 if skips else 32) if width is None else width, 1, 1000)
    bars = [  # (x, side, channels), in the order of the data flow
        (0, 28, 1), (1, 28, w), (1, 14, w), (2, 14, 2 * w), (2, 7, 2 * w),
        (4, 7, 4 * w), (4, 14, 4 * w), (5, 14, 2 * w), (5, 28, 2 * w),
        (6, 28, w), (7, 28, 1),
    ]  # fmt: skip
    copied = {(4, 14): 2 * w, (5, 28): w} if skips else {}  # channels that skips add
    _, ax = plt.subplots(figsize=(8.6, 4.8), layout="constrained")
    for x, side, channels in bars:
        _draw_bar(ax, x, side, channels, copied.get((x, side), 0))
    for before, after in itertools.pairwise(bars):
        _draw_arrow(ax, before, after)
    if skips:
        for left, right, side in ((1, 5, 28), (2, 4, 14)):
            y = _height(side) + _tall(side) / 2
            ax.annotate(
                "",
                xy=(right + _wide(copied[right, side]), y),
                xytext=(left, y),
                arrowprops={"arrowstyle": "->", "color": RED, "linestyle": "--"}
                | {"connectionstyle": "arc3,rad=-0.12"},
            )
        ax.text(3, 3.5, label("skip_connection"), color=RED, ha="center")
    ax.text(0, 3.18, label("input"), ha="center")
    ax.text(7, 3.18, label("output"), ha="center")
    for x, key in ((1, "encoder"), (3, "bottleneck"), (5.7, "decoder")):
        ax.text(x, -0.72, label(key), ha="center", fontsize=12)
    for key, colour in ARROWS.items():
        ax.plot([], [], color=colour, label=label(key))
    ax.legend(loc="lower right", frameon=False, fontsize=9, bbox_to_anchor=(1, 0.06))
    ax.set(xlim=(-0.5, 7.6), ylim=(-0.85, 3.65))
    ax.axis("off")
    plt.show()


def _draw_signed(ax: Axes, values: Tensor, pale: float = 1.0) -> None:
    """Blue below 0, red above; the largest value gets the full colour, or paler."""
    limit = pale * max(values.abs().max().item(), 1e-12)
    ax.imshow(values.numpy(), cmap="RdBu_r", vmin=-limit, vmax=limit, **UNSMOOTHED)
    ax.set(xticks=[], yticks=[])


def _places(grid: Tensor) -> list[tuple[int, int]]:
    return [*itertools.product(range(grid.shape[0]), range(grid.shape[1]))]


def _height(side: int) -> float:
    """Where a tensor of so many pixels a side stands: 28 on top, 7 at the bottom."""
    return {28: 2.6, 14: 1.15, 7: 0.0}[side]


def _tall(side: int) -> float:
    return 0.3 + 0.025 * side


def _wide(channels: int) -> float:
    return channels / 450


def _draw_bar(ax: Axes, x: float, side: int, channels: int, copied: int) -> None:
    """Copied channels stand last, on the right, as in what the network computes."""
    tall, wide, y = _tall(side), 0.05 + _wide(channels), _height(side)
    left = x - (wide + _wide(copied)) / 2
    for start, size, colour in (
        (left, wide, BLUE),
        (left + wide, _wide(copied), RED),
    ):
        ax.add_patch(
            plt.Rectangle((start, y - tall / 2), size, tall, color=colour, lw=0)
        )
    total = f"({channels}+{copied})" if copied else f"{channels}"
    words = f"{total}×{side}×{side}"
    ax.text(x, y - tall / 2 - 0.04, words, ha="center", va="top", fontsize=8)


def _draw_arrow(ax: Axes, before: tuple, after: tuple) -> None:
    (x0, side0, _), (x1, side1, _) = before, after
    above1 = _tall(side1) / 2
    if side0 == side1:
        kind, start, end = "convolution", (x0 + 0.3, 0.0), (x1 - 0.3, 0.0)
    elif side0 > side1:
        kind, start, end = "pooling", (x0, -_tall(side0) / 2 - 0.2), (x1, above1)
    else:
        above0 = _tall(side0) / 2
        kind, start, end = "upsampling", (x0, above0), (x1, -_tall(side1) / 2 - 0.2)
    ax.annotate(
        "",
        xy=(end[0], end[1] + _height(side1)),
        xytext=(start[0], start[1] + _height(side0)),
        arrowprops={"arrowstyle": "-|>", "color": ARROWS[kind], "linewidth": 1.4},
    )
