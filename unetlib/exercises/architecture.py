"""Checks for chapter 02."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, gelu, interpolate, max_pool1d, max_pool2d

from unetlib.exercises.answers import Unusable, called, number, numbers, which

SIDE = 28
ADDED = [(1, 28), (28, 56), (56, 112), (112, 56), (56, 28), (28, 1)]  # channels


def exercise_1(answer: object) -> str:
    """How many parameters `SkipUnet()` has."""
    wrong = {"without-skips": 141_905, "without-biases": 176_904}
    return which(number(answer), {"right": 177_185, **wrong})


def exercise_2(answer: object) -> str:
    """A function: first and last input row that a row of `Unet`'s output sees."""
    given = np.stack([numbers(called(answer, row), 2) for row in range(SIDE)])
    rows = np.arange(SIDE)
    meanings = {
        "right": _rows_seen(),
        "past-the-edge": _rows_seen(margin=16),
        "moves-along": np.stack([rows - 13, rows + 12], axis=1).clip(0, SIDE - 1),
        "without-pooling": np.stack([rows - 6, rows + 6], axis=1).clip(0, SIDE - 1),
    }
    return which(given, meanings)


def exercise_3(answer: object) -> str:
    """A function that convolves x with weight and bias: 3×3, padding 1."""
    generator = torch.Generator().manual_seed(0)
    shapes = (2, 3, 6, 5), (4, 3, 3, 3), (4,)
    x, weight, bias = (torch.randn(shape, generator=generator) for shape in shapes)
    given = called(answer, x.clone(), weight.clone(), bias.clone())
    one = x.sum(dim=1, keepdim=True), weight[:, :1]
    meanings = {
        "right": conv2d(x, weight, bias, padding=1),
        "flipped": conv2d(x, weight.flip(2, 3), bias, padding=1),
        "without-bias": conv2d(x, weight, padding=1),
        "without-padding": conv2d(x, weight, bias),
        "one-slice": conv2d(*one, bias, padding=1),
    }
    return which(given, meanings, within=1e-4)


def exercise_4(answer: object) -> str:
    """A `SkipUnet` that adds what its skips bring, where that concatenates it."""
    if not isinstance(answer, nn.Module):
        raise Unusable
    x = torch.rand(2, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    given, convs = _watched(answer, x.clone())
    channels = [(conv.in_channels, conv.out_channels) for conv in convs]
    if {(168, 56), (84, 28)} & {*channels}:
        return "concatenates"
    if channels != ADDED:
        return "other"
    with torch.no_grad():
        meanings = {
            "right": _added(convs, x, 1, 1),
            "gelu-first": _added(convs, x, 1, 1, gelu_first=True),
            "without-skips": _added(convs, x, 0, 0),
            "one-skip": _added(convs, x, 0, 1),
            "the-other": _added(convs, x, 1, 0),
        }
    said = which(given, meanings, within=1e-4)
    said = {"gelu-first": "right", "the-other": "one-skip"}.get(said, said)
    weights = sum(p.numel() for conv in convs for p in conv.parameters())
    if said == "right" and weights != sum(p.numel() for p in answer.parameters()):
        return "left-over"
    return said


def _rows_seen(margin: int = 0) -> np.ndarray:
    """(28, 2): by `Unet`'s output rows, the first and last input row that reach them.

    margin: so many more rows above and below, all of which may be seen, too.
    """
    x = torch.eye(SIDE + 2 * margin)[:, None]  # a picture for each row
    for _ in range(2):
        x = max_pool1d(_spread(x), 2)
    x = _spread(x)
    for _ in range(2):
        x = _spread(x.repeat_interleave(2, dim=2))
    reached = _spread(x)[:, 0, margin : margin + SIDE].T.numpy() > 0
    last = reached.shape[1] - 1 - reached[:, ::-1].argmax(axis=1)
    return np.stack([reached.argmax(axis=1), last], axis=1) - margin


def _spread(x: Tensor) -> Tensor:
    """What a 3×3 convolution makes of where something is: it is beside that, too."""
    return max_pool1d(x, 3, stride=1, padding=1)


def _watched(network: nn.Module, x: Tensor) -> tuple[object, list[nn.Conv2d]]:
    """What it makes of x, and its convolutions in the order in which they work."""
    ran: list[nn.Conv2d] = []
    hooks = [
        module.register_forward_pre_hook(lambda module, _: ran.append(module))
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        return called(network, x), ran
    finally:
        for hook in hooks:
            hook.remove()


def _added(
    convs: list[nn.Conv2d], x: Tensor, two: int, one: int, gelu_first: bool = False
) -> Tensor:
    """What such a network gives with these convolutions; 0 leaves a skip out."""
    down1, down2, bottom, up2, up1, end = convs
    skip1 = gelu(down1(x))
    skip2 = gelu(down2(max_pool2d(skip1, 2)))
    x = gelu(bottom(max_pool2d(skip2, 2)))
    for up, skip in (up2, two * skip2), (up1, one * skip1):
        x = up(interpolate(x, scale_factor=2))
        x = gelu(x) + skip if gelu_first else gelu(x + skip)
    return end(x)
