"""The training command. Introduced in chapter 04.

From a shell: `unetlib train --recipe book --device cuda`, or `python -m unetlib.train`;
by several processes at once: `torchrun --nproc-per-node N -m unetlib.train …`.
"""

import argparse
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from torch import nn

from unetlib.checks import LARGEST_SEED, UnetlibError, check_device, check_whole
from unetlib.command import run_command
from unetlib.data import VALIDATION_SIZE, load_mnist
from unetlib.fit import fit
from unetlib.formats.patches import cut_patches, load_photographs
from unetlib.formats.pictures import load_pictures
from unetlib.model import Denoiser
from unetlib.networks import NETWORKS, RECIPES
from unetlib.recipe import CHOICES, Recipe
from unetlib.saving.checkpoint import CHECKPOINT
from unetlib.saving.folder import WEIGHTS
from unetlib.saving.history import TABLE, History
from unetlib.speed.distributed import own_device, process_group, rank
from unetlib.speed.options import FAST, PLAIN, bfloat16_is_faster

EXAMPLES = """examples:
  unetlib train                                     the book's network, minutes
  unetlib train --recipe article --device cuda      the article's, as it was
  unetlib train --sigma 0.1 0.5 --lr 0.001 --width 14 --folder runs/small
  unetlib train --data my-digits --validation 500   pictures of your own
  unetlib train --data photos --patch 40 --colour --sigma 0 0.2
                                                    photographs of any size
  unetlib train --folder runs/small --resume        go on with what was interrupted
"""
PATCHES = 20_000  # to learn from, unless --pictures says how many
MEASURED = 1000  # pictures that the PSNR of each epoch is the mean of, at most
OF_A_RECIPE = {  # what each field of a recipe decides, in the words of an option
    "network": "which network learns",
    "scale": "pixels, 0 to 255, times this are what the network sees",
    "sigma": "noise is drawn between these levels; white is 1",
    "batch_size": "pictures in a step",
    "draws_per_image": "an epoch draws this many pictures per picture",
    "epochs": "length of the whole run",
    "lr": "learning rate, the largest where it changes",
    "one_cycle": "the learning rate rises and falls, or stays",
    "loss_reduction": "of the errors of all pixels",
    "loss_factor": "multiplies the loss",
    "save_every": "epochs between two files of weights",
    "sigma_distribution": "how noise levels are drawn",
    "sigma_weight": "a picture's loss counts sigma to the power of minus this",
    "loss_function": "of an error",
    "prediction": "what the network gives: the clean picture or the noise",
    "clip_norm": "longer gradients are shortened to this",
    "ema": "decay of a running mean of the weights, such as 0.999",
}


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {text}")
        return int(text)

    return number


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything that a training run can be told; the recipe's part from `Recipe`."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    run = parser.add_argument_group("the run").add_argument
    run("--recipe", choices=RECIPES, default="book", help="to begin with (book)")
    run("--device", default="cpu", help="cpu, cuda or cuda:N (cpu)")
    run("--seed", type=_at_least(0), default=0, help="of weights, draws, noise (0)")
    run("--folder", help="for what the run writes (runs/RECIPE)")
    run("--resume", action="store_true", help="go on from the folder's checkpoint")
    run("--overwrite", action="store_true", help="begin anew in a folder with a run")
    run("--stop-after", type=_at_least(1), help="pause after so many epochs")
    run("--tensorboard", action="store_true", help="curves for TensorBoard, too")
    data = parser.add_argument_group("the pictures").add_argument
    data("--data", help="file or folder to read instead of MNIST")
    data("--pictures", type=_at_least(1), help="learn from so many, drawn at random")
    data("--patch", type=_at_least(1), help="cut squares of this side from --data")
    data("--colour", action="store_true", help="of patches: keep colours")
    data(
        "--validation",
        type=_at_least(0),
        help=f"keep so many back to measure by ({VALIDATION_SIZE}; article: 0; of "
        "--patch: a tenth of the files)",
    )
    recipe = parser.add_argument_group("what the recipe says, said otherwise")
    recipe.add_argument(
        "--width", type=_at_least(1), help="of SkipUnet (28), MixerUnet (22)"
    )
    for field in fields(Recipe):
        if field.name != "name":
            flag = "--" + field.name.replace("_", "-")
            option = {"help": OF_A_RECIPE[field.name], "default": None}
            recipe.add_argument(flag, **option, **_kind(field.name, field.type))
    speed = parser.add_argument_group("speed").add_argument
    speed("--plain", action="store_true", help="take no measures for speed")
    either = argparse.BooleanOptionalAction
    speed("--bfloat16", action=either, help="default: where that is faster")
    speed("--compile", action="store_true", help="use torch.compile")


def _kind(name: str, kind: type) -> dict:
    """How argparse reads a field of a recipe."""
    choices = CHOICES | {"network": tuple(NETWORKS)}
    if name in choices:
        return {"choices": tuple(choices[name])}
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    if name == "sigma":
        return {"type": float, "nargs": 2, "metavar": ("LEAST", "MOST")}
    return {"type": next(iter(get_args(kind)), kind)}  # of `float | None`: float


def _recipe(options: argparse.Namespace) -> Recipe:
    said = {name: getattr(options, name) for name in OF_A_RECIPE}
    said = {name: value for name, value in said.items() if value is not None}
    return replace(RECIPES[options.recipe], **said)


def _network(recipe: Recipe, width: int | None, colour: bool) -> nn.Module:
    channels = 3 if colour else 1
    if width is None:
        return NETWORKS[recipe.network](channels=channels)
    if recipe.network == "Unet":
        raise UnetlibError(
            f"--width {width} is for SkipUnet and MixerUnet; Unet has the article's "
            "own. Leave it out, or add --network SkipUnet"
        )
    return NETWORKS[recipe.network](width=width, channels=channels)


def _pictures(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray | None]:
    """(to learn from, to measure by), (N, H, W) or (N, 3, H, W) uint8."""
    if options.patch is not None:
        return _patches(options)
    if options.colour:
        raise UnetlibError("--colour is for pictures cut into patches; add --patch 40")
    given = options.data is not None
    train = load_pictures(options.data) if given else load_mnist()[0].images
    size = options.validation
    if size is None:  # the article learns from every digit and measures nothing
        size = 0 if options.recipe.startswith("article") else VALIDATION_SIZE
    _check_kept(size, len(train))
    cut = len(train) - size
    train, validation = train[:cut], train[cut:][:MEASURED] if size else None
    if options.pictures is not None and options.pictures > len(train):
        raise UnetlibError(
            f"--pictures {options.pictures} asks for more than the {len(train)} "
            "that there are to learn from"
        )
    if options.pictures is not None:
        rng = np.random.default_rng(0)
        train = train[rng.choice(len(train), options.pictures, replace=False)]
    return train, validation


def _patches(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray | None]:
    """The same from photographs; those to measure by are from files kept back."""
    if options.data is None:
        raise UnetlibError(
            "--patch cuts up pictures of your own; say where they are: --data FOLDER"
        )
    side, size = options.patch, options.validation
    photographs = load_photographs(options.data, options.colour, side)
    if size is None:
        size = -(-len(photographs) // 10) if len(photographs) > 1 else 0
    _check_kept(size, len(photographs))
    cut = len(photographs) - size
    train = cut_patches(photographs[:cut], side, options.pictures or PATCHES)
    return train, cut_patches(photographs[cut:], side, MEASURED) if size else None


def _check_kept(size: int, pictures: int) -> None:
    if size >= pictures:
        raise UnetlibError(
            f"--validation {size} would keep back all of the {pictures} pictures; "
            f"ask for fewer, such as --validation {pictures // 10}: 0 keeps none"
        )


def _check_patch(side: int | None, network: nn.Module) -> None:
    multiple = Denoiser(network).multiple
    if side is not None and side % multiple:
        raise UnetlibError(
            f"--patch {side} is no multiple of {multiple}, which the network needs; "
            f"take {side // multiple * multiple or multiple}"
        )


def _board(folder: str | Path) -> Callable[[History], None]:
    """Writes each epoch for TensorBoard, which shows the runs of a folder together."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UnetlibError(
            "--tensorboard needs a package of that name: pip install tensorboard. "
            f"Without it, {TABLE} holds the same numbers"
        ) from None
    writer = SummaryWriter(str(Path(folder).expanduser()))

    def write(history: History) -> None:
        epoch = len(history.loss) - 1
        writer.add_scalar("train loss", history.loss[-1], epoch)
        if history.psnr_db:
            writer.add_scalar("PSNR at sigma 0.5 (dB)", history.psnr_db[-1], epoch)
        writer.flush()

    return write


def folder_of(options: argparse.Namespace) -> str | Path:
    """Where the run is written to."""
    if options.folder is not None:
        return options.folder
    return Path("runs") / _recipe(options).name


def run(options: argparse.Namespace, then: Callable[[], None] | None = None) -> None:
    """Train as the options say.

    then: what the first of several processes does when all is learned.
    Raises UnetlibError for what cannot be, and KeyboardInterrupt after Ctrl-C.
    """
    device = check_device(own_device(options.device))
    recipe, folder = _recipe(options), folder_of(options)
    train, validation = _pictures(options)
    speed = PLAIN if options.plain else replace(FAST, bfloat16=options.bfloat16)
    torch.manual_seed(check_whole("seed", options.seed, 0, LARGEST_SEED))
    network = _network(recipe, options.width, options.colour)
    _check_patch(options.patch, network)
    with process_group(device):
        if speed.bfloat16 is None and not options.resume and rank() == 0:
            faster = "bfloat16" if bfloat16_is_faster(device) else "float32"
            print(f"computing in {faster}, which is faster here")
        on_epoch = _board(folder) if options.tensorboard and rank() == 0 else None
        try:
            history = fit(
                network,
                train,
                recipe,
                device=device,
                seed=options.seed,
                folder=folder,
                resume=options.resume,
                overwrite=options.overwrite,
                stop_after=options.stop_after,
                held_out=validation,
                speed=replace(speed, compile=options.compile),
                on_epoch=on_epoch,
            )
            last = min(recipe.epochs, options.stop_after or recipe.epochs)
            if len(history.loss) < last:  # another process was stopped
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            saved = Path(folder, CHECKPOINT).expanduser().exists()
            raise KeyboardInterrupt("; --resume goes on" if saved else "") from None
        if rank() == 0:
            weights = Path(folder, CHECKPOINT)  # says what the network gives, and scale
            print(
                f"in {folder}: {WEIGHTS} (weights), {CHECKPOINT}, {TABLE}, pictures\n"
                f"unetlib denoise PICTURE … --weights {weights} uses them"
            )
            if then is not None:
                then()


def main(arguments: list[str] | None = None) -> None:
    """The command line: `python -m unetlib.train --help`."""
    parser = argparse.ArgumentParser(
        prog="python -m unetlib.train", description="Train one of the book's networks."
    )
    add_options(parser)
    run_command(run, parser, arguments)


if __name__ == "__main__":
    main()
