"""What an experiment is: a function that measures, and returns its values by name.

    @Experiment
    def skips(epochs: int = 2) -> dict:
        '''PSNR in dB after one training recipe, by network and sigma.'''

Its parameters, each with a type and a default, become options (`--epochs 1`), and the
docstring's first line is what it measures. `run.py` finds it in any file of this folder
and writes book/results/NAME.json: what, command, date, hardware, versions, the values.
"""

import argparse
import datetime
import inspect
import json
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import torch

RESULTS = Path(__file__).resolve().parents[1] / "results"
SIGMAS = (0.1, 0.25, 0.5, 0.75, 1.0)  # the noise levels of the book's tables
Device = Literal["cpu", "cuda"]


def recorded(name: str) -> dict:
    """The result of that name, which another experiment has written."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Experiment:
    """A function that measures, and when `run.py cited` may call it.

    measure: its parameters are int, float, str, a Literal of choices, or tuple[T, ...].
        One named `device` says where it runs; with several choices, each has a result
        of its own, NAME_DEVICE.
    needs: packages that the project's own environment lacks.
    reads: results of other experiments, which are measured first.
    """

    measure: Callable[..., dict]
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.measure.__name__

    @property
    def what(self) -> str:
        return inspect.getdoc(self.measure).partition("\n")[0].rstrip(".")

    def results(self) -> dict[str, str]:
        """The name of each result that it can write → the device measured there."""
        devices = get_args(get_type_hints(self.measure).get("device")) or ("cpu",)
        if len(devices) == 1:
            return {self.name: devices[0]}
        return {f"{self.name}_{device}": device for device in devices}

    def result(self, options: dict) -> str:
        """The name of the result that these options give."""
        names = {device: name for name, device in self.results().items()}
        return names[options.get("device", "cpu")]

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """One for each parameter: --batch-size for batch_size."""
        hints = get_type_hints(self.measure)
        for name, parameter in inspect.signature(self.measure).parameters.items():
            kind, parts = get_origin(hints[name]), get_args(hints[name])
            if kind is Literal:
                takes = {"choices": parts}
            elif kind is tuple:
                takes = {"type": parts[0], "nargs": "*"}
            else:
                takes = {"type": hints[name]}
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(
                option, default=parameter.default, help="default: %(default)s", **takes
            )


def version_of(package: str) -> str:
    """The version that is installed, or "not installed"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def circumstances(device: str = "cpu") -> dict[str, str]:
    """Date, hardware and versions of this run."""
    if torch.device(device).type == "cuda":
        hardware = torch.cuda.get_device_name()
    else:
        hardware = f"{_cpu_name()}, {os.cpu_count()} cores"
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "hardware": hardware,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _cpu_name() -> str:
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return info.partition("model name")[2].partition("\n")[0].strip("\t :")
    except OSError:
        return platform.processor() or platform.machine()
