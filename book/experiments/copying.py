"""Does learning better to copy mean denoising worse? The article's recipe, run on.

The article's network learns target = input. Its learning rate, 2e-5, takes a day to
get far, so here it is LR, with batches of BATCH: everything else is the article's.
After STEPS_AT steps: how well it copies clean test digits, and how well it denoises.
Writes book/results/copying.json.
"""

from dataclasses import replace

import torch
from measured import circumstances, write_result

from unetlib.batcher import Batcher
from unetlib.data import load_mnist
from unetlib.metrics import denoising_psnr, psnr
from unetlib.model import Unet
from unetlib.pretrained import Denoiser
from unetlib.recipes import ARTICLE
from unetlib.step import TrainStep

LR, BATCH = 1e-3, 64
STEPS_AT = (100, 300, 1000, 3000)
SIGMAS = (0.25, 0.5, 1.0)
SEEDS = (0, 1)
TEST_DIGITS = 1000


def run(seed: int) -> dict:
    """One training; {steps: {"copy": dB, sigma: dB, ...}}."""
    train, test = load_mnist()
    clean = torch.tensor(test.images[:TEST_DIGITS]).unsqueeze(1).float() / 255
    recipe = replace(ARTICLE, lr=LR, batch_size=BATCH)
    torch.manual_seed(seed)
    model = Unet()
    step = TrainStep(model, recipe, max(STEPS_AT))
    batcher = Batcher(train.images, BATCH, recipe.scale, seed=seed)
    denoise = Denoiser(model, 255 * recipe.scale)
    result = {}
    for steps in range(1, max(STEPS_AT) + 1):
        step(*batcher.next())
        if steps in STEPS_AT:
            with torch.no_grad():
                row = {"copy": psnr(denoise(clean), clean).mean().item()}
            scores = denoising_psnr(torch.no_grad()(denoise), clean, SIGMAS)
            row |= {str(sigma): db for sigma, db in scores.items()}
            result[str(steps)] = {key: round(db, 2) for key, db in row.items()}
            print(seed, steps, result[str(steps)], flush=True)
    return result


def main() -> None:
    write_result(
        "copying",
        {
            "what": "PSNR of the article's network after more and more training",
            "command": "python book/experiments/copying.py",
            **circumstances(),
            "recipe": f"article, but lr {LR} and batch {BATCH}",
            "n": TEST_DIGITS,
            "psnr_db": {f"seed_{seed}": run(seed) for seed in SEEDS},
        },
    )


if __name__ == "__main__":
    main()
