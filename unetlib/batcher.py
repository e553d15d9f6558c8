"""Batches without a Python loop. Introduced in chapter 04.

The whole data set (47 MB as uint8) lies on the device; a batch is one indexed gather,
scaled and made noisy where it lies.
"""

import numpy as np
import torch
from torch import Tensor

from unetlib.checks import (
    check_choice,
    check_device,
    check_factor,
    check_images,
    check_range,
    check_whole,
    seeded_generator,
)
from unetlib.noise import DISTRIBUTIONS, LARGEST_SIGMA, sample_sigma, standard_normal


def to_tensor(images: np.ndarray, device: str | torch.device) -> Tensor:
    """(N, H, W) or (N, C, H, W) uint8 as a tensor (N, C, H, W) uint8 on `device`."""
    check_images("images", images)
    pixels = torch.from_numpy(images.copy())  # PyTorch takes no negative strides
    pixels = pixels.unsqueeze(1) if pixels.dim() == 3 else pixels
    return pixels.to(check_device(device))


class Batcher:
    """An endless stream of (noisy, clean) batches, drawn with replacement.

    `for noisy, clean in batcher` gives them; each is (batch_size, C, H, W) float32.
    images: (N, H, W) or (N, C, H, W) uint8.
    scale: what a pixel is multiplied by, 1e-6 to 1; white becomes 255 * scale.
    sigma: None for no noise (noisy IS clean), a number, or a range (low, high) from
        which each picture draws its own. In units of white, whatever the scale.
    seed: two batchers with the same arguments give the same batches on one device;
        a whole number from 0 to 2**64 - 1.
    shard: which pictures of each batch it gives, where several processes share it.
    distribution: how sigma lies in its range; see `sample_sigma`.

    Raises UnetlibError for an argument that cannot be right.
    """

    def __init__(
        self,
        images: np.ndarray,
        batch_size: int,
        scale: float = 1 / 255,
        sigma: float | tuple[float, float] | None = None,
        device: str | torch.device = "cpu",
        seed: int = 0,
        shard: slice = slice(None),
        distribution: str = "uniform",
    ) -> None:
        self.images = to_tensor(images, device)  # (N, C, H, W)
        self.scale = check_factor(scale)
        self.generator = seeded_generator(device, seed)
        self.seed = self.generator.initial_seed()  # an int, whatever kind of number
        self.batch_size = check_whole("batch_size", batch_size, 1)
        self.shard = shard
        check_choice("distribution", distribution, DISTRIBUTIONS)
        self.distribution = distribution
        if sigma is not None:
            sigma = check_range(sigma, LARGEST_SIGMA, distribution)
        self.sigma = sigma

    def __iter__(self) -> "Batcher":
        return self

    def __next__(self) -> tuple[Tensor, Tensor]:
        noisy, clean, _ = self.draw()
        return noisy, clean

    def draw(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """The next (noisy, clean, sigma): sigma (batch_size, 1, 1, 1), or None."""
        # Each of several processes draws the batch of all and keeps its shard: a few
        # hundredths of a step, for which a run stays the same however many share it,
        # and may even be resumed by more or fewer.
        count, generator = self.batch_size, self.generator
        there = {"generator": generator, "device": generator.device}
        chosen = torch.randint(len(self.images), (count,), **there)
        # As self.images[chosen], which for bytes on a CPU takes ten times longer.
        clean = self.images.index_select(0, chosen).float().mul_(self.scale)
        own = clean[self.shard]
        if self.sigma is None:
            return own, own, None
        sigma = sample_sigma(count, *self.sigma, generator, self.distribution)
        noisy = clean + sigma * (255 * self.scale) * standard_normal(clean, generator)
        return noisy[self.shard], own, sigma[self.shard]

    def state_dict(self) -> dict[str, Tensor]:
        """All that is needed to go on with exactly the batches that would follow."""
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from there."""
        self.generator.set_state(state["generator"])
