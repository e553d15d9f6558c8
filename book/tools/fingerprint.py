"""What a notebook's outputs depend on, as one number: its code and the code it uses.

Of the library that is every module that the notebook imports, or that those import,
without comments, docstrings, blank lines and the version, and the data that their
packages ship. What the library's `__init__` imports is there for others to import from
it: of these modules, only those count whose names are used.
"""

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import dedent

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

PACKAGE = Path(__file__).resolve().parents[2] / "unetlib"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
LAYOUT = {
    tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER
}  # fmt: skip
VERSION = re.compile(r"(?m)^__version__ = .*$")  # each release raises it
NEVER_READ = {".md", ".txt", ".typed", ".pyc"}
NEVER_SAID = "exercises"  # in no notebook stands an answer, nor what is said to it


def fingerprint(notebook: NotebookNode, package: Path = PACKAGE) -> str:
    """Changes when the notebook's code does, or what it uses of the package."""
    digest = hashlib.sha256()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in cells:
        digest.update(f"{cell.id}\n{cell.source}\n".encode())
    for path in used_files((cell.source for cell in cells), package):
        digest.update(f"{path.relative_to(package).as_posix()}\n".encode())
        if path.suffix == ".py":
            source = VERSION.sub("", path.read_text(encoding="utf-8"))
            digest.update(bare(source).encode())
        else:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def used_files(cells: Iterable[str], package: Path) -> list[Path]:
    """The package's files, code and data, that running the cells may read, sorted."""
    modules = {_name(path, package): path for path in package.rglob("*.py")}
    front = (package / "__init__.py").read_text(encoding="utf-8")
    offered = {name.rpartition(".")[2]: name for name in _named(front, package.name)}
    used: set[str] = set()
    # What %magics and !commands hold becomes strings of Python code.
    wanted = {
        name
        for cell in cells
        for name in _named(TransformerManager().transform_cell(cell), package.name)
    }
    while wanted:
        parts = wanted.pop().split(".")
        if len(parts) == 2 and parts[1] in offered:
            wanted.add(offered[parts[1]])
        # Importing a.b.c runs a and a.b as well; c may be a function of theirs.
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            if name in modules and name not in used:
                used.add(name)
                code = modules[name].read_text(encoding="utf-8")
                base = name if modules[name].stem == "__init__" else _parent(name)
                if name != package.name:
                    wanted |= set(_named(code, package.name, base))
    paths = {modules[name] for name in used}
    homes = {path.parent for path in paths if path.stem == "__init__"}
    return sorted(paths | {path for path in _data(package) if _home(path) in homes})


def _name(path: Path, package: Path) -> str:
    """unetlib/display/plots.py → unetlib.display.plots"""
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _parent(name: str) -> str:
    return name.rpartition(".")[0]


def _data(package: Path) -> Iterator[Path]:
    for path in package.rglob("*"):
        code_or_text = path.suffix in NEVER_READ | {".py"} or path.name.startswith(".")
        said = NEVER_SAID in path.relative_to(package).parts
        if path.is_file() and not (code_or_text or said):
            yield path


def _home(path: Path) -> Path:
    """The nearest folder above a file that is a package: it ships the file."""
    return next(f for f in path.parents if (f / "__init__.py").is_file())


def _named(code: str, package: str, base: str = "") -> Iterator[str]:
    """Dotted names of the package in Python code: imports, attributes, strings.

    base: the package that relative imports start from.
    """
    dotted = re.compile(rf"\b{package}(?:\.\w+)*")
    try:
        tree = ast.parse(dedent(code))
    except SyntaxError:  # a cell that fails on purpose, or a string that is no code
        yield from dotted.findall(code)
        return
    documentation = _docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = _absolute(node, base)
            yield from (f"{start}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield from dotted.findall(ast.unparse(node))
        elif _is_text(node) and package in node.value and node not in documentation:
            # Code for another process: "-m unetlib.train", "from unetlib import …".
            yield from dotted.findall(node.value)
            yield from _named(node.value, package)


def _absolute(node: ast.ImportFrom, base: str) -> str:
    """from ..data import x in unetlib.display → unetlib.data"""
    parents = base.split(".")
    above = parents[: len(parents) + 1 - node.level] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _docstrings(tree: ast.AST) -> list[ast.Constant]:
    return [
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None
    ]


def bare(source: str) -> str:
    """Python code without comments, docstrings and blank lines, the rest as it was.

    Not its syntax tree, which other versions of Python write otherwise.
    """
    lines = source.split("\n")
    documented = {
        line
        for node in _docstrings(ast.parse(source))
        for line in range(node.lineno, node.end_lineno + 1)
    }
    kept: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        first, last = token.start[0], token.end[0]
        docstring = token.type == tokenize.STRING and first in documented
        if token.type == tokenize.COMMENT:
            lines[first - 1] = lines[first - 1][: token.start[1]].rstrip()
        elif not docstring and token.type not in LAYOUT:
            kept.update(range(first, last + 1))  # with blank lines inside a string
    return "\n".join(lines[number - 1] for number in sorted(kept))
