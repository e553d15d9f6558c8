"""Notebooks are executed again when, and only when, something that they use changed."""

from pathlib import Path

import nbformat
import pytest
from chapters import ROOT, committed
from fingerprint import bare, fingerprint, used_files

# A library with a module for every way in which a notebook may come to use one.
LIBRARY = {
    "__init__.py": (
        '"""Says what it is."""\nfrom toylib.core import start\n'
        'from toylib.offered import other\n__version__ = "1"\n'
    ),
    "core.py": (
        '"""About the core; see toylib.unused."""\n\n\n'
        "def start():  # a comment\n"
        '    """Docstring, with #hash."""\n'
        "    from .deep import inside\n\n"
        '    return inside.VALUE, """a text\n\nin three lines"""\n'
    ),
    "offered.py": "other = 1\n",
    "deep/__init__.py": "",
    "deep/inside.py": "from ..above import LEVEL\n\nVALUE = LEVEL\n",
    "deep/weights/net.safetensors": "weights",
    "above.py": "LEVEL = 1\n",
    "imported.py": "from toylib import through\n",
    "through.py": "",
    "attribute.py": "",
    "started.py": "",
    "in_a_string.py": "",
    "in_a_command.py": "",
    "unused.py": "",
    "deep/unused.py": "",
    "apart/__init__.py": "",
    "apart/data.bin": "data",
    "LICENSE.md": "text",
}
CELLS = [
    "import toylib\nimport toylib.imported as used\n\n%timeit toylib.attribute.f()",
    "from toylib import start",
    'command = [python, "-m", "toylib.started", "--fast"]',
    "code = '''\nfrom toylib import in_a_string\n'''",
    "!python -m toylib.in_a_command",
    "print(",  # fails on purpose
]


def notebook(cells: list[str]) -> nbformat.NotebookNode:
    code = [nbformat.v4.new_code_cell(c, id=f"cell-{i}") for i, c in enumerate(cells)]
    return nbformat.v4.new_notebook(cells=code)


@pytest.fixture
def library(tmp_path) -> Path:
    for name, text in LIBRARY.items():
        path = tmp_path / "toylib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "toylib"


def changes(library: Path, name: str, old: str, new: str) -> bool:
    """Whether a notebook is executed again after `old` became `new` in a file."""
    before = fingerprint(notebook(CELLS), library)
    path = library / name
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    assert old in text
    path.write_text(text.replace(old, new, 1) if old else text + new, encoding="utf-8")
    return fingerprint(notebook(CELLS), library) != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("__init__.py", '"1"', '"2"'),
        ("core.py", "# a comment", "# another"),
        ("core.py", "  # a comment", ""),
        ("core.py", "Docstring", "Another"),
        ("core.py", "About the core", "About\n\nit"),
        ("core.py", "toylib.unused", "toylib.apart"),  # no use, only talk of it
        ("core.py", "inside\n\n", "inside\n\n\n    # more air\n"),
        ("unused.py", "", "x = 1\n"),
        ("offered.py", "1", "2"),  # in the front, but nobody takes it
        ("deep/unused.py", "", "x = 1\n"),
        ("apart/data.bin", "data", "other"),
        ("LICENSE.md", "text", "other"),
    ],
)
def test_nothing_is_executed_for(library, name, old, new):
    assert not changes(library, name, old, new)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("__init__.py", "", "x = 1\n"),
        ("core.py", "inside.VALUE", "inside.VALUE + 1"),
        ("core.py", "a text\n\nin", "a text\nin"),  # a blank line that is a value
        ("core.py", "a text", "# a text"),
        ("deep/__init__.py", "", "x = 1\n"),
        ("deep/inside.py", "= LEVEL", "= -LEVEL"),
        ("above.py", "1", "2"),
        ("deep/weights/net.safetensors", "weights", "other"),
        *(
            (f"{name}.py", "", "x = 1\n")
            for name in ("imported", "through", "attribute", "started")
        ),
        ("in_a_string.py", "", "x = 1\n"),
        ("in_a_command.py", "", "x = 1\n"),
        ("deep/weights/more.safetensors", "", "a file that was not there"),
    ],
)
def test_everything_is_executed_for(library, name, old, new):
    assert changes(library, name, old, new)


def test_the_notebooks_own_code_counts(library):
    one = fingerprint(notebook(CELLS), library)
    assert fingerprint(notebook([*CELLS, "1"]), library) != one
    assert fingerprint(notebook(CELLS[::-1]), library) != one


def test_only_code_is_left():
    code = 'class A:  # c\n    """D."""\n\n    x = "# no"\n\n\n# c\ny = """\n\n"""\n'
    assert bare(code) == 'class A:\n    x = "# no"\ny = """\n\n"""'


def test_a_chapter_uses_what_it_runs_in_another_process():
    cells = [
        c.source for c in committed("04_training", "en").cells if "code" in c.cell_type
    ]
    used = {
        p.relative_to(ROOT / "unetlib").as_posix()
        for p in used_files(cells, ROOT / "unetlib")
    }
    assert {"train.py", "step.py"} <= used
    assert not any(name.startswith("pretrained/") for name in used)  # only offered
    assert "speed/cuda_graph.py" in used  # through others
    assert "display/widgets.py" not in used
