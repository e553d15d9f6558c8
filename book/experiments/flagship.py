"""The search for the best denoiser of half a million parameters and half an hour."""

from dataclasses import replace
from functools import partial

from experiment import SIGMAS, Experiment
from torch import Tensor, nn
from trainings import Scores, Training, over_seeds, train_all

from unetlib.batcher import to_tensor
from unetlib.data import load_mnist
from unetlib.metrics import denoising_psnr
from unetlib.model import SkipUnet, conv, count_parameters
from unetlib.networks import MIXER, MixerBlock, MixerUnet
from unetlib.pretrained import load_pretrained
from unetlib.recipe import BOOK, Recipe


class ConvBlock(nn.Module):
    """What a `MixerBlock` is without its mixing: a second convolution in its place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.way = nn.Sequential(
            nn.GroupNorm(8, channels), conv(channels, channels), nn.SiLU(),
            conv(channels, channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.way(x)


def other_blocks(width: int, kind: type[nn.Module], count: int) -> MixerUnet:
    """With other blocks in the bottleneck than three that mix."""
    network = MixerUnet(width)
    blocks = [kind(4 * width) for _ in range(count)]
    network.bottleneck = nn.Sequential(*network.bottleneck[:2], *blocks)
    return network


def activated(network: nn.Module, old: type[nn.Module], new: type[nn.Module]):
    """`network` with another activation in place of each `old`."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, old):
                setattr(module, name, new())
    return network


def gelu(width: int) -> MixerUnet:
    """With the activation of the book's other networks."""
    return activated(MixerUnet(width), nn.SiLU, nn.GELU)


NETWORKS = {
    "SkipUnet-28": partial(SkipUnet, 28),
    "SkipUnet-46": partial(SkipUnet, 46),
    # two, for these have more parameters than blocks that mix
    "Unmixed-16": partial(other_blocks, 16, ConvBlock, 2),
    "GELU-16": partial(gelu, 16),
    "OneMixer-16": partial(other_blocks, 16, MixerBlock, 1),
    "FiveMixers-16": partial(other_blocks, 16, MixerBlock, 5),
    "MixerUnet-16": partial(MixerUnet, 16),
    "MixerUnet-20": partial(MixerUnet, 20),
    "MixerUnet-22": partial(MixerUnet, 22),
}
BASE = replace(BOOK, name="base", lr=5e-3, epochs=1)
FAINT = (0.02, 1.0)  # for distributions in log(sigma)
WIDE = {"sigma": (0.02, 10.0), "sigma_distribution": "log-normal"}  # to generate by
CHANGES: dict[str, dict] = {
    "lr-0.0025": {"lr": 2.5e-3},
    "lr-0.01": {"lr": 1e-2},
    "lr-0.02": {"lr": 2e-2},
    "weight-0.5": {"sigma_weight": 0.5},
    "weight-1": {"sigma_weight": 1.0},
    "log-uniform": {"sigma": FAINT, "sigma_distribution": "log-uniform"},
    "absolute": {"loss_function": "absolute"},
    "charbonnier": {"loss_function": "charbonnier"},
    "residual": {"prediction": "residual"},
    "ema-0.99": {"ema": 0.99},
    "clip-1": {"clip_norm": 1.0},
    "batch-64": {"batch_size": 64},
    "batch-32": {"batch_size": 32},
    "to-10": {**WIDE, "sigma_weight": 0.5},
    "to-10-weight-1": {**WIDE, "sigma_weight": 1.0},
    "to-10-weight-1.5": {**WIDE, "sigma_weight": 1.5},
}


@Experiment
def sweep(epochs: int = BASE.epochs, digits: int = 5000) -> dict:
    """PSNR in dB on validation digits of short trainings that differ in one thing.

    Networks by one recipe, then changes of that recipe, with one network. One seed and
    one epoch: what differs by less than a tenth of a dB need not differ. With half the
    batch size an epoch has twice as many steps, of as many pictures in all.
    """
    trainings = [Training(n, build, recipe(epochs)) for n, build in NETWORKS.items()]
    name = "MixerUnet-16"
    for change, values in CHANGES.items():
        changed = replace(recipe(epochs), name=change, **values)
        trainings.append(Training(name, NETWORKS[name], changed))
    found = train_all(trainings, digits)
    by_network = {t: s for t, s in found.items() if t.recipe.name == BASE.name}
    by_recipe = {t: s for t, s in found.items() if t.network == name}
    return {
        "seed": 0,
        "epochs": epochs,
        "n": digits,
        "parameters": {n: count_parameters(build()) for n, build in NETWORKS.items()},
        "network": {t.network: row(scores) for t, scores in by_network.items()},
        "recipe": {t.recipe.name: row(scores) for t, scores in by_recipe.items()},
        "wider_db": gain(by_network, "SkipUnet-46", "SkipUnet-28"),
        "mixer_db": gain(by_network, "MixerUnet-16", "SkipUnet-28"),
        "mixing_db": gain(by_network, "MixerUnet-16", "Unmixed-16"),
    }


def recipe(epochs: int) -> Recipe:
    return replace(BASE, epochs=epochs)


def row(scores: Scores) -> dict[str, float]:
    """PSNR at each sigma, the mean of them, and the seconds of one core."""
    psnr_db = {str(sigma): round(scores.validation[sigma], 2) for sigma in SIGMAS}
    return {**psnr_db, "mean": round(scores.mean, 3), "cpu": round(scores.cpu_seconds)}


def gain(found: dict[Training, Scores], ours: str, theirs: str) -> dict[str, float]:
    """By how much one network is ahead of another, by sigma."""
    psnr_db = {t.network: scores.validation for t, scores in found.items()}
    return {str(s): round(psnr_db[ours][s] - psnr_db[theirs][s], 3) for s in SIGMAS}


@Experiment
def flagship_seeds(digits: int = 10_000) -> dict:
    """PSNR in dB on test digits of the flagship, and of two trained from other seeds.

    All by its recipe, `MIXER`; the one that ships was the first. Each of the others has
    one core to itself. "all": mean and standard deviation over the three.
    """
    twins = [Training("mixer", MixerUnet, MIXER, seed) for seed in (1, 2)]
    found = train_all(twins, 5000, digits)
    clean = to_tensor(load_mnist()[1].sample(digits).images, "cpu") / 255
    scores = [denoising_psnr(load_pretrained("mixer"), clean, SIGMAS)]
    scores += [found[twin].test for twin in twins]
    return {
        "n": digits,
        "seeds": [0, *(twin.seed for twin in twins)],
        "of_each_seed": [
            {str(sigma): round(db, 3) for sigma, db in row.items()} for row in scores
        ],
        "all": over_seeds(scores),
    }
