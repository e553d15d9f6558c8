"""pyproject.toml, environment.yml and the lock agree; nothing of one machine is in."""

import re
import subprocess
import tomllib
from importlib.metadata import version

import yaml
from chapters import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CONDA_NAMES = {"torch": "pytorch"}  # where conda-forge calls it otherwise

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
WANTED = [
    Requirement(line)
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for line in group
]


def lock() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(n): v for n, v in (line.split("==") for line in lines)}


def test_the_lock_satisfies_the_project():
    for requirement in WANTED:
        pin = lock()[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin), requirement


def test_environment_yml_asks_for_the_same():
    file = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = [line for line in file["dependencies"] if isinstance(line, str)]
    pip = next(line["pip"] for line in file["dependencies"] if isinstance(line, dict))
    assert pip.pop() == "--no-deps -e ."
    found = {r.name: r.specifier for r in map(Requirement, [*conda, *pip])}
    assert found.pop("python") == PROJECT["requires-python"]
    found.pop("pip")
    assert found == {CONDA_NAMES.get(r.name, r.name): r.specifier for r in WANTED}


def test_versions_agree():
    import unetlib

    assert "version" in PROJECT["dynamic"]
    assert version("unetlib") == unetlib.__version__


def tracked() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_lock_files_name_no_registry():
    for name in ("requirements.lock", "book/package-lock.json"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://", re.sub(r'"url": "[^"]*"', "", text)), name


def test_generated_files_are_marked():
    attributes = (ROOT / ".gitattributes").read_text(encoding="utf-8")
    assert "notebooks/**/*.ipynb linguist-generated" in attributes
    assert any(name.startswith("notebooks/zh/") for name in tracked())
