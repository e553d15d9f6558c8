"""What stands in two files agrees, and nothing of one machine is in.

Dependencies, versions, hooks, and what is generated.
"""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

import pytest
import yaml
from building import ROOT
from languages import LANGUAGES
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import unetlib

CONDA_NAMES = {"torch": "pytorch"}  # where conda-forge calls it otherwise
CUDA = re.compile("cuda|nvidia|triton")  # packages for torch's CUDA build alone
PLATFORMS = {  # sys_platform, platform_system, os_name, platform_machine
    "Linux": ("linux", "Linux", "posix", "x86_64"),
    "macOS": ("darwin", "Darwin", "posix", "arm64"),
    "Windows": ("win32", "Windows", "nt", "AMD64"),
}

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
WANTED = [
    Requirement(line)
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for line in group
]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def lock() -> list[tuple[Requirement, list[str]]]:
    """Every package of the lock with its hashes."""
    return [
        (Requirement(first), re.findall(r"--hash=sha256:[0-9a-f]{64}\b", rest))
        for first, rest in re.findall(r"(?m)^(\w[^\\\n]*)((?:.*\n )*.*)", LOCK)
    ]


def needed(environment: dict[str, str]) -> Iterator[Requirement]:
    """What the project needs there and what that needs, as installed packages say."""
    wanted, seen = list(WANTED), set()
    while wanted:
        requirement = wanted.pop()
        if str(requirement) in seen or CUDA.match(requirement.name):
            continue
        seen.add(str(requirement))
        yield requirement
        try:
            lines = requires(requirement.name) or []
        except PackageNotFoundError:  # for another platform than this
            continue
        for inner in map(Requirement, lines):
            extras = [environment | {"extra": e} for e in ("", *requirement.extras)]
            if not inner.marker or any(map(inner.marker.evaluate, extras)):
                wanted.append(inner)


@pytest.mark.parametrize("python", ["3.11", "3.14"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_lock_satisfies_the_project(platform, python):
    names = ("sys_platform", "platform_system", "os_name", "platform_machine")
    environment = default_environment() | dict(
        zip(names, PLATFORMS[platform], strict=True),
        python_version=python,
        python_full_version=f"{python}.0",
    )
    there = [r for r, _ in lock() if not r.marker or r.marker.evaluate(environment)]
    pins = {canonicalize_name(r.name): str(r.specifier) for r in there}
    assert len(pins) == len(there)
    for requirement in needed(environment):
        pin = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin.removeprefix("==")), requirement


def test_all_of_the_lock_but_torch_has_hashes():
    assert {r.name for r, hashes in lock() if not hashes} == {"torch"}


def test_the_lock_is_for_every_build_and_index():
    assert not [r.name for r, _ in lock() if CUDA.match(r.name)]
    assert not re.search(r"(?m)^-|@|://", LOCK)


def test_environment_yml_asks_for_the_same():
    file = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = [line for line in file["dependencies"] if isinstance(line, str)]
    pip = next(line["pip"] for line in file["dependencies"] if isinstance(line, dict))
    assert pip.pop() == "--no-deps -e ."
    found = {r.name: r.specifier for r in map(Requirement, [*conda, *pip])}
    assert found.pop("python") == PROJECT["requires-python"]
    found.pop("pip")
    assert found == {CONDA_NAMES.get(r.name, r.name): r.specifier for r in WANTED}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_versions_agree():
    assert "version" in PROJECT["dynamic"]
    assert version("unetlib") == unetlib.__version__
    changes = re.findall(r"(?m)^## ([\d.]+) - ([\d-]+)$", read("CHANGELOG.md"))
    assert changes[0][0] == unetlib.__version__
    citation = yaml.safe_load(read("CITATION.cff"))
    assert (citation["version"], str(citation["date-released"])) == changes[0]
    assert citation["title"] == LANGUAGES["en"].title


def test_both_readmes_lead_to_both_languages_of_contributing():
    for readme in ("README.md", "README.zh.md"):
        for page in ("CONTRIBUTING.md", "CONTRIBUTING.zh.md"):
            assert f"({page})" in read(readme)


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_a_readme_promises_what_was_measured(readme):
    measured = json.loads(read("book/results/denoising.json"))["psnr_db"]
    promised = [f"{measured[name]['0.5']:.1f} dB" for name in ("skip", "noisy")]
    assert re.findall(r"[\d.]+ dB", read(readme)) == promised


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_the_code_of_a_readme_runs(readme):
    code = re.search(r"```python\n(.*?)```", read(readme), re.S)[1]
    names: dict = {}
    exec(code, names)
    assert names["denoised"].shape == names["clean"].shape


def test_hooks_run_what_is_here():
    hooks = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert [repository["repo"] for repository in hooks] == ["local"]
    for hook in hooks[0]["hooks"]:
        assert hook["entry"].startswith("python3 book/tools/environment.py -m ")
        for name in re.findall(r"\S+\.py", hook["entry"]):
            assert (ROOT / name).is_file()


def tracked() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_lock_files_name_no_registry():
    for name in ("requirements.lock", "book/web/package-lock.json"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://", re.sub(r'"url": "[^"]*"', "", text)), name


def test_generated_files_are_marked():
    attributes = (ROOT / ".gitattributes").read_text(encoding="utf-8")
    assert "notebooks/**/*.ipynb linguist-generated" in attributes
    assert any(name.startswith("notebooks/zh/") for name in tracked())
