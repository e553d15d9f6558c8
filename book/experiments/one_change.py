"""What one change of the network or the recipe brings, from several seeds."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from experiment import Experiment
from flagship import activated
from torch import nn
from trainings import Training, differences, over_seeds, train_all

from unetlib.model import SkipUnet
from unetlib.recipe import BOOK, Recipe

WIDTH = 16
SEEDS = (0, 1, 2)
BASE = replace(BOOK, name="base", epochs=1)
FAINT = replace(BASE, name="faint", sigma=(0.0, 0.4))


def relu() -> SkipUnet:
    return activated(SkipUnet(WIDTH), nn.GELU, nn.ReLU)


def bias_free() -> SkipUnet:
    """Twice the input gives twice the output, for ReLU does so, too.

    Source: Mohan et al. (ICLR 2020).
    """
    network = relu()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_parameter("bias", None)
    return network


def batch_norm() -> SkipUnet:
    """After every convolution but the last."""
    network = SkipUnet(WIDTH)
    middle = (network.bottleneck, network.up2, network.up1)
    for stage in (network.down1, network.down2, *middle):
        stage[1] = nn.Sequential(nn.BatchNorm2d(stage[0].out_channels), stage[1])
    return network


SKIP = partial(SkipUnet, WIDTH)
NETWORKS = {"relu": relu, "batch-norm": batch_norm}
RECIPES = {
    "constant-lr": {"one_cycle": False},
    "batch-32": {"batch_size": 32},
    "absolute": {"loss_function": "absolute"},
    "residual": {"prediction": "residual"},
    "only-0.5": {"sigma": (0.5, 0.5)},
}
# Trained with faint noise only; what do they do with stronger?
TWINS = {"biases": relu, "bias-free": bias_free}


@Experiment
def one_change(epochs: int = BASE.epochs, digits: int = 10_000) -> dict:
    """PSNR in dB on test digits after short trainings that differ in one thing.

    `gain_db`: what each change brings over the base, seed by seed, mean and standard
    deviation. `faint`: two networks that learned with sigma to 0.4 only, with ReLU, the
    one without biases.
    """
    base = replace(BASE, epochs=epochs)
    changes: dict[str, tuple[Callable[[], nn.Module], Recipe]] = {
        "base": (SKIP, base),
        **{name: (build, base) for name, build in NETWORKS.items()},
        **{
            name: (SKIP, replace(base, name=name, **values))
            for name, values in RECIPES.items()
        },
        **{
            name: (build, replace(FAINT, epochs=epochs))
            for name, build in TWINS.items()
        },
    }
    trainings = {
        name: [Training(name, build, recipe, seed) for seed in SEEDS]
        for name, (build, recipe) in changes.items()
    }
    found = train_all(sum(trainings.values(), []), 0, digits)
    scores = {name: [found[t].test for t in row] for name, row in trainings.items()}
    gain = over_seeds(differences(scores["bias-free"], scores["biases"]))
    return {
        "network": f"SkipUnet({WIDTH})",
        "seeds": SEEDS,
        "epochs": epochs,
        "n": digits,
        "psnr_db": {n: over_seeds(row) for n, row in scores.items() if n not in TWINS},
        "gain_db": {
            name: over_seeds(differences(scores[name], scores["base"]))
            for name in (*NETWORKS, *RECIPES)
        },
        "faint": {
            "sigma": FAINT.sigma,
            "psnr_db": {name: over_seeds(scores[name]) for name in TWINS},
            "gain_db": gain,
            "loss_db": -gain["0.1"]["mean"],
        },
    }
