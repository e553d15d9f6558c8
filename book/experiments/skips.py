"""What do skip connections change? Three networks, one recipe, several seeds.

`Unet`, the same without its Tanh, and `SkipUnet` train by the book's recipe, but for
EPOCHS epochs over DIGITS digits only, and are measured on test digits. Writes
book/results/skips.json.
"""

import statistics
from dataclasses import replace

import torch
from measured import circumstances, write_result
from torch import nn

from unetlib.data import load_mnist, split
from unetlib.fit import fit
from unetlib.metrics import denoising_psnr
from unetlib.model import SkipUnet, Unet, count_parameters
from unetlib.recipe import BOOK

SEEDS = (0, 1, 2)
EPOCHS = 2
DIGITS = 20_000
SIGMAS = (0.1, 0.25, 0.5, 1.0)
TEST_DIGITS = 2000


def unet_linear() -> Unet:
    """The article's network without the Tanh at its end."""
    model = Unet()
    model.convUP_end = nn.Sequential(model.convUP_end[0])
    return model


NETWORKS = {"Unet": Unet, "Unet-linear": unet_linear, "SkipUnet": SkipUnet}


def main() -> None:
    train, test = load_mnist()
    images = split(train)[0].images[:DIGITS]
    clean = torch.tensor(test.images[:TEST_DIGITS]).unsqueeze(1).float() / 255
    recipe = replace(BOOK, epochs=EPOCHS)
    runs: dict[str, list[dict[float, float]]] = {name: [] for name in NETWORKS}
    for seed in SEEDS:
        for name, make in NETWORKS.items():
            torch.manual_seed(seed)
            model = make()
            fit(model, images, recipe, seed=seed)
            model.eval().requires_grad_(False)
            runs[name].append(denoising_psnr(model, clean, SIGMAS))
            print(seed, name, runs[name][-1], flush=True)
    write_result(
        "skips",
        {
            "what": "PSNR in dB after one training recipe, by network and sigma",
            "command": "python book/experiments/skips.py",
            **circumstances(),
            "recipe": BOOK.name,
            "steps": EPOCHS * recipe.steps_per_epoch(len(images)),
            "seeds": list(SEEDS),
            "n": TEST_DIGITS,
            "parameters": {n: count_parameters(make()) for n, make in NETWORKS.items()},
            "psnr_db": {name: summary(scores) for name, scores in runs.items()},
        },
    )


def summary(scores: list[dict[float, float]]) -> dict:
    """{sigma: mean and standard deviation over the seeds}."""
    result = {}
    for sigma in SIGMAS:
        values = [score[sigma] for score in scores]
        mean, sd = statistics.mean(values), statistics.stdev(values)
        result[str(sigma)] = {"mean": round(mean, 3), "sd": round(sd, 3)}
    return result


if __name__ == "__main__":
    main()
