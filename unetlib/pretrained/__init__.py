"""The three trained networks that ship with unetlib. Introduced in chapter 01.

Beside each `weights/NAME.safetensors` stands `weights/NAME.json`: the command that
made it, recipe, seed, steps, hardware and measured PSNR.
"""

import json
from numbers import Real
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from unetlib.model import NETWORKS
from unetlib.noise import check_floats

WEIGHTS = Path(__file__).parent / "weights"
PRETRAINED = {
    "article": "Unet as the article trains it: target = input, no noise",
    "article-noise": "the same network and recipe, with ONLY noise added",
    "skip": "SkipUnet, trained by the book's recipe",
}


class Denoiser(nn.Module):
    """A network with the scale that it lives on, as a function on [0, 1].

    forward: noisy (B, 1, H, W) float on the scale where white is 1 → denoised, the
    same shape and scale, not clamped. The network itself sees `white` times that.
    white: from 0.001 to 1000. Raises ValueError for others, TypeError for integers.
    """

    def __init__(self, network: nn.Module, white: float = 1.0) -> None:
        super().__init__()
        if not (isinstance(white, Real) and 0.001 <= white <= 1000):
            raise ValueError(f"white must be a number, 0.001 to 1000, got {white!r}")
        self.network = network
        self.white = float(white)

    def forward(self, noisy: Tensor) -> Tensor:
        check_floats("noisy", noisy)
        return self.network(noisy * self.white) / self.white


def pretrained_info(name: str) -> dict:
    """How the weights `name` were made and what they reach.

    Raises ValueError for a name that is not in PRETRAINED.
    """
    if name not in PRETRAINED:
        raise ValueError(f"no weights {name!r}; there are {', '.join(PRETRAINED)}")
    return json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))


def load_pretrained(name: str, device: str | torch.device = "cpu") -> Denoiser:
    """A trained denoiser on [0, 1], in evaluation mode, with gradients off.

    name: "article", "article-noise" or "skip" (see PRETRAINED).
    Raises ValueError for another name or device. Nothing is unpickled.
    """
    info = pretrained_info(name)
    network = NETWORKS[info["recipe"]["network"]]()
    network.load_state_dict(load_file(WEIGHTS / f"{name}.safetensors"))
    denoiser = Denoiser(network, white=255 * info["recipe"]["scale"])
    denoiser.eval().requires_grad_(False)
    try:
        return denoiser.to(device)
    except Exception as error:  # torch raises many kinds
        raise ValueError(
            f"no network fits on device {str(device)!r} ({error}); "
            'expected "cpu", or "cuda" where there is a GPU'
        ) from None
