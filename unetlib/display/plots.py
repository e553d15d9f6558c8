"""The figures of the book, in the reader's language. Introduced in chapter 01.

Digits are drawn one way everywhere: gray, 0 is black and 1 is white, no smoothing.
`show_…` and `plot_…` draw and show one figure; keys of LABELS are translated.
"""

import math
from collections.abc import Mapping, Sequence
from numbers import Real

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from unetlib.checks import UnetlibError, check_floats
from unetlib.display.labels import label
from unetlib.metrics import psnr

# Vector graphics then hold a picture's own pixels: browsers enlarge them as squares.
UNSMOOTHED = {"interpolation": "none"}
GRAY = {"cmap": "gray", "vmin": 0, "vmax": 1, **UNSMOOTHED}
# The palette of lines and diagrams: readable for colour-blind eyes, and in print.
COLOURS = ("#0b6e99", "#d1495b", "#e09f3e", "#4f772d", "#7b4b94")
LINES = (*COLOURS, "#56b4e9", "#22223b")  # two more, for many curves


def draw_digits(
    rows: Mapping[str, Tensor],
    clean: Tensor | None = None,
    titles: Sequence[str] = (),
    size: float = 0.85,
) -> Figure:
    """A grid of digits: one row per entry, one column per picture.

    rows: {key of LABELS or any text: (B, 1, H, W) in [0, 1]}, e.g. noisy, denoised;
        (B, 3, H, W) for colours, red first.
    clean: where given, the PSNR against it stands beneath each picture of every row
        but the one that is equal to it.
    titles: words above the columns. size: inches per picture.
    Raises UnetlibError where a row holds no floats, and for other shapes.
    """
    _check_rows(rows, size, channels=(1, 3))
    psnrs = {
        key: psnr(images.detach(), clean)
        for key, images in rows.items()
        if clean is not None
    }
    columns = max(len(images) for images in rows.values())
    beneath = 0.35 if clean is not None else 0.1
    figure, axes = plt.subplots(
        len(rows),
        columns,
        figsize=(columns * size + 1.4, len(rows) * (size + beneath)),
        squeeze=False,
        layout="constrained",
    )
    for row, (key, images) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(row, images, strict=False):
            ax.imshow(_pixels(image), **GRAY)
        if clean is not None and not torch.equal(images, clean):
            for ax, db in zip(row, psnrs[key], strict=False):
                ax.set_xlabel(f"{db:.1f} dB", fontsize=9)
        row[0].set_ylabel(label(key), rotation=0, ha="right", va="center", labelpad=8)
    for ax, title in zip(axes[0], titles, strict=False):
        ax.set_title(title, fontsize=10)
    _bare(axes)
    return figure


def show_digits(
    rows: Mapping[str, Tensor], clean: Tensor | None = None, size: float = 0.85
) -> None:
    """Draw the grid of `draw_digits` and show it."""
    draw_digits(rows, clean, size=size)
    plt.show()


def show_signed(
    rows: Mapping[str, Tensor], limit: float = 1.0, size: float = 0.85
) -> None:
    """Like `show_digits`, for values around 0: blue below, white at 0, red above.

    limit: the value that gets the full colour, on both sides; above 0.
    """
    _check_rows(rows, size)
    if not (isinstance(limit, Real) and limit > 0):
        raise UnetlibError(f"limit must be a number above 0, got {limit!r}")
    columns = max(len(images) for images in rows.values())
    figure, axes = plt.subplots(
        len(rows),
        columns,
        figsize=(columns * size + 2.0, len(rows) * (size + 0.1)),
        squeeze=False,
        layout="constrained",
    )
    for row, (key, images) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(row, images, strict=False):
            signed = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit, **UNSMOOTHED}
            drawn = ax.imshow(_pixels(image), **signed)
        row[0].set_ylabel(label(key), rotation=0, ha="right", va="center", labelpad=8)
    _bare(axes)
    ticks, aspect = (-limit, 0, limit), 8 * len(rows)
    figure.colorbar(drawn, ax=axes, shrink=0.9, aspect=aspect, ticks=ticks)
    plt.show()


def show_feature_maps(features: Mapping[str, Tensor], maps: int = 8) -> None:
    """The first `maps` channels after each block, a row per block.

    features: {name: (1, C, H, W)}, as `feature_maps` returns them. Each map has its
    own gray scale: what counts is where it is strong, not how strong.
    """
    _, axes = plt.subplots(
        len(features),
        maps,
        figsize=(maps * 0.85 + 1.9, len(features) * 0.9),
        squeeze=False,
        layout="constrained",
    )
    for row, (key, value) in zip(axes, features.items(), strict=True):
        for ax, channel in zip(row, value[0].detach().cpu().numpy(), strict=False):
            ax.imshow(channel, cmap="gray", **UNSMOOTHED)
        _, channels, height, width = value.shape
        row[0].set_ylabel(
            f"{key}\n{channels}×{height}×{width}",
            rotation=0,
            ha="right",
            va="center",
            labelpad=8,
            fontsize=8,
        )
    _bare(axes)
    plt.show()


def plot_curves(
    curves: Mapping[str, Sequence[float] | tuple[Sequence[float], Sequence[float]]],
    x: str = "step",
    y: str = "loss",
    log_y: bool = False,
) -> None:
    """Lines over one pair of axes, each labelled with its key.

    curves: {key: values} or {key: (x values, y values)}.
    """
    _, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
    for index, (key, values) in enumerate(curves.items()):
        points = values if isinstance(values, tuple) else (range(len(values)), values)
        marker = "o" if len(points[0]) <= 20 else None
        colour = LINES[index % len(LINES)]
        ax.plot(*points, color=colour, label=label(key), marker=marker, markersize=4)
    ax.set_xlabel(label(x))
    ax.set_ylabel(label(y))
    if log_y:
        ax.set_yscale("log")
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    _legend_above(ax, len(curves))
    plt.show()


def plot_histogram(groups: Mapping[str, Tensor | np.ndarray], x: str) -> None:
    """How often each value occurs, one outline per entry of `groups`."""
    _, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
    for index, (key, values) in enumerate(groups.items()):
        colour = COLOURS[index % len(COLOURS)]
        flat = np.asarray(values).ravel()
        ax.hist(flat, bins=80, histtype="step", color=colour, label=label(key))
    ax.set_yscale("log")
    ax.set_xlabel(label(x))
    ax.set_ylabel(label("count"))
    ax.spines[["top", "right"]].set_visible(False)
    _legend_above(ax, len(groups))
    plt.show()


def plot_bars(values: Mapping[str, float], x: str) -> None:
    """A bar per entry, from top to bottom, and its value beside it.

    All with as many decimals as give the largest three digits.
    Raises UnetlibError unless there are some, and the largest is above 0.
    """
    if not (values and max(values.values()) > 0):
        raise UnetlibError(f"expected some values, one above 0, got {dict(values)}")
    _, ax = plt.subplots(figsize=(6.4, 0.7 + 0.36 * len(values)), layout="constrained")
    bars = ax.barh([label(key) for key in values], values.values(), color=COLOURS[0])
    decimals = max(0, 2 - math.floor(math.log10(max(values.values()))))
    ax.bar_label(bars, fmt=f"{{:,.{decimals}f}}", padding=4)
    ax.margins(x=0.12)
    ax.invert_yaxis()
    ax.set_xlabel(label(x))
    ax.tick_params(left=False)
    ax.spines[["top", "right", "left"]].set_visible(False)
    plt.show()


def plot_descent(values: Mapping[str, float], x: str) -> None:
    """For each entry a bar from the value before it to its own, where a dot is.

    The axis is logarithmic: bars of the same length are the same factor, however large
    the values. What grew has another colour. Raises UnetlibError unless there are
    several values, all above 0.
    """
    reached = list(values.values())
    if not (len(reached) > 1 and min(reached) > 0):
        raise UnetlibError(f"expected several values, all above 0, got {dict(values)}")
    _, ax = plt.subplots(figsize=(6.4, 0.7 + 0.36 * len(values)), layout="constrained")
    names = [label(key) for key in values]
    before = np.array([reached[0], *reached[:-1]])
    colours = [COLOURS[grew] for grew in (reached > before).astype(int)]
    ax.barh(names, before - reached, left=reached, color=colours, alpha=0.5)
    ax.scatter(reached, names, color=colours, zorder=2)
    for name, value, old in zip(names, reached, before, strict=True):
        left = value <= old
        ax.annotate(
            f"{value:,.0f}" if value >= 10 else f"{value:.1f}",
            (value, name),
            (-8 if left else 8, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
        )
    ax.set_xscale("log")
    ax.set_xlim(min(reached) / 3, 2 * max(reached))  # beside the dots stand the values
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.invert_yaxis()
    ax.set_xlabel(label(x))
    ax.tick_params(left=False)
    ax.spines[["top", "right", "left"]].set_visible(False)
    plt.show()


def _legend_above(ax: Axes, entries: int) -> None:
    """Above the axes, where no curve can cross it; none for a single entry."""
    if entries > 1:
        ax.legend(
            frameon=False,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=min(entries, 3),
            borderaxespad=0.2,
        )


def _check_rows(
    rows: Mapping[str, Tensor], size: float, channels: tuple[int, ...] = (1,)
) -> None:
    if not (rows and isinstance(size, Real) and 0.1 <= size <= 100):
        raise UnetlibError(
            "expected some rows and a size from 0.1 to 100 inches, "
            f"got {list(rows)} and {size!r}"
        )
    for key, images in rows.items():
        check_floats(f"row {key!r}", images)
        wrong = (
            images.dim() != 4 or images.shape[1] not in channels or 0 in images.shape
        )
        if wrong or images.is_meta:
            raise UnetlibError(
                f"row {key!r} must be some pictures (B, 1, H, W) with values, "
                f"got {tuple(images.shape)} on {images.device}"
            )


def _pixels(image: Tensor) -> np.ndarray:
    """(1, H, W) as (H, W) for matplotlib, (3, H, W) as (H, W, 3), from any device."""
    image = image.detach().float().cpu()
    return (image[0] if len(image) == 1 else image.permute(1, 2, 0).clamp(0, 1)).numpy()


def _bare(axes: np.ndarray) -> None:
    """No ticks and no frames: nothing but pictures and words."""
    for ax in axes.flat:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
