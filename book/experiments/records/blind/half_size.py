"""A U-Net at half size: 2×2 pixels go in as 4 channels, and come back out as 4.

Most of a U-Net's work is done at full size, by few channels, which processors are slow
at. Here nothing is. One block in which every place sees all others stands in for depth.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss, pixel_shuffle, pixel_unshuffle

from unetlib.batcher import Batcher
from unetlib.model import Denoiser, Up, conv
from unetlib.networks import MixerBlock
from unetlib.speed.options import keep_memory
from unetlib.speed.upsampling import composed

MARKS = (19.0,)
WIDTH = 16
STEPS = 200
BATCH = 16
LR = 0.02
DIGIT = 0.1  # mean square of a digit's pixels, about


class HalfSize(nn.Module):
    """(B, 1, 28, 28) → the same. sigma: (B, 1, 1, 1); None: it looks how strong."""

    def __init__(self, w: int = WIDTH) -> None:
        super().__init__()
        self.encode = nn.Sequential(conv(8, w), nn.SiLU())
        self.bottleneck = nn.Sequential(conv(w, 2 * w), nn.SiLU(), MixerBlock(2 * w))
        self.up = Up(conv(2 * w + w, w), nn.SiLU())
        self.refine = nn.Sequential(conv(w, w), nn.SiLU(), conv(w, 4))
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor, sigma: Tensor | None = None) -> Tensor:
        if sigma is None:
            strength = x.square().mean(dim=(1, 2, 3), keepdim=True) + 1e-4
        else:
            strength = sigma.square() + DIGIT
        x = pixel_unshuffle(x, 2)  # (B, 4, 14, 14)
        said = strength.log().expand_as(x)
        skip = self.encode(torch.cat([x / strength.sqrt(), said], dim=1))  # (B, w, …)
        x = self.bottleneck(self.pool(skip))  # (B, 2w, 7, 7)
        return pixel_shuffle(self.refine(self.up(x, skip)), 2)


def lr(part: float) -> float:
    """The learning rate after this part of the training: up, then down to 0."""
    return LR * min(0.04 + 0.96 * part / 0.3, (1 - part) / 0.7)


def trained(images: np.ndarray, seed: int, steps: int, told: bool) -> HalfSize:
    torch.set_num_threads(1)  # so small a step gains little from a second one
    keep_memory()
    torch.manual_seed(seed)
    network = HalfSize().to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(network.parameters(), betas=(0.9, 0.99), fused=True)
    batcher = Batcher(images, BATCH, 1 / 255, (0.0, 1.0), seed=seed)
    for step in range(steps):
        noisy, clean, sigma = batcher.draw()
        with composed(network):
            loss = mse_loss(network(noisy, sigma if told else None), clean)
        adam.zero_grad()
        loss.backward()
        adam.param_groups[0]["lr"] = lr((step + 0.5) / steps)
        adam.step()
    return network.eval()


def train(images: np.ndarray, seed: int, mark: float) -> Denoiser:
    return Denoiser(trained(images, seed, STEPS, told=False))
