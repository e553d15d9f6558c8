"""What a judge that reads digits makes of them, noisy and denoised."""

from collections.abc import Callable

import torch
from denoising import SEED, with_noise
from experiment import SIGMAS, Experiment
from torch import Tensor

from unetlib.baselines import PosteriorMean, WienerFilter, best_width, blur
from unetlib.batcher import to_tensor
from unetlib.classifier import load_classifier
from unetlib.data import load_mnist, split
from unetlib.pretrained import PRETRAINED, load_pretrained

SURE = 0.9  # a probability from which the judge counts as sure


@Experiment
def downstream(digits: int = 10_000) -> dict:
    """Share of test digits that the judge reads rightly, as they come and denoised.

    The judge has learned from clean digits only. `flips`: of the digits that it reads
    rightly when they are clean, the share that it then reads otherwise; `sure_flips`:
    the share that it reads otherwise with a probability above 0.9. `accuracy_se` is
    what a standard error can be at most.
    """
    train, test = load_mnist()
    learning, validation = split(train)
    drawn = test.sample(digits)
    clean = to_tensor(drawn.images, "cpu") / 255
    labels = torch.tensor(drawn.labels)
    judge = load_classifier()
    reads = judge(clean).softmax(dim=1)
    right = reads.argmax(dim=1) == labels
    world = to_tensor(learning.images, "cpu") / 255
    wiener, posterior = WienerFilter(world), PosteriorMean(world)
    chosen_on = to_tensor(validation.sample(1000).images, "cpu") / 255
    result: dict = {
        "seed": SEED,
        "n": len(clean),
        "accuracy": {"clean": share(right)},
        "accuracy_se": 0.5 / len(clean) ** 0.5,
        "flips": {},
        "sure_flips": {},
    }
    for sigma in SIGMAS:
        width = best_width(chosen_on, sigma)
        methods: dict[str, Callable[[Tensor], Tensor]] = {
            "noisy": lambda x: x,
            "gaussian_filter": lambda x, width=width: blur(x, width),
            "wiener": lambda x, sigma=sigma: wiener(x, sigma),
            "posterior_mean": lambda x, sigma=sigma: posterior(x, sigma),
            **{name: load_pretrained(name) for name in PRETRAINED},
        }
        noisy = with_noise(clean, sigma)
        for name, denoise in methods.items():
            parts = [judge(denoise(part).clamp(0, 1)) for part in noisy.split(500)]
            sure, read = torch.cat(parts).softmax(dim=1).max(dim=1)
            flipped = right & (read != labels)
            for key, values in (
                ("accuracy", read == labels),
                ("flips", flipped[right]),
                ("sure_flips", (flipped & (sure > SURE))[right]),
            ):
                result[key].setdefault(name, {})[str(sigma)] = share(values)
        print(sigma, {n: r[str(sigma)] for n, r in result["flips"].items()}, flush=True)
    return result


def share(of: Tensor) -> float:
    return round(of.float().mean().item(), 4)
