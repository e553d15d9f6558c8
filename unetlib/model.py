"""The two networks of the book, and what one does with any. Introduced in chapter 02.

`Unet` is the article's network, key for key. `SkipUnet` is the same depth with the
skip connections that make it a U-Net.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from unetlib.checks import check_input, check_number, check_scale, check_whole


def conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    """The 3×3 convolution, padding 1, with bias, that both networks are made of."""
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)


def upsample_then_conv(x: Tensor, skip: Tensor | None, conv: nn.Module) -> Tensor:
    """`conv` of x doubled in height and width, `skip` beside it where there is one.

    x: (B, I, H, W). skip: (B, S, 2H, 2W). Returns (B, O, 2H, 2W).
    """
    x = interpolate(x, scale_factor=2)  # nearest: each pixel becomes 2×2
    return conv(x if skip is None else torch.cat([x, skip], dim=1))


class Up(nn.Sequential):
    """A decoder step: upsampling by 2, what a skip brings, convolution, activation.

    Its last two modules are the convolution and the activation. `way` is how all
    before the activation is computed; `unetlib.speed.upsampling` exchanges it for a
    faster one, in every network that is built from this block.
    """

    way = staticmethod(upsample_then_conv)

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        *_, conv, activation = self
        return activation(self.way(x, skip, conv))


class Unet(nn.Module):
    """The article's network: an encoder, a bottleneck, a decoder, and no skips.

    Input and output (B, channels, H, W) float, H and W divisible by 4; the Tanh keeps
    the output within [-1, 1]. 185,217 parameters. The attribute names are the
    article's, so a state dict written by its program loads unchanged.
    Raises UnetlibError for another shape, dtype or device.
    Source: the article, section 2.2.
    """

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.channels = c = check_whole("channels", channels, 1, 1024)
        self.first_block_down = nn.Sequential(conv(c, 32), nn.GELU(), nn.MaxPool2d(2))
        self.second_block_down = nn.Sequential(conv(32, 64), nn.GELU(), nn.MaxPool2d(2))
        self.latent_space_block = nn.Sequential(conv(64, 128), nn.GELU())
        # nn.Upsample holds the article's place 0, so that the convolution has its 1.
        self.second_block_up = Up(nn.Upsample(scale_factor=2), conv(128, 64), nn.GELU())
        self.first_block_up = Up(nn.Upsample(scale_factor=2), conv(64, 32), nn.GELU())
        self.convUP_end = nn.Sequential(conv(32, c), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 28, 28)
        check_input(x, self.first_block_down[0].weight)
        x = self.first_block_down(x)  # (B, 32, 14, 14)
        x = self.second_block_down(x)  # (B, 64, 7, 7)
        x = self.latent_space_block(x)  # (B, 128, 7, 7)
        x = self.second_block_up(x)  # (B, 64, 14, 14)
        x = self.first_block_up(x)  # (B, 32, 28, 28)
        return self.convUP_end(x)  # (B, 1, 28, 28)


class SkipUnet(nn.Module):
    """A U-Net: each decoder step also sees the encoder's picture of the same size.

    Input and output (B, channels, H, W) float, H and W divisible by 4. It is not told
    the noise level (blind). `width` is the number of channels at full resolution; the
    default gives 177,185 parameters, just under the 185,217 of `Unet`, with the same
    six convolutions, but more multiplications. The last layer is linear, as is usual;
    chapter 02 measures what skips and a Tanh at the end are worth, each for itself.
    Raises UnetlibError for another shape, dtype or device.
    Source: Ronneberger, Fischer and Brox, "U-Net" (MICCAI 2015), made small.
    """

    def __init__(self, width: int = 28, channels: int = 1) -> None:
        super().__init__()
        w = check_whole("width", width, 1, 1024)
        self.channels = c = check_whole("channels", channels, 1, 1024)
        self.down1 = nn.Sequential(conv(c, w), nn.GELU())
        self.down2 = nn.Sequential(conv(w, 2 * w), nn.GELU())
        self.bottleneck = nn.Sequential(conv(2 * w, 4 * w), nn.GELU())
        self.up2 = Up(conv(4 * w + 2 * w, 2 * w), nn.GELU())
        self.up1 = Up(conv(2 * w + w, w), nn.GELU())
        self.end = conv(w, c)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 28, 28)
        check_input(x, self.down1[0].weight)
        skip1 = self.down1(x)  # (B, w, 28, 28)
        skip2 = self.down2(self.pool(skip1))  # (B, 2w, 14, 14)
        x = self.bottleneck(self.pool(skip2))  # (B, 4w, 7, 7)
        x = self.up2(x, skip2)  # (B, 2w, 14, 14)
        x = self.up1(x, skip1)  # (B, w, 28, 28)
        return self.end(x)  # (B, 1, 28, 28)


class Denoiser(nn.Module):
    """A network as a function on [0, 1], for pictures of any size.

    scale: what the network was trained on, see `Recipe`: its white is 255 * `scale`.
    residual: the network gives the noise, which is subtracted, not the clean picture.
    multiple: what height and width must be divisible by, unless the network says it.
        Pictures of another size are padded with their border pixels, and cropped after.
    forward: noisy (B, C, H, W) float on the scale where white is 1 → denoised, the same
    shape and scale, not clamped.
    Raises UnetlibError for a scale outside [1e-6, 4], and for pictures of integers or
        on the scale to 255 (on a GPU, unnoticed).
    """

    def __init__(
        self,
        network: nn.Module,
        scale: float = 1 / 255,
        residual: bool = False,
        multiple: int = 4,
    ) -> None:
        super().__init__()
        self.network = network
        self.white = 255 * check_number("scale", scale, 1e-6, 4)
        self.residual = residual
        multiple = getattr(network, "multiple", multiple)
        self.multiple = check_whole("multiple", multiple, 1)

    def forward(self, noisy: Tensor) -> Tensor:
        check_scale("noisy", noisy)
        size = noisy.shape[-2:] if noisy.dim() == 4 else ()
        missing = [-side % self.multiple for side in size]
        if any(missing):
            noisy = pad(noisy, (0, missing[1], 0, missing[0]), mode="replicate")
        output = self.network(noisy * self.white) / self.white
        denoised = noisy - output if self.residual else output
        return denoised[..., : size[0], : size[1]] if any(missing) else denoised


def count_parameters(model: nn.Module) -> int:
    """How many numbers training may change in `model`."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Within it, `model` is in evaluation mode and takes no gradients; afterwards each
    of its modules is in the mode that it was in."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
