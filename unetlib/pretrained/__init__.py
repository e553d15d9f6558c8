"""Trained networks: those that ship with unetlib, and your own. See chapter 01.

Beside each `weights/NAME.safetensors` stands `weights/NAME.json`: the command that
made it, recipe, seed, steps, hardware and measured PSNR.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from unetlib.checks import UnetlibError, check_is_recipe
from unetlib.formats.weights import flat, read_weights
from unetlib.model import Denoiser
from unetlib.networks import RECIPES
from unetlib.pretrained.recognise import recognise
from unetlib.recipe import Recipe
from unetlib.saving.checkpoint import checksum

WEIGHTS = Path(__file__).parent / "weights"
PRETRAINED: dict[str, str] = {  # {name: what it is}
    name: json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))["what"]
    for name in sorted(path.stem for path in WEIGHTS.glob("*.json"))
}
# Those of chapters 00 to 05: neighbours differ in noise, in recipe, in network.
LESSON = ("article", "article-noise", "no-skip", "skip")
OFFERED = (*LESSON, "mixer")  # what widgets and the live page let the reader choose


def pretrained_info(name: str) -> dict:
    """How the weights `name` were made and what they reach.

    Raises UnetlibError for a name that is not in PRETRAINED.
    """
    if name not in PRETRAINED:
        raise UnetlibError(f"no weights {name!r}; there are {', '.join(PRETRAINED)}")
    return json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))


def load_network(
    source: str | Path | Mapping[str, Tensor], device: str | torch.device = "cpu"
) -> nn.Module:
    """A network of this book with weights from anywhere, ready to learn on.

    source: one of PRETRAINED; or the path of a file, such as `unet_model.pth`, the
        checkpoint of a run, or what another program saved on any machine; or a state
        dict. Which network it is, and of which width, its names and shapes say.
    Raises UnetlibError for another device, and for weights that cannot be used: it
    says what to do. No code in a file is run.
    """
    return _on(device, _network(source, recipe_wanted=False)[0])


def load_pretrained(
    source: str | Path | Mapping[str, Tensor],
    device: str | torch.device = "cpu",
    recipe: Recipe | None = None,
) -> Denoiser:
    """A trained denoiser on [0, 1], in evaluation mode, with gradients off.

    source: one of PRETRAINED: "article", "article-noise", "no-skip", "skip", "mixer";
        or any other that `load_network` takes.
    recipe: what it was trained by, for its scale. Weights that ship and checkpoints
        say that themselves.
    Raises UnetlibError as `load_network` does, and where the recipe must be named.
    """
    if recipe is not None:
        check_is_recipe(recipe)
    network, own = _network(source, recipe_wanted=recipe is None)
    if recipe and own:
        _check_same_use(recipe, own, source)
    denoiser = (recipe or own or _only_recipe(network)).denoiser(network)
    return _on(device, denoiser.eval().requires_grad_(False))


def _network(
    source: str | Path | Mapping[str, Tensor], recipe_wanted: bool
) -> tuple[nn.Module, Recipe | None]:
    """The network, and the recipe where the source tells it."""
    if isinstance(source, str) and source in PRETRAINED:
        tensors = load_file(WEIGHTS / f"{source}.safetensors")
        return recognise(tensors, source), Recipe(**pretrained_info(source)["recipe"])
    if isinstance(source, Mapping):
        return recognise(flat(source), "the state dict"), None
    if not isinstance(source, (str, Path)):
        raise UnetlibError(
            f"source must be a name, a path or a state dict, got {source!r}"
        )
    source = os.path.expanduser(source)  # noqa: PTH111 (Path raises, here and below)
    if not os.path.exists(source):  # noqa: PTH110
        raise UnetlibError(
            f"no weights {str(source)!r}; there are {', '.join(PRETRAINED)}, and no "
            f"file of that name in {Path.cwd()}"
        )
    tensors, about = read_weights(source)
    network = recognise(tensors, str(source))
    return network, _of_checkpoint(network, tensors, about, source, recipe_wanted)


def _of_checkpoint(
    network: nn.Module,
    tensors: dict[str, Tensor],
    about: dict[str, str],
    source: str,
    recipe_wanted: bool,
) -> Recipe | None:
    """The recipe that a checkpoint holds; the network gets its averaged weights."""
    if "unetlib" not in about:
        return None
    if about.get("sha256") != checksum(about["unetlib"], tensors):
        raise UnetlibError(f"{source} is damaged: its checksum is wrong")
    for index, parameter in enumerate(network.parameters()):
        if f"average.{index}" in tensors:  # by a recipe with `ema`
            parameter.data.copy_(tensors[f"average.{index}"])
    try:
        return Recipe(**json.loads(about["unetlib"])["recipe"])
    except (KeyError, TypeError, ValueError) as error:
        if not recipe_wanted:
            return None
        raise UnetlibError(
            f"{source} was made by a recipe that this unetlib does not know ({error}), "
            "so what the network gives would be a guess. Install the newest unetlib; "
            "or, if you know the recipe, name it"
        ) from None


def _check_same_use(recipe: Recipe, own: Recipe, source: object) -> None:
    """Refuses a recipe by which the weights would be used otherwise than they learned:
    the pictures would come out wrong, without a word."""
    for name in ("scale", "prediction"):
        if getattr(recipe, name) != getattr(own, name):
            raise UnetlibError(
                f'{source} learned by the recipe "{own.name}", whose {name} is '
                f'{getattr(own, name)}; that of "{recipe.name}" is '
                f"{getattr(recipe, name)}. Leave the recipe out"
            )


def _only_recipe(network: nn.Module) -> Recipe:
    """The book's recipe for this network; refuses to guess between two scales."""
    kind = type(network).__name__
    known = [recipe for recipe in RECIPES.values() if recipe.network == kind]
    if len({recipe.scale for recipe in known}) > 1:
        raise UnetlibError(
            f"these weights of a {kind} do not say on which scale it was trained. Name "
            "the recipe, load_pretrained(…, recipe=ARTICLE) for the article's program, "
            "else recipe=NO_SKIP: from unetlib.recipe import ARTICLE, NO_SKIP. In a "
            "shell: --recipe article, else --recipe no-skip"
        )
    return known[0]


def _on(device: str | torch.device, model: nn.Module) -> nn.Module:
    try:
        return model.to(device)
    except Exception as error:  # torch raises many kinds
        raise UnetlibError(
            f"no network fits on device {str(device)!r} ({error}); "
            'expected "cpu", or "cuda" where there is a GPU'
        ) from None
