"""The trained networks that ship with unetlib. Introduced in chapter 01.

Beside each `weights/NAME.safetensors` stands `weights/NAME.json`: the command that
made it, recipe, seed, steps, hardware and measured PSNR.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from unetlib.checks import UnetlibError
from unetlib.model import NETWORKS, Denoiser
from unetlib.recipe import Recipe

WEIGHTS = Path(__file__).parent / "weights"
PRETRAINED: dict[str, str] = {  # {name: what it is}
    name: json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))["what"]
    for name in sorted(path.stem for path in WEIGHTS.glob("*.json"))
}


def pretrained_info(name: str) -> dict:
    """How the weights `name` were made and what they reach.

    Raises UnetlibError for a name that is not in PRETRAINED.
    """
    if name not in PRETRAINED:
        raise UnetlibError(f"no weights {name!r}; there are {', '.join(PRETRAINED)}")
    return json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))


def load_pretrained(name: str, device: str | torch.device = "cpu") -> Denoiser:
    """A trained denoiser on [0, 1], in evaluation mode, with gradients off.

    name: one of PRETRAINED: "article", "article-noise", "no-skip", "skip".
    Raises UnetlibError for another name or device. Nothing is unpickled.
    """
    info = pretrained_info(name)
    recipe = Recipe(**info["recipe"])
    network = NETWORKS[recipe.network]()
    network.load_state_dict(load_file(WEIGHTS / f"{name}.safetensors"))
    denoiser = recipe.denoiser(network)
    denoiser.eval().requires_grad_(False)
    try:
        return denoiser.to(device)
    except Exception as error:  # torch raises many kinds
        raise UnetlibError(
            f"no network fits on device {str(device)!r} ({error}); "
            'expected "cpu", or "cuda" where there is a GPU'
        ) from None
