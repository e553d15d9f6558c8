"""The network drawn as the letter U, in the reader's language. Used in chapter 02."""

import itertools

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from unetlib.checks import check_whole
from unetlib.display.labels import label
from unetlib.display.plots import COLOURS

BLUE, RED, ORANGE, GREEN, _ = COLOURS
ARROWS = {"convolution": "#444444", "pooling": ORANGE, "upsampling": GREEN}


def draw_unet(skips: bool = True, width: int = 32) -> None:
    """Both networks of the book have this shape; only the dashed arrows differ.

    A bar is a tensor: the taller, the more pixels; the wider, the more channels.
    skips: with the skip connections (`SkipUnet`) or without (the article's `Unet`).
    width: channels at full resolution, 32 in `Unet` and 28 in `SkipUnet`.
    Raises UnetlibError unless that is a whole number from 1 to 1000.
    """
    w = check_whole("width", width, 1, 1000)
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
            y = _height(side)
            ax.annotate(
                "",
                xy=(right - 0.32, y),
                xytext=(left + 0.3, y),
                arrowprops={"arrowstyle": "->", "color": RED, "linestyle": "--"},
            )
        ax.text(3, 2.68, label("skip_connection"), color=RED, ha="center")
    ax.text(0, 3.18, label("input"), ha="center")
    ax.text(7, 3.18, label("output"), ha="center")
    for x, key in ((1, "encoder"), (3, "bottleneck"), (5.7, "decoder")):
        ax.text(x, -0.72, label(key), ha="center", fontsize=12)
    for key, colour in ARROWS.items():
        ax.plot([], [], color=colour, label=label(key))
    ax.legend(loc="lower right", frameon=False, fontsize=9, bbox_to_anchor=(1, 0.06))
    ax.set(xlim=(-0.5, 7.6), ylim=(-0.85, 3.4))
    ax.axis("off")
    plt.show()


def _height(side: int) -> float:
    """Where a tensor of so many pixels a side stands: 28 on top, 7 at the bottom."""
    return {28: 2.6, 14: 1.15, 7: 0.0}[side]


def _tall(side: int) -> float:
    return 0.3 + 0.025 * side


def _draw_bar(ax: Axes, x: float, side: int, channels: int, copied: int) -> None:
    tall, wide, wide_copied = _tall(side), 0.05 + channels / 450, copied / 450
    y = _height(side)
    left = x - (wide + wide_copied) / 2
    for start, size, colour in (
        (left, wide_copied, RED),
        (left + wide_copied, wide, BLUE),
    ):
        ax.add_patch(plt.Rectangle((start, y - tall / 2), size, tall, color=colour))
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
