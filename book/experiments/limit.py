"""How far the flagship is from the best possible: a network nine times its size."""

from dataclasses import replace

import torch
from experiment import RESULTS, SIGMAS, Experiment

from unetlib.batcher import to_tensor
from unetlib.data import load_mnist, split
from unetlib.fit import History, fit
from unetlib.metrics import denoising_psnr
from unetlib.model import count_parameters
from unetlib.networks import MIXER, MixerUnet
from unetlib.pretrained import load_pretrained
from unetlib.recipe import Recipe
from unetlib.saving.checkpoint import CHECKPOINT
from unetlib.speed.options import Speed

FOLDER = RESULTS.parents[1] / "runs" / "large"
# The flagship's learning rate at its width of 22; wider networks need a smaller one.
LR_TIMES_WIDTH = 0.11


def recipe(width: int, epochs: int) -> Recipe:
    """The flagship's, but for the length and the rate."""
    name = f"mixer-{epochs}"
    return replace(MIXER, name=name, epochs=epochs, lr=LR_TIMES_WIDTH / width)


def train_large(width: int, epochs: int) -> tuple[MixerUnet, History]:
    """Train in runs/large, or go on there."""
    learning, _ = split(load_mnist()[0])
    torch.manual_seed(0)
    network = MixerUnet(width)
    resume = (FOLDER / CHECKPOINT).exists()
    speed = Speed(bfloat16=True)  # 1.7 times as fast, with AMX or without
    by = recipe(width, epochs)
    history = fit(
        network, learning.images, by, folder=FOLDER, resume=resume, speed=speed
    )
    return network.eval().requires_grad_(False), history


@Experiment
def large(width: int = 70, epochs: int = 16, digits: int = 10_000) -> dict:
    """PSNR in dB on test digits of a network about nine times the flagship's size.

    Trained by the flagship's recipe with a rate that fits its width. An interrupted
    training goes on from runs/large. `train_seconds` is by the clock, whatever else
    the machine did meanwhile. `mixer_db`: the flagship's on the same pictures.
    """
    network, history = train_large(width, epochs)
    by = recipe(width, epochs)
    clean = to_tensor(load_mnist()[1].sample(digits).images, "cpu") / 255
    found = {
        name: denoising_psnr(denoiser, clean, SIGMAS)
        for name, denoiser in (
            ("test_psnr_db", by.denoiser(network)),
            ("mixer_db", load_pretrained("mixer")),
        )
    }
    return {
        "parameters": count_parameters(MixerUnet(width)),  # those here are frozen
        "epochs": epochs,
        "lr": by.lr,
        "train_seconds": round(sum(history.seconds)),
        "n": digits,
        **{
            name: {str(s): round(db, 3) for s, db in row.items()}
            for name, row in found.items()
        },
    }
