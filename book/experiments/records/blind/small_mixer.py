"""The flagship's network, about a third or half as wide, trained like `half_size`."""

from functools import partial

import numpy as np
from records.blind.half_size import recipe, trained

from unetlib.model import Denoiser
from unetlib.networks import MixerUnet

PLANS = {20.5: (8, 750, 0.012), 21.0: (12, 1700, 0.008)}  # width, steps, learning rate
MARKS = tuple(PLANS)
BATCH = 32


def train(images: np.ndarray, seed: int, mark: float) -> Denoiser:
    width, steps, lr = PLANS[mark]
    build = partial(MixerUnet, width)
    return Denoiser(trained(build, recipe(BATCH, lr), steps, images, seed))
