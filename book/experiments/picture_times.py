"""How long each denoiser of chapter 06 takes over a picture."""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from classical import BLIND, METHODS, noise2self
from denoising import SEED, with_noise
from experiment import Experiment, recorded
from torch import Tensor

from unetlib.baselines import (
    LocalPosteriorMean,
    PosteriorMean,
    WienerFilter,
    best_width,
    blur,
)
from unetlib.batcher import to_tensor
from unetlib.data import load_mnist, split
from unetlib.pretrained import PRETRAINED, load_pretrained

SIGMA = 0.5


@partial(Experiment, needs=("bmnd", "PyWavelets"), reads=("classical", "posteriors"))
def picture_times(digits: int = 20) -> dict:
    """Milliseconds of one picture, by one thread, of each denoiser at sigma 0.5.

    One at a time, and the fastest of so many: the first may have to compile. By the
    settings of `classical` and `posteriors`. What is done once for all pictures, such
    as the Wiener filter's matrix, is not counted; what is done for each, as Noise2Self
    chooses, is.
    """
    torch.set_num_threads(1)
    train, test = load_mnist()
    learning, validation = split(train)
    noisy = with_noise(to_tensor(test.sample(digits).images, "cpu") / 255, SIGMA)
    tuning = to_tensor(validation.sample(1000).images, "cpu") / 255
    world = to_tensor(learning.images, "cpu") / 255
    posteriors = recorded("posteriors")
    some = posteriors["world"]["local_posterior_mean"]
    some = to_tensor(learning.sample(some).images, "cpu") / 255
    found = {}
    for name, chosen in recorded("classical")["setting"].items():
        one = partial(METHODS[name].denoise, sigma=SIGMA, **chosen[str(SIGMA)])
        found[name] = milliseconds(one, noisy[:, 0].numpy())
    for name in BLIND:
        found[name] = milliseconds(partial(noise2self, name), noisy[:, 0].numpy())
    width, side = best_width(tuning, SIGMA), posteriors["side"][str(SIGMA)]
    batched: dict[str, Callable] = {
        "gaussian_filter": partial(blur, width=width),
        "wiener": partial(WienerFilter(world), sigma=SIGMA),
        "posterior_mean": partial(PosteriorMean(world), sigma=SIGMA),
        "local_posterior_mean": partial(LocalPosteriorMean(some, side), sigma=SIGMA),
    }
    batched |= {name: load_pretrained(name) for name in PRETRAINED}
    for name, denoise in batched.items():
        found[name] = milliseconds(denoise, noisy.split(1))
    return {"seed": SEED, "sigma": SIGMA, "n": digits, "milliseconds": found}


def milliseconds(denoise: Callable, pictures: np.ndarray | tuple[Tensor, ...]) -> float:
    """Of the fastest picture."""
    taken = []
    for picture in pictures:
        start = time.perf_counter()
        denoise(picture)
        taken.append(1000 * (time.perf_counter() - start))
    return round(min(taken), 2)
