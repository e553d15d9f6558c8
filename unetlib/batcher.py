"""Batches without a Python loop. Introduced in chapter 04.

The whole data set (47 MB as uint8) lies on the device; a batch is one indexed gather,
scaled and made noisy where it lies.
"""

import warnings
import zlib
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from unetlib.data import check_whole
from unetlib.noise import check_sigma_range, sample_sigma, standard_normal


class Batcher:
    """An endless stream of (noisy, clean) batches, drawn with replacement.

    images: (N, 28, 28) uint8.
    scale: what a pixel is multiplied by, 1e-6 to 1; white becomes 255 * scale.
    sigma: None for no noise (noisy IS clean), a number, or a range (low, high) from
        which each picture draws its own. In units of white, whatever the scale.
    seed: two batchers with the same arguments give the same batches on one device;
        a whole number from 0 to 2**64 - 1.
    share: which pictures of each batch it gives; the batch is drawn whole all the same.

    Raises TypeError for other images, ValueError for any other impossible argument.
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
        check_images("images", images)
        if not (isinstance(scale, Real) and 1e-6 <= scale <= 1):
            raise ValueError(f"scale must be a number from 1e-6 to 1, got {scale!r}")
        self.generator = _generator(device, seed)
        pixels = torch.from_numpy(images.copy())  # PyTorch takes no negative strides
        self.images = pixels.unsqueeze(1).to(device)  # (N, 1, H, W)
        self.batch_size = check_whole("batch_size", batch_size, 1)
        self.share = share
        self.scale = float(scale)
        self.sigma = None if sigma is None else _range(sigma)

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
        noisy = clean + sigma * white * standard_normal(clean, self.generator)
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


def check_images(name: str, images: np.ndarray) -> None:
    """Raise an error, with `name` in it, unless they are (N, H, W) uint8, N ≥ 1."""
    if not (isinstance(images, np.ndarray) and images.dtype == np.uint8):
        kind = getattr(images, "dtype", type(images))
        raise TypeError(f"{name} must be a numpy array of uint8 (0 to 255), got {kind}")
    if images.ndim != 3 or images.size == 0:
        raise ValueError(f"{name} must have shape (N, H, W), got {images.shape}")


def _range(sigma: float | tuple[float, float]) -> tuple[float, float]:
    both = sigma if isinstance(sigma, (tuple, list)) else (sigma, sigma)
    if len(both) != 2:
        raise ValueError(f"sigma must be a number or (low, high), got {sigma!r}")
    return check_sigma_range(*both)


def _generator(device: str | torch.device, seed: int) -> torch.Generator:
    seed = check_whole("seed", seed, 0, 2**64 - 1)
    try:
        return torch.Generator(device).manual_seed(seed)
    except Exception as error:  # torch raises many kinds
        raise ValueError(
            f"cannot draw on device {str(device)!r} ({error}); "
            'expected "cpu", or "cuda" where there is a GPU'
        ) from None
