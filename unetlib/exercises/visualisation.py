"""Checks for chapter 05."""

import torch

from unetlib.exercises.answers import called, digits, number, numbers, pictures, which
from unetlib.metrics import psnr
from unetlib.noise import add_gaussian_noise
from unetlib.pretrained import load_pretrained

# PSNR for the divisors 1, 1.25, 1.5, 2, 3, less that for 1
GAINED = {
    "right": (0, -0.16, -0.42, -0.94, -1.73),
    "not-multiplied": (0, -0.13, -0.52, -1.39, -2.70),
    "only-the-noise": (0, 1.19, 2.21, 3.99, 6.54),
    "dimmed-clean": (0, 1.55, 2.42, 3.51, 5.53),
}


def exercise_1(answer: object) -> str:
    """A function that denoises pictures whose black and white are swapped."""
    generator = torch.Generator().manual_seed(0)
    noisy = add_gaussian_noise(1 - digits(4), 0.5, generator)
    found = pictures(called(answer, noisy.clone()), like=noisy)
    network = load_pretrained("skip")
    candidates = {
        "right": 1 - network(1 - noisy),
        "as-it-is": network(noisy),
        "not-swapped-back": network(1 - noisy),
        "only-swapped-back": 1 - network(noisy),
    }
    shown = {word: wanted.clamp(0, 1) for word, wanted in candidates.items()}
    return which(found.clamp(0, 1), shown, within=1e-3)


def exercise_2(answer: object) -> str:
    """A function that gives the correlation of horizontally neighbouring pixels."""
    ramp = torch.linspace(-1, 1, 28)  # from left to right, up and down by turns
    picture = ramp * torch.tensor([1.0, -1.0]).repeat(14)[:, None]
    error = torch.stack([0.5 * picture, picture]).unsqueeze(1)  # (2, 1, 28, 28)
    found = number(called(answer, error.clone()))
    # 0.93; a column of zeros shifted in makes it 0.89, and 0.99 where the mean square,
    # too, leaves out a column
    wrong = {"wraps-around": 0.79, "wrong-way": -1.0, "not-divided": 0.21}
    return which(found, {"right": 0.94, **wrong}, within=0.055)


def exercise_3(answer: object) -> str:
    """The PSNR of `skip` at sigma 1.5 for the divisors 1, 1.25, 1.5, 2, 3."""
    found = numbers(answer, 5)
    return which(found - found[0], GAINED, within=0.6)


def exercise_4(answer: object) -> str:
    """Noise as strong as sigma 0.1 that spoils what `skip` makes of the first digit."""
    digit = digits(1)
    noise = pictures(answer, like=digit)
    if not noise.square().mean().sqrt() <= 0.1005:
        return "too-strong"
    reached = psnr(load_pretrained("skip")(digit + noise), digit).item()
    for word, bound in {"right": 20, "halfway": 28.5, "random": 34}.items():
        if reached < bound:
            return word
    return "harmless"
