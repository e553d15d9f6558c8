"""The first cell of a published notebook, in environments that hold this and that.

Packages are empty wheels in folders of this machine; pip itself is real, where it is
to install something. What only depends on the versions that are there runs here.
"""

import ast
import importlib.metadata as metadata
import os
import re
import shutil
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import nbformat
import pytest
from building import ROOT
from chapters import NAMES, committed
from languages import LANGUAGES
from packaging.requirements import Requirement
from publishing import FIRST, requirements, say_where
from situations import VERSION, first_cell, without_packages, write_wheel

import unetlib

NEEDED = "torch>=2.6 numpy>=1.26 ours>=2.1 theirs>=3"
GOOD = {"torch": "2.7.0+cu126", "numpy": "2.0.2", "ours": "2.1", "theirs": "3"}
SHOW = """
from importlib.metadata import distributions
print(*(f"{d.metadata['Name']}=={d.version}" for d in distributions()))
"""


# ---------- with pip ----------


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """Python and pip, nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    return folder


class Host:
    """An environment, its package index and the book's site, each a folder.

    It has torch and numpy, built for it, and no other package.
    """

    def __init__(self, environment: Path, folder: Path) -> None:
        binaries = [*environment.glob("bin"), *environment.glob("Scripts")]
        self.python = binaries[0] / "python"
        (self.packages,) = environment.glob("**/site-packages")
        self.bare = {*self.packages.iterdir()}
        self.index, self.site, self.desk = (
            folder / name for name in ("index", "site", "desk")
        )
        for made in (self.index, self.site, self.desk):
            made.mkdir()
        write_wheel(self.site)
        self.have(torch=GOOD["torch"], numpy=GOOD["numpy"])

    def have(self, **packages: str) -> None:
        for name, version in packages.items():
            with ZipFile(write_wheel(self.site.parent, name, version)) as wheel:
                wheel.extractall(self.packages)

    def offer(self, *packages: str) -> None:
        """Put packages, each as name==version, into the index."""
        for package in packages:
            write_wheel(self.index, *package.split("=="))

    def tidy(self) -> None:
        for path in {*self.packages.iterdir()} - self.bare:
            shutil.rmtree(path)

    def run(self, before: str = "", times: int = 1) -> list[str]:
        """Run the cell in a new kernel; returns what it prints or ends with, each time.

        before: what the kernel has run already.
        """
        cell = first_cell("en", self.site.as_uri(), NEEDED)
        once = """
try:
    exec(cell, {})
except RuntimeError as error:
    print(error, end="")
print(end=chr(0))
"""
        kept = {k: v for k, v in os.environ.items() if not k.lower().startswith("pip_")}
        kept.pop("PYTHONPATH", None)
        own = {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_FIND_LINKS": self.index.as_uri(),
            "PIP_NO_COMPILE": "1",
            "PIP_NO_INDEX": "1",
            "PYTHONUTF8": "1",
        }
        done = subprocess.run(
            [self.python, "-c", f"cell = {cell!r}\n{before}\n{once * times}"],
            cwd=self.desk,
            env=kept | own,
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split("\0")[:-1]

    def has(self) -> dict[str, str]:
        """{package: version}, pip and the like apart."""
        done = subprocess.run(
            [self.python, "-I", "-c", SHOW], capture_output=True, text=True, check=True
        )
        found = dict(one.split("==") for one in done.stdout.split())
        return {n: v for n, v in found.items() if (self.packages / n) not in self.bare}


@pytest.fixture
def host(environment, tmp_path):
    made = Host(environment, tmp_path)
    yield made
    made.tidy()


def test_what_is_missing_or_too_old_is_installed_and_the_rest_stays(host):
    host.have(ours="2.0.9")
    host.offer("ours==2.1", "ours==2.2", "theirs==4.0", "torch==9.9", "numpy==9.9")
    assert host.run(times=2) == ["", ""]
    assert host.has() == GOOD | {"ours": "2.2", "theirs": "4.0", "unetlib": VERSION}


def test_half_an_installation_is_none(host):
    """Now the index is out of reach, now the book's site."""
    (said,) = host.run()
    assert "No matching distribution found for ours>=2.1" in said
    assert "not installed: ours, theirs, unetlib. " in said
    assert host.has().keys() == {"torch", "numpy"}
    host.offer("ours==2.1", "theirs==3")
    away = host.site.rename(host.site.with_name("away"))
    (said,) = host.run()
    assert "not installed: unetlib. " in said
    assert host.has() == GOOD
    away.rename(host.site)
    assert host.run(times=2) == ["", ""]
    assert host.has() == GOOD | {"unetlib": VERSION}


def test_the_wheel_may_lie_beside_the_notebook(host):
    host.have(**GOOD)
    (wheel,) = host.site.iterdir()
    shutil.move(wheel, host.desk)
    assert host.run() == [""]
    assert host.has()["unetlib"] == VERSION


@pytest.mark.parametrize("loaded", ["ours", "unetlib"])
def test_what_this_kernel_has_loaded_needs_a_restart(host, loaded):
    """Each time, until there was one."""
    host.have(ours="2.0", theirs="3", unetlib="0.1")
    host.offer("ours==2.1")
    for said in host.run(before=f"import {loaded}", times=2):
        assert said.startswith("older packages were loaded already: restart the kernel")
    assert host.has() == GOOD | {"unetlib": VERSION}
    assert host.run(before=f"import {loaded}") == [""]


# ---------- without ----------


class Pretended:
    """What the cell would do where these versions are there; pip always fails."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch, self.commands = patch, []
        patch.setattr(unetlib, "__version__", VERSION)
        patch.setattr(subprocess, "run", self._pip)

    def _pip(self, command: list[str], **_) -> subprocess.CompletedProcess:
        self.commands.append(command)
        return subprocess.CompletedProcess(command, 1, stdout="")

    def run(self, **versions: str | None) -> str:
        """What it ends with. versions: those that are not GOOD; None for missing."""
        there = GOOD | {"unetlib": VERSION} | versions

        def version(package: str) -> str:
            if there[package] is None:
                raise metadata.PackageNotFoundError(package)
            return there[package]

        self.patch.setattr(metadata, "version", version)
        try:
            exec(first_cell("en", "https://book.example", NEEDED), {})
        except RuntimeError as error:
            return str(error)
        return ""


@pytest.fixture
def pretended(monkeypatch) -> Pretended:
    return Pretended(monkeypatch)


@pytest.mark.parametrize(
    "good", ["2.1", "2.1.0", "2.10", "2.1rc1", "2.2.dev0", "3+x.1"]
)
def test_what_is_new_enough_stays(pretended, good):
    assert pretended.run(ours=good) == "" and not pretended.commands


@pytest.mark.parametrize("old", ["2.0.9", "2", "1.99", "2+5"])
def test_what_is_too_old_is_installed_beside_what_is_there(pretended, old):
    assert "not installed: ours. " in pretended.run(ours=old)
    ((*_, ours, numpy, theirs),) = pretended.commands
    assert (ours, numpy, theirs) == ("ours>=2.1", "numpy==2.0.2", "theirs==3")


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ({"torch": "2.1.0+cu118"}, '"torch>=2.6"'),
        ({"torch": "2.3.1", "ours": None}, '"torch>=2.6"'),  # an image of ModelScope's
        ({"numpy": "1.25.2"}, '"numpy>=1.26"'),
        ({"torch": None, "numpy": "1.9"}, '"torch>=2.6" "numpy>=1.26"'),
    ],
)
def test_torch_and_numpy_are_for_readers_to_install(pretended, there, asked):
    said = pretended.run(**there)
    assert said.startswith("PyTorch or NumPy is missing or too old. ")
    assert f"%pip install --upgrade {asked}  in a new cell" in said
    assert not pretended.commands


@pytest.mark.parametrize("version", ["UNKNOWN", "0.0.0", None])
def test_a_module_that_does_not_know_its_version_is_no_reason_to_restart(
    pretended, version
):
    module = ModuleType("ours")
    module.__version__ = version
    pretended.patch.setitem(sys.modules, "ours", module)
    assert pretended.run() == ""


@pytest.mark.parametrize("version", [(3, 10, 12), (3, 8, 0)])
def test_too_old_a_python_is_said_so(pretended, version):
    pretended.patch.setattr(sys, "version_info", version)
    said = pretended.run(unetlib=None)
    assert f"this is Python 3.{version[1]}, and the book needs 3.11" in said
    assert not pretended.commands


@pytest.mark.parametrize("language", LANGUAGES)
def test_old_pythons_can_read_the_cell(language):
    """So that they get as far as saying that they are too old."""
    ast.parse(first_cell(language, "https://book.example"), feature_version=(3, 7))


def test_the_cell_understands_what_the_library_needs():
    """Lower bounds alone, and the names under which packages are imported."""
    needed = requirements()["NEEDED"].split()
    assert all(re.fullmatch(r"[\w-]+>=[\d.]+", line) for line in needed)
    cell = first_cell("en", "https://book.example")
    modules = eval(re.search(r"(?m)^modules = (.*)$", cell)[1])
    for name in (Requirement(line).name for line in needed):
        assert find_spec(modules.get(name, name)), name


# ---------- notebooks that were not published ----------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_of_the_repository_begins_with_a_check(language, name):
    path = ROOT / "notebooks" / language / f"{name}.ipynb"
    made = say_where(committed(name, language), LANGUAGES[language])
    found = nbformat.read(path, as_version=4)
    assert made == found, "run `make notebooks`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_where_the_library_is_to_be_had(language):
    notebook = say_where(committed(NAMES[0], language), LANGUAGES[language])
    opening, first, *_ = notebook.cells
    assert opening.cell_type == "markdown" and first.id == FIRST
    exec(first.source, {})  # it is here
    text = LANGUAGES[language].install["missing"]
    assert without_packages(first.source) == f"RuntimeError: {text}"
