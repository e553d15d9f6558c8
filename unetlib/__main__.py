"""The command `unetlib`, which is also `python -m unetlib`."""

import argparse
from functools import partial
from pathlib import Path

from unetlib import __version__, denoise, train
from unetlib.checks import UnetlibError
from unetlib.command import run_command
from unetlib.saving.checkpoint import CHECKPOINT

EXAMPLE = """\
  unetlib train --data photos --patch 40 --sigma 0 0.2 --denoise noisy/*.png
                                                    and denoise others by it
"""


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Those of `unetlib.train`, and what to denoise afterwards."""
    train.add_options(parser)
    parser.epilog += EXAMPLE
    add = parser.add_argument_group("afterwards").add_argument
    add("--denoise", nargs="+", metavar="PICTURE", help="PNG, JPEG, TIFF, into FOLDER")
    add("--clean", metavar="FOLDER", help="clean pictures of the same names: for PSNR")


def run_training(options: argparse.Namespace) -> None:
    """Train, then denoise the pictures that the options name by what was learned."""
    if options.denoise is None:
        if options.clean is not None:
            raise UnetlibError(
                f"--clean {options.clean} is to compare with; say what: --denoise "
                "PICTURE …"
            )
        train.run(options)
        return
    folder = Path(train.folder_of(options)).expanduser()
    told = argparse.Namespace(
        pictures=options.denoise,
        weights=str(folder / CHECKPOINT),
        recipe=None,  # the checkpoint says it
        colour=options.colour,
        clean=options.clean,
        preview=True,
        out=str(folder / "denoised"),
        overwrite=options.overwrite or options.resume,
        device=options.device,
    )
    denoise.check_files(told)  # it may be hours until then
    train.run(options, then=partial(denoise.run, told))


def main(arguments: list[str] | None = None) -> None:
    """The command line: `unetlib --help`."""
    parser = argparse.ArgumentParser(
        prog="unetlib",
        description="Image denoising: train a small U-Net and use it.",
    )
    parser.add_argument("--version", action="version", version=f"unetlib {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, what, add_options, run in (
        ("train", "train a network", add_training_options, run_training),
        (
            "denoise",
            "apply a trained network to picture files",
            denoise.add_options,
            denoise.run,
        ),
    ):
        command = commands.add_parser(name, help=what, description=what)
        add_options(command)
        command.set_defaults(run=run)
    run_command(lambda options: options.run(options), parser, arguments)


if __name__ == "__main__":
    main()
