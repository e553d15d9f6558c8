"""What do skip connections change? Three networks, one recipe, several seeds.

`Unet`, the same without its Tanh, and `SkipUnet` train by the book's recipe for
EPOCHS epochs and are measured on test digits at sigma 0.5. Writes
book/results/skips.json.
"""

import statistics
from dataclasses import replace

import torch
from measured import circumstances, write_result
from torch import nn

from unetlib.data import load_mnist, split
from unetlib.model import SkipUnet, Unet, count_parameters
from unetlib.train import BOOK, fit, validate

SEEDS = (0, 1, 2)
EPOCHS = 1
TEST_DIGITS = 2000


def unet_linear() -> Unet:
    """The article's network without the Tanh at its end."""
    model = Unet()
    model.convUP_end = nn.Sequential(model.convUP_end[0])
    return model


NETWORKS = {"Unet": Unet, "Unet-linear": unet_linear, "SkipUnet": SkipUnet}


def main() -> None:
    train, test = load_mnist()
    learning, _ = split(train)
    recipe = replace(BOOK, epochs=EPOCHS)
    psnr_db: dict[str, list[float]] = {name: [] for name in NETWORKS}
    for seed in SEEDS:
        for name, make in NETWORKS.items():
            torch.manual_seed(seed)
            model = make()
            fit(model, learning.images, recipe, seed=seed)
            db = validate(model, test.images[:TEST_DIGITS], recipe.scale)
            psnr_db[name].append(round(db, 3))
            print(seed, name, db)
    write_result(
        "skips",
        {
            "what": "PSNR at sigma 0.5 after one training recipe, by network",
            "command": "python book/experiments/skips.py",
            **circumstances(),
            "recipe": BOOK.name,
            "epochs": EPOCHS,
            "steps": EPOCHS * recipe.steps_per_epoch(len(learning)),
            "seeds": list(SEEDS),
            "n": TEST_DIGITS,
            "parameters": {n: count_parameters(make()) for n, make in NETWORKS.items()},
            "psnr_db": {
                name: {
                    "runs": values,
                    "mean": round(statistics.mean(values), 3),
                    "sd": round(statistics.stdev(values), 3),
                }
                for name, values in psnr_db.items()
            },
        },
    )


if __name__ == "__main__":
    main()
