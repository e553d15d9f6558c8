"""The lesson stands by itself: what it is, how long, and what it may import."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import unetlib

PACKAGE = Path(unetlib.__file__).parent
ROOT = PACKAGE.parent
LESSON = ["data", "noise", "metrics", "model", "recipe", "batcher", "step", "fit"]
LANGUAGES = [folder.name for folder in sorted((ROOT / "book/pages").iterdir())]


def imported(path: Path) -> set[str]:
    """The modules of unetlib that a file imports, wherever it does so."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{n.name}" for n in node.names)}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name.removeprefix("unetlib.") for name in found if "unetlib" in name}


def lesson_alone(path: Path, earlier: list[str]) -> bool:
    return {name.split(".")[0] for name in imported(path)} <= {"checks", *earlier}


@pytest.mark.parametrize("module", [*LESSON[:-1], "checks"])
def test_the_lesson_imports_only_what_was_read_before(module):
    """`fit`, the last, is the one that brings both parts together."""
    before = [] if module == "checks" else LESSON[: LESSON.index(module)]
    assert lesson_alone(PACKAGE / f"{module}.py", before)


def test_an_import_of_something_later_would_be_seen(tmp_path):
    for line in ("from unetlib.fit import fit", "import unetlib.speed.options"):
        (tmp_path / "model.py").write_text(f"def f():\n    {line}\n")
        assert not lesson_alone(tmp_path / "model.py", LESSON[:3])


def test_the_lesson_is_read_in_one_sitting():
    files = [PACKAGE / f"{module}.py" for module in LESSON]
    assert sum(len(f.read_text(encoding="utf-8").splitlines()) for f in files) <= 900


def test_what_takes_long_to_import_is_imported_where_it_is_used():
    """It would take several times as long as all of unetlib: each command waits."""
    command = [sys.executable, "-c", "import sys, unetlib; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not {"matplotlib", "scipy", "skimage"} & {*done.stdout.split()}


def test_it_is_told_in_this_order():
    said = re.search(
        r"The lesson, in the order of the chapters: ([^;]+);", unetlib.__doc__
    )
    assert re.split(r",\s+", said[1]) == LESSON


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_reference_shows_every_module_and_the_lesson_first(language):
    page = (ROOT / f"book/pages/{language}/api.md").read_text(encoding="utf-8")
    shown = re.findall(r"automodule:: unetlib\.(\S+)", page)
    files = [p.relative_to(PACKAGE).with_suffix("") for p in PACKAGE.rglob("*.py")]
    modules = {".".join(f.parts) for f in files if f.name != "__init__"} | {
        "pretrained"
    }
    # What each exercise asks, readers see in the chapters.
    modules = {m for m in modules if not m.startswith("exercises.")} | {"exercises"}
    assert shown[: len(LESSON) + 1] == [*LESSON, "checks"]
    assert sorted(shown) == sorted(modules)
