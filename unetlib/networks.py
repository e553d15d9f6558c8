"""A larger network beside the two of the lesson; all networks and recipes by name."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from unetlib.checks import UnetlibError, check_input, check_whole
from unetlib.model import SkipUnet, Unet, Up, conv
from unetlib.recipe import ARTICLE, ARTICLE_NOISE, BOOK, NO_SKIP

# The activation is SiLU, x · sigmoid(x). GELU vanishes much faster below 0, and so does
# its slope: after some epochs, gradients were full of numbers below 1e-38, with which
# processors are slow, and a step took four times as long.
WINDOW = 7  # places in a row of the bottleneck that see each other: 28 pixels


class MixerBlock(nn.Module):
    """x + what it has to say: a convolution sees around, then every place sees all.

    The second half is a matrix for each of eight groups of channels, by which a place
    gets a learned mixture of all 7×7 places of its window. It is of no other size:
    larger pictures are mixed window by window.
    x: (B, C, H, W), C divisible by 8, H and W by 7. Returns the same shape.
    Source: Tolstikhin et al., "MLP-Mixer" (NeurIPS 2021), where the mixing is from.
    """

    def __init__(self, channels: int, groups: int = 8) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)
        self.look = conv(channels, channels)
        self.activation = nn.SiLU()
        places = WINDOW * WINDOW
        self.mix = nn.Parameter(torch.randn(groups, places, places) / WINDOW)
        self.end = nn.Conv2d(channels, channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.activation(self.look(self.norm(x)))
        windows = seen.unflatten(3, (-1, WINDOW)).unflatten(2, (-1, WINDOW))
        windows = windows.unflatten(1, (len(self.mix), -1))  # (B, 8, C/8, h, 7, w, 7)
        mix = self.mix.view(-1, WINDOW, WINDOW, WINDOW, WINDOW)
        mixed = torch.einsum("bgchiwj,gijkl->bgchkwl", windows, mix)
        return x + self.end(mixed.reshape(x.shape))


def two_convs(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        *(conv(in_channels, out_channels), nn.SiLU()),
        *(conv(out_channels, out_channels), nn.SiLU()),
    )


class MixerUnet(nn.Module):
    """A U-Net that sees the whole picture at once, and how strong its noise may be.

    Input and output (B, channels, H, W) float, H and W divisible by 28. Blind, like
    `SkipUnet`, which has one convolution at each size where this one has two. Its
    bottleneck adds blocks in which every place sees all others. The input is divided by
    its root mean square, whose logarithm is a channel of its own: so noise far stronger
    than a digit is no larger number than a digit. 444,407 parameters by default.
    Raises UnetlibError for another shape, dtype or device.
    """

    multiple = 4 * WINDOW  # what height and width must be divisible by

    def __init__(self, width: int = 22, channels: int = 1) -> None:
        super().__init__()
        w = check_whole("width", width, 2, 1024)
        if w % 2:
            raise UnetlibError(f"width must be even, got {w}: its blocks need that")
        self.channels = c = check_whole("channels", channels, 1, 1024)
        self.encode1 = two_convs(c + 1, w)
        self.encode2 = two_convs(w, 2 * w)
        mixers = [MixerBlock(4 * w) for _ in range(3)]
        self.bottleneck = nn.Sequential(conv(2 * w, 4 * w), nn.SiLU(), *mixers)
        self.up2 = Up(conv(4 * w + 2 * w, 2 * w), nn.SiLU())
        self.refine2 = nn.Sequential(conv(2 * w, 2 * w), nn.SiLU())
        self.up1 = Up(conv(2 * w + w, w), nn.SiLU())
        self.refine1 = nn.Sequential(conv(w, w), nn.SiLU())
        self.end = conv(w, c)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 28, 28)
        check_input(x, self.encode1[0].weight[:, 1:], self.multiple)
        loudness = x.square().mean(dim=(1, 2, 3), keepdim=True).add(1e-4).sqrt()
        x = torch.cat([x / loudness, loudness.log().expand_as(x[:, :1])], dim=1)
        skip1 = self.encode1(x)  # (B, w, 28, 28)
        skip2 = self.encode2(self.pool(skip1))  # (B, 2w, 14, 14)
        x = self.bottleneck(self.pool(skip2))  # (B, 4w, 7, 7)
        x = self.refine2(self.up2(x, skip2))  # (B, 2w, 14, 14)
        x = self.refine1(self.up1(x, skip1))  # (B, w, 28, 28)
        return self.end(x)  # (B, 1, 28, 28)


NETWORKS: dict[str, type[nn.Module]] = {
    "Unet": Unet,
    "SkipUnet": SkipUnet,
    "MixerUnet": MixerUnet,
}
# Chosen by the experiment `sweep`, see chapter 06; with noise in which nothing can be
# seen, for chapter 09, which begins in it.
MIXER = replace(
    BOOK,
    name="mixer",
    network="MixerUnet",
    sigma=(0.02, 10.0),
    sigma_distribution="log-normal",
    sigma_weight=0.5,
    batch_size=64,
    epochs=11,
    lr=5e-3,
)
RECIPES = {one.name: one for one in (ARTICLE, ARTICLE_NOISE, NO_SKIP, BOOK, MIXER)}
