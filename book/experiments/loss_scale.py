"""Does a factor before the loss matter? The article's first steps under Adam, scaled.

From the same start, with the same batches, each way of scaling the loss is compared
with the plain sum: the distance between the two ends, in units of how far the plain
sum went. Writes book/results/loss_scale.json.
"""

import statistics
from dataclasses import replace

import numpy as np
import torch
from measured import circumstances, write_result
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from unetlib.batcher import Batcher
from unetlib.data import load_mnist
from unetlib.model import Unet
from unetlib.recipe import ARTICLE
from unetlib.step import TrainStep

SEEDS = (0, 1, 2)
STEPS = 12
SCALINGS = {  # name: (reduction, factor, Adam's epsilon)
    "sum": ("sum", 1.0, 1e-8),
    "sum_times_100": ("sum", 100.0, 1e-8),
    "mean": ("mean", 1.0, 1e-8),
    "mean_small_epsilon": ("mean", 1.0, 1e-12),
}


def weights_after(
    images: np.ndarray, seed: int, reduction: str, factor: float, epsilon: float
) -> tuple[Tensor, Tensor]:
    """All weights, as one vector, before and after the article's first steps."""
    torch.manual_seed(seed)
    model = Unet()
    start = parameters_to_vector(model.parameters()).detach()
    recipe = replace(ARTICLE, loss_reduction=reduction, loss_factor=factor)
    step = TrainStep(model, recipe, STEPS)
    step.optimizer.param_groups[0]["eps"] = epsilon
    batcher = Batcher(images, recipe.batch_size, recipe.scale, seed=seed)
    for _ in range(STEPS):
        step(*batcher.next())
    return start, parameters_to_vector(model.parameters()).detach()


def main() -> None:
    images = load_mnist()[0].images
    apart: dict[str, list[float]] = {name: [] for name in SCALINGS if name != "sum"}
    for seed in SEEDS:
        start, plain = weights_after(images, seed, *SCALINGS["sum"])
        for name, values in apart.items():
            _, other = weights_after(images, seed, *SCALINGS[name])
            values.append(((other - plain).norm() / (plain - start).norm()).item())
    write_result(
        "loss_scale",
        {
            "what": "distance to the weights that the plain sum reaches under Adam, "
            "in percent of how far the plain sum moved",
            "command": "python book/experiments/loss_scale.py",
            **circumstances(),
            "recipe": ARTICLE.name,
            "steps": STEPS,
            "seeds": list(SEEDS),
            "percent": {
                name: {
                    "mean": 100 * statistics.mean(values),
                    "sd": 100 * statistics.stdev(values),
                }
                for name, values in apart.items()
            },
        },
    )


if __name__ == "__main__":
    main()
