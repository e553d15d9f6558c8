"""The command `unetlib`, which is also `python -m unetlib`."""

import argparse

from unetlib import __version__, denoise, train
from unetlib.command import run_command


def main(arguments: list[str] | None = None) -> None:
    """The command line: `unetlib --help`."""
    parser = argparse.ArgumentParser(
        prog="unetlib",
        description="Image denoising: train a small U-Net and use it.",
    )
    parser.add_argument("--version", action="version", version=f"unetlib {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, command, what in (
        ("train", train, "train a network"),
        ("denoise", denoise, "apply a trained network to picture files"),
    ):
        command_parser = commands.add_parser(name, help=what, description=what)
        command.add_options(command_parser)
        command_parser.set_defaults(run=command.run)
    run_command(lambda options: options.run(options), parser, arguments)


if __name__ == "__main__":
    main()
