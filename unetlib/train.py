"""The training program. Introduced in chapter 04.

From a shell: `python -m unetlib.train --recipe book --device cuda`, or by several
processes at once: `torchrun --nproc-per-node N -m unetlib.train …`.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from unetlib.checks import UnetlibError, check_device
from unetlib.data import Digits, load_mnist, split
from unetlib.fit import fit
from unetlib.formats.idx import load_idx
from unetlib.formats.npy import load_npy
from unetlib.model import NETWORKS
from unetlib.recipe import RECIPES
from unetlib.speed.distributed import own_device, process_group
from unetlib.speed.options import FAST, PLAIN


def _load(folder: str | None) -> Digits:
    if folder is None:
        return load_mnist()[0]
    if (Path(folder) / "x_train.npy").exists():
        return load_npy(folder)
    return load_idx(folder)[0]


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {text}")
        return int(text)

    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m unetlib.train", description="Train one of the book's networks."
    )
    add = parser.add_argument
    add("--recipe", choices=RECIPES, default="book")
    add("--device", default="cpu", help="cpu, cuda or cuda:N")
    add("--folder", default=None, help="for results; default runs/RECIPE")
    add("--data", default=None, help="folder with the .npy pair or the IDX files")
    add("--epochs", type=_at_least(1), help="length of the whole run")
    add("--stop-after", type=_at_least(1), help="pause after so many epochs")
    add("--seed", type=_at_least(0), default=0)
    add("--resume", action="store_true", help="go on from the folder's checkpoint")
    add("--overwrite", action="store_true", help="begin anew in a folder with a run")
    add("--plain", action="store_true", help="take no measures for speed")
    add("--bfloat16", action=argparse.BooleanOptionalAction, help="default: if fast")
    add("--compile", action="store_true", help="use torch.compile")
    return parser


def _run(options: argparse.Namespace) -> None:
    device = check_device(own_device(options.device))
    recipe = RECIPES[options.recipe]
    if options.epochs is not None:
        recipe = replace(recipe, epochs=options.epochs)
    train = _load(options.data).up_to(10)  # the article's filter: keeps all of them
    held_out = None  # the article learns from every digit and measures nothing
    if not recipe.name.startswith("article"):
        train, validation = split(train)
        held_out = validation.images[:1000]
    speed = PLAIN if options.plain else replace(FAST, bfloat16=options.bfloat16)
    speed = replace(speed, compile=options.compile)
    torch.manual_seed(options.seed)
    with process_group(device):
        history = fit(
            NETWORKS[recipe.network](),
            train.images,
            recipe,
            device=device,
            seed=options.seed,
            folder=options.folder or Path("runs") / recipe.name,
            resume=options.resume,
            overwrite=options.overwrite,
            stop_after=options.stop_after,
            held_out=held_out,
            speed=speed,
        )
    if len(history.loss) < min(recipe.epochs, options.stop_after or recipe.epochs):
        raise KeyboardInterrupt  # which `fit` took for a wish to stop between two steps


def main(arguments: list[str] | None = None) -> None:
    """The command line: `python -m unetlib.train --help`."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        _run(options)
    except UnetlibError as error:  # any other is a fault, to be mended by its traceback
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    except KeyboardInterrupt:
        parser.exit(130, f"{parser.prog}: stopped; --resume goes on\n")


if __name__ == "__main__":
    main()
