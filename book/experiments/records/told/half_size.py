"""The network of the blind record, told sigma instead of seeing how strong it is."""

from collections.abc import Callable

import numpy as np
import torch
from records.blind.half_size import trained
from torch import Tensor

MARKS = (19.0,)
STEPS = 200


def train(images: np.ndarray, seed: int, mark: float) -> Callable:
    network = trained(images, seed, STEPS, told=True)

    def denoise(noisy: Tensor, sigma: float) -> Tensor:
        return network(noisy, torch.full((len(noisy), 1, 1, 1), sigma))

    return denoise
