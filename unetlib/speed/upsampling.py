"""Upsampling and the convolution behind it in one. Introduced in chapter 10."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from unetlib.checks import UnetlibError
from unetlib.model import Up, upsample_then_conv


def composed_kernel(weight: Tensor) -> Tensor:
    """(O, I, 3, 3) of a convolution → (I, O, 4, 4) of `upsampled_conv`.

    Upsampling repeats each pixel twice in both directions. So a pixel meets the kernel
    at 2×2 neighbouring places, and what it adds to the output is the sum of the kernel,
    turned round, at these four places. Raises UnetlibError for other kernels.
    """
    if weight.dim() != 4 or weight.shape[2:] != (3, 3) or weight.numel() == 0:
        raise UnetlibError(f"weight must be (O, I, 3, 3), got {tuple(weight.shape)}")
    turned = weight.flip(2, 3).transpose(0, 1)
    return sum(pad(turned, (x, 1 - x, y, 1 - y)) for x in (0, 1) for y in (0, 1))


def upsampled_conv(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Upsample(scale_factor=2), then a 3×3 convolution with padding 1, as one step.

    x: (B, I, H, W). weight: (O, I, 3, 3). bias: (O,). Returns (B, O, 2H, 2W).
    Of the nine products behind an output pixel, several multiply the same input pixel;
    adding their weights first leaves four: 2.25 times fewer multiplications, and the
    upsampled picture is never stored.
    Raises UnetlibError for what does not go together.
    """
    kernel = composed_kernel(weight)  # (I, O, 4, 4)
    if x.dim() != 4 or not x.is_floating_point() or x.device != weight.device:
        raise UnetlibError(
            f"expected floats (B, I, H, W) on {weight.device}, as the weight, "
            f"got {x.dtype} {tuple(x.shape)} on {x.device}"
        )
    try:
        return conv_transpose2d(x, kernel, bias, stride=2, padding=1)
    except RuntimeError as error:
        raise UnetlibError(
            "expected x (B, I, H, W), weight (O, I, 3, 3) and bias (O,) of one float "
            f"dtype, got {tuple(x.shape)} of {x.dtype}, {tuple(weight.shape)} of "
            f"{weight.dtype} and {bias if bias is None else tuple(bias.shape)}: {error}"
        ) from error


def composed_way(x: Tensor, skip: Tensor | None, conv: nn.Module) -> Tensor:
    """`upsample_then_conv` without storing the upsampled picture or the joined one.

    Any other convolution than the book's, one with hooks or a norm on its weight
    included, is left to compute itself.
    """
    if not _is_plain(conv):
        return upsample_then_conv(x, skip, conv)
    if skip is None:
        return upsampled_conv(x, conv.weight, conv.bias)
    upper, lower = conv.weight.split([x.shape[1], skip.shape[1]], dim=1)
    return upsampled_conv(x, upper, conv.bias) + conv2d(skip, lower, padding=1)


def hooked(module: nn.Module) -> bool:
    """Whether anything hangs on it that is called when it computes or learns."""
    hooks = ("forward", "forward_pre", "backward", "backward_pre")
    return any(getattr(module, f"_{name}_hooks") for name in hooks)


def _is_plain(conv: nn.Module) -> bool:
    """Whether it is Conv2d itself, 3×3 with padding 1, and nothing hangs on it."""
    if type(conv) is not nn.Conv2d or hooked(conv):
        return False
    shape = (conv.kernel_size, conv.padding, conv.stride, conv.dilation)
    usual = shape == ((3, 3), (1, 1), (1, 1), (1, 1)) and conv.groups == 1
    return usual and conv.padding_mode == "zeros"


@contextmanager
def composed(model: nn.Module) -> Iterator[None]:
    """Within it, every `Up` in `model` computes in the composed way."""
    ups = [module for module in model.modules() if isinstance(module, Up)]
    ups = [up for up in ups if "way" not in vars(up)]  # not within another one
    for up in ups:
        up.way = composed_way
    try:
        yield
    finally:
        for up in ups:
            del up.way
