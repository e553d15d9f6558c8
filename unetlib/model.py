"""The two networks of the book. Introduced in chapter 02.

`Unet` is the article's network, key for key. `SkipUnet` is the same depth with the
skip connections that make it a U-Net.
"""

import torch
from torch import Tensor, nn

from unetlib.data import check_whole


def conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    """The 3×3 convolution, padding 1, with bias, that both networks are made of."""
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)


def check_input(x: Tensor, weight: Tensor) -> None:
    """Raise ValueError unless `x` is (B, 1, H, W) with H and W divisible by 4.

    Raises TypeError unless it is of the dtype and on the device of `weight`.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"expected a tensor (B, 1, H, W), got {type(x)}")
    if x.dtype != weight.dtype or x.device != weight.device:
        raise TypeError(
            f"the network is {weight.dtype} on {weight.device}; expected pictures of "
            f"the same kind, got {x.dtype} on {x.device}"
        )
    if x.dim() != 4 or x.shape[1] != 1:
        raise ValueError(
            f"expected a batch of gray pictures (B, 1, H, W), got {tuple(x.shape)}"
        )
    if x.shape[2] % 4 or x.shape[3] % 4 or 0 in x.shape[2:]:
        raise ValueError(
            f"height and width must be divisible by 4, got {tuple(x.shape[2:])}: the "
            "network halves them twice. Pad the picture first (torch.nn.functional.pad)"
        )


class Unet(nn.Module):
    """The article's network: an encoder, a bottleneck, a decoder, and no skips.

    Input and output (B, 1, H, W) float, H and W divisible by 4; the Tanh keeps the
    output within [-1, 1]. 185,217 parameters. The attribute names are the article's,
    so a state dict written by its program loads unchanged.
    Raises ValueError for other shapes, TypeError for another dtype.
    Source: the article, section 2.2.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first_block_down = nn.Sequential(conv(1, 32), nn.GELU(), nn.MaxPool2d(2))
        self.second_block_down = nn.Sequential(conv(32, 64), nn.GELU(), nn.MaxPool2d(2))
        self.latent_space_block = nn.Sequential(conv(64, 128), nn.GELU())
        self.second_block_up = nn.Sequential(
            nn.Upsample(scale_factor=2), conv(128, 64), nn.GELU()
        )
        self.first_block_up = nn.Sequential(
            nn.Upsample(scale_factor=2), conv(64, 32), nn.GELU()
        )
        self.convUP_end = nn.Sequential(conv(32, 1), nn.Tanh())

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

    Input and output (B, 1, H, W) float, H and W divisible by 4. It is not told the
    noise level (blind). `width` is the number of channels at full resolution; the
    default, 28, gives 177,185 parameters, just under the 185,217 of `Unet`, with the
    same six convolutions: what it does better it does not owe to its size.
    The last layer is linear. Clean pixels lie in [0, 1], and the mean of clean
    pictures, which MSE asks for, lies there too: nothing needs to be squashed, and a
    Tanh that saturates passes no gradient back (chapters 02 and 03).
    Raises ValueError for other shapes, TypeError for another dtype.
    Source: Ronneberger, Fischer and Brox, "U-Net" (MICCAI 2015), made small.
    """

    def __init__(self, width: int = 28) -> None:
        super().__init__()
        w = check_whole("width", width, 1)
        self.down1 = nn.Sequential(conv(1, w), nn.GELU())
        self.down2 = nn.Sequential(conv(w, 2 * w), nn.GELU())
        self.bottleneck = nn.Sequential(conv(2 * w, 4 * w), nn.GELU())
        self.up2 = nn.Sequential(conv(4 * w + 2 * w, 2 * w), nn.GELU())
        self.up1 = nn.Sequential(conv(2 * w + w, w), nn.GELU())
        self.end = conv(w, 1)
        self.pool = nn.MaxPool2d(2)
        self.upsample = nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 28, 28)
        check_input(x, self.end.weight)
        skip1 = self.down1(x)  # (B, w, 28, 28)
        skip2 = self.down2(self.pool(skip1))  # (B, 2w, 14, 14)
        x = self.bottleneck(self.pool(skip2))  # (B, 4w, 7, 7)
        x = self.up2(torch.cat([self.upsample(x), skip2], dim=1))  # (B, 2w, 14, 14)
        x = self.up1(torch.cat([self.upsample(x), skip1], dim=1))  # (B, w, 28, 28)
        return self.end(x)  # (B, 1, 28, 28)


def count_parameters(model: nn.Module) -> int:
    """How many numbers training may change in `model`."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


NETWORKS: dict[str, type[nn.Module]] = {"Unet": Unet, "SkipUnet": SkipUnet}
