"""Run one experiment, or all that the chapters cite.

python book/experiments/run.py --list                    which there are
python book/experiments/run.py skips --epochs 1 --print  try one, write nothing
python book/experiments/run.py cited                     what `make results` does
"""

import argparse
import inspect
import json
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import torch
from experiment import RESULTS, Experiment, circumstances, version_of

from unetlib.checks import check_device

FOLDER = Path(__file__).resolve().parent
sys.path.append(str(FOLDER.parent / "tools"))

from citations import REFERENCE, look_up  # noqa: E402

COMMAND = ["python", "book/experiments/run.py"]
CHAPTERS, PAGES = (RESULTS.parent / name for name in ("chapters", "pages"))
ELSEWHERE = {  # cited results that no experiment writes
    "chapter_times": "`make notebooks` notes it when it executes a chapter",
    "gpu_notebooks": "it was noted by hand when the chapters ran on a GPU",
}


def find_experiments() -> dict[str, Experiment]:
    """Every experiment in this folder, by name."""
    files = sorted(FOLDER.glob("*.py"))
    values = [
        value for file in files for value in vars(import_module(file.stem)).values()
    ]
    found = [value for value in values if isinstance(value, Experiment)]
    return {experiment.name: experiment for experiment in found}


def references() -> list[str]:
    """What chapters and pages cite, FILE/KEY/…, in the order in which they do."""
    files = [*sorted(CHAPTERS.glob("*.md")), *sorted(PAGES.glob("*/*.md"))]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    text = text.replace("{{cpu-time}}", "{{chapter_times/seconds}}")
    found = dict.fromkeys(match[1] for match in REFERENCE.finditer(text))
    return [x for x in found if "/" in x and not x.startswith("solution/")]


def cited(experiments: dict[str, Experiment]) -> dict[str, Experiment | None]:
    """The cited results in order, after those that they read, with what makes them.

    None stands for ELSEWHERE. Raises ValueError where nothing makes a result.
    """
    makers = {name: one for one in experiments.values() for name in one.results()}
    found: dict[str, Experiment | None] = {}
    for reference in references():
        name = reference.partition("/")[0]
        if name not in makers and name not in ELSEWHERE:
            raise ValueError(
                f"the chapters cite {{{{{reference}}}}}, but no experiment is called "
                f"{name}: write one, or say in ELSEWHERE where the result comes from"
            )
        maker = makers.get(name)
        for read in maker.reads if maker else ():
            found[read] = makers[read]
        found[name] = maker
    return found


def why_not(name: str, experiment: Experiment | None) -> str:
    """Why this result cannot be measured here; empty where it can."""
    if experiment is None:
        return ELSEWHERE[name]
    if experiment.results()[name] == "cuda" and not torch.cuda.is_available():
        return "it needs a GPU"
    lacking = [one for one in experiment.needs if version_of(one) == "not installed"]
    return f"it needs {', '.join(lacking)}" if lacking else ""


def run_cited(experiments: dict[str, Experiment]) -> None:
    """Measure what the chapters cite, each in a process of its own; name the rest."""
    failed = []
    for name, experiment in cited(experiments).items():
        reason = why_not(name, experiment)
        if reason:
            print(f"{name}: not measured, {reason}", flush=True)
            continue
        command = [experiment.name]
        if name != experiment.name:
            command += ["--device", experiment.results()[name]]
        print(shlex.join([*COMMAND, *command]), flush=True)
        if subprocess.run([sys.executable, __file__, *command]).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed, for the reasons above: {', '.join(failed)}")


def measure(experiment: Experiment, options: dict, command: list[str]) -> dict:
    """The whole content of a result; `command` is what was typed after COMMAND."""
    device = options.get("device", "cpu")
    check_device(device)
    values = experiment.measure(**options)
    return {
        "what": experiment.what,
        "command": shlex.join([*COMMAND, *command]),
        **circumstances(device),
        **values,
    }


def answers(content: dict, reference: str) -> bool:
    """Whether there is a value for FILE/KEY/… in the content of FILE."""
    try:
        look_up(content, reference.split("/")[1:])
    except (LookupError, TypeError, ValueError):
        return False
    return True


def write(name: str, content: dict) -> None:
    """Write book/results/NAME.json, or print it and exit where it lacks a cited value.

    So a race with few contestants, say, does not take the place of the whole one.
    """
    text = json.dumps(content, indent=2) + "\n"
    mine = [cited for cited in references() if cited.startswith(f"{name}/")]
    lacking = [cited for cited in mine if not answers(json.loads(text), cited)]
    if lacking:
        print(text)
        sys.exit(
            f"book/results/{name}.json stays as it was: the chapters cite "
            f"{{{{{lacking[0]}}}}}, for which the result above has no value"
        )
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    print(f"wrote book/results/{name}.json")


def make_parser(experiments: dict[str, Experiment]) -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--list", action="store_true", help="list the experiments")
    commands = parser.add_subparsers(dest="name", metavar="NAME")
    commands.add_parser("cited", help="measure all that the chapters cite")
    for name, experiment in experiments.items():
        description = inspect.getdoc(experiment.measure)
        one = commands.add_parser(name, description=description, formatter_class=raw)
        one.add_argument("--print", action="store_true", help="write nothing")
        experiment.add_options(one)
    return parser


def list_experiments(experiments: dict[str, Experiment]) -> None:
    """Print name and purpose of each, and whether a chapter cites it."""
    makers = cited(experiments).values()
    for name, experiment in experiments.items():
        mark = "cited" if experiment in makers else ""
        print(f"{name:14} {mark:6} {experiment.what}")


def main(arguments: list[str]) -> None:
    experiments = find_experiments()
    options = vars(make_parser(experiments).parse_args(arguments))
    name, listed = options.pop("name"), options.pop("list")
    if listed or name is None:
        list_experiments(experiments)
    elif name == "cited":
        run_cited(experiments)
    else:
        only_print = options.pop("print")
        content = measure(experiments[name], options, arguments)
        if only_print:
            print(json.dumps(content, indent=2))
        else:
            write(experiments[name].result(options), content)


if __name__ == "__main__":
    main(sys.argv[1:])
