"""Batches without a Python loop. Introduced in chapter 04.

The whole data set (47 MB as uint8) lies on the device; a batch is one indexed gather,
scaled and made noisy where it lies.
"""

import warnings
import zlib

import numpy as np
import torch
from torch import Tensor

from unetlib.noise import add_gaussian_noise, check_sigma_range, sample_sigma


class Batcher:
    """An endless stream of (noisy, clean) batches, drawn with replacement.

    images: (N, 28, 28) uint8.
    scale: what a pixel is multiplied by; white becomes 255 * scale.
    sigma: None for no noise (noisy IS clean), a number, or a range (low, high) from
        which each picture draws its own. In units of white, whatever the scale.
    seed: two batchers with the same arguments give the same batches on one device.
    share: which pictures of each batch it gives; the batch is drawn whole all the same.

    Raises ValueError or TypeError for other images or an impossible batch_size.
    """

    def __init__(
        self,
        images: np.ndarray,
        batch_size: int,
        scale: float = 1 / 255,
        sigma: float | tuple[float, float] | None = None,
        device: str | torch.device = "cpu",
        seed: int = 0,
        share: slice = slice(None),
    ) -> None:
        if images.dtype != np.uint8:
            raise TypeError(f"images must be uint8 (0 to 255), got {images.dtype}")
        if images.ndim != 3 or len(images) == 0:
            raise ValueError(f"images must have shape (N, H, W), got {images.shape}")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.images = torch.tensor(images, device=device).unsqueeze(1)  # (N, 1, H, W)
        self.batch_size = batch_size
        self.share = share
        self.scale = scale
        if isinstance(sigma, (int, float)):
            sigma = (sigma, sigma)
        self.sigma = None if sigma is None else check_sigma_range(*sigma)
        self.generator = torch.Generator(device).manual_seed(seed)

    def next(self) -> tuple[Tensor, Tensor]:
        """The next (noisy, clean), each (batch_size, 1, H, W) float32, or its share."""
        # Each of several processes draws the batch of all and keeps its share: a few
        # hundredths of a step, for which a run stays the same however many share it,
        # and may even be resumed by more or fewer.
        chosen = torch.randint(
            len(self.images),
            (self.batch_size,),
            generator=self.generator,
            device=self.images.device,
        )
        # As self.images[chosen], which for bytes on a CPU takes ten times longer.
        clean = self.images.index_select(0, chosen).float().mul_(self.scale)
        own = clean[self.share]
        if self.sigma is None:
            return own, own
        sigma = sample_sigma(self.batch_size, *self.sigma, self.generator)
        white = 255 * self.scale
        noisy = add_gaussian_noise(clean, sigma * white, self.generator)
        return noisy[self.share], own

    def state_dict(self) -> dict[str, Tensor]:
        """All that is needed to go on with exactly the batches that would follow."""
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from there. CPUs and GPUs draw differently: from the state of another
        kind of device come new batches, with a warning.

        Raises RuntimeError where it is the state of no generator.
        """
        saved = state["generator"].cpu()
        if saved.shape == self.generator.get_state().shape:
            self.generator.set_state(saved)
            return
        warnings.warn(
            "the checkpoint comes from another kind of device: training goes on, but "
            "with other batches than it would have drawn there",
            stacklevel=2,
        )
        self.generator.manual_seed(zlib.crc32(saved.numpy().tobytes()))
