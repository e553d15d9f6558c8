"""What a published site carries besides its pages: the library's wheel, the notebooks.

Nothing in the sources knows where the book is published. Publishing says it,

    make site REPOSITORY=owner/name SITE_URL=https://…

and the first code cell of each notebook then installs this very library from there,
wherever it is opened. Without an address it can only say what to do.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import nbformat
from languages import Language
from nbformat import NotebookNode
from packaging.requirements import Requirement

import unetlib

ROOT = Path(__file__).resolve().parents[2]
BRANCH = "gh-pages"  # what is published lies there; .github/workflows/pages.yml
INSTALL = ROOT / "book" / "web" / "config" / "install-cell.txt"
MISSING = ROOT / "book" / "web" / "config" / "missing-cell.txt"
# Where a chapter was once published, and where it is now: old addresses lead on.
MOVED = {"06_speed": "10_speed", "08_speed": "10_speed"}
FIRST = "install-unetlib"  # the id of that cell
DISTANT_PAST = "315532800"  # 1980, the first year of zip: same sources, same wheel
# Services that run a notebook of a GitHub repository; Binder makes environment.yml.
STAMPED = "{repository}/blob/{branch}/notebooks/{path}"
SERVICES = {
    "ModelScope": f"https://modelscope.cn/notebook/share/github/{STAMPED}",
    "Colab": f"https://colab.research.google.com/github/{STAMPED}",
    "Kaggle": f"https://kaggle.com/kernels/welcome?src=https://github.com/{STAMPED}",
    "Binder": "https://mybinder.org/v2/gh/{repository}/HEAD?labpath=notebooks/{path}",
}


@dataclass(frozen=True)
class Address:
    """Where the book is published.

    repository: owner/name on GitHub. site_url: of the root page, without a slash.
    Raises ValueError for what is neither.
    """

    repository: str
    site_url: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.repository):
            raise ValueError(
                f"REPOSITORY must be owner/name, got {self.repository!r}: "
                "make site REPOSITORY=owner/name SITE_URL=https://…"
            )
        if not re.fullmatch(r"https?://[^\s\"'<>]+[^/\s\"'<>]", self.site_url):
            raise ValueError(
                "SITE_URL must be an address without a slash at its end, got "
                f"{self.site_url!r}"
            )

    def launches(self, language: Language, name: str) -> dict[str, str]:
        """Where a chapter can be run, the best one first: {service: its address there}.

        "own" has none: the notebook is to be downloaded.
        """
        values = {"repository": self.repository, "branch": BRANCH}
        values["path"] = f"{language.code}/{name}.ipynb"
        return {s: SERVICES.get(s, "").format(**values) for s in language.services}


def build_wheel(folder: Path, work: Path, published: Path | None) -> Path:
    """Put the library's wheel into `folder`, beside those of earlier versions.

    work: a folder to build in. published: what is published now, whose wheels stay.
    Ends with a message where this version was published with other contents: the
    notebooks that ask for it, in somebody's drive, must get what they were made for.
    """
    shutil.rmtree(work, ignore_errors=True)
    for name in ("unetlib", "pyproject.toml", "README.md", "LICENSE"):
        source, target = ROOT / name, work / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, target)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--no-build-isolation"]
    environment = os.environ | {"SOURCE_DATE_EPOCH": DISTANT_PAST}
    command += ["--wheel-dir", str(work), str(work / "source")]
    if subprocess.run(command, env=environment).returncode:
        sys.exit("the wheel of unetlib was not built; see above")
    (wheel,) = work.glob("unetlib-*.whl")
    folder.mkdir(parents=True, exist_ok=True)
    for earlier in (published / "dist").glob("*.whl") if published else ():
        shutil.copy(earlier, folder)
    kept = folder / wheel.name
    if kept.exists() and contents(kept) != contents(wheel):
        sys.exit(
            f"unetlib {unetlib.__version__} is published already, with other contents: "
            "raise the version in unetlib/__init__.py"
        )
    if not kept.exists():
        shutil.copy(wheel, kept)
    return kept


def contents(wheel: Path) -> dict[str, int]:
    """{file of the library: checksum}; what the metadata say does not count."""
    with ZipFile(wheel) as archive:
        files = archive.infolist()
    return {f.filename: f.CRC for f in files if f.filename.startswith("unetlib/")}


def write_notebooks(
    notebooks: Path,
    language: Language,
    folder: Path,
    address: Address | None,
    wheel: str,
) -> None:
    """Copy a language's notebooks into `folder`, stamped where there is an address."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((notebooks / language.code).glob("[0-9][0-9]_*.ipynb")):
        if address is None:
            shutil.copy(path, folder)
            continue
        notebook = stamp(nbformat.read(path, as_version=4), language, address, wheel)
        _write(notebook, folder / path.name)
    for old, new in MOVED.items() if address else ():
        there = f"{address.site_url}/{language.code}/{new}.html"
        cell = nbformat.v4.new_markdown_cell(f"[→ {there}]({there})", id="moved")
        _write(nbformat.v4.new_notebook(cells=[cell]), folder / f"{old}.ipynb")


def _write(notebook: NotebookNode, path: Path) -> None:
    text = nbformat.writes(notebook) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def install_cell(language: Language, values: dict[str, str]) -> str:
    """The code that installs the library, and what that needs, where it is missing.

    It is Python that old versions can read, to say so themselves. values: VERSION of
    the library; WHEEL and HELP (addresses); FILE, the wheel's name; NEEDED, packages
    with their lower bounds; PYTHON, that of Python, and LEAST, the same as 3, 11.
    """
    said = {n.upper(): _put(values, text) for n, text in language.install.items()}
    return _put(values | said, INSTALL.read_text(encoding="utf-8").strip())


def _put(values: dict[str, str], text: str) -> str:
    return re.sub("|".join(values), lambda match: values[match[0]], text)


def requirements() -> dict[str, str]:
    """What the library needs, as `install_cell` takes it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    python = project["requires-python"].removeprefix(">=")
    return {
        "NEEDED": " ".join(str(Requirement(r)) for r in project["dependencies"]),
        "PYTHON": python,
        "LEAST": python.replace(".", ", "),
    }


def with_first_cell(notebook: NotebookNode, source: str) -> NotebookNode:
    """The notebook with that first code cell, in place of another such.

    It is no part of the chapter: pages leave it out, and no output depends on it.
    """
    # Folded in Colab and JupyterLab; left out by jupyter-book.
    metadata = {"cellView": "form", "jupyter": {"source_hidden": True}}
    metadata["tags"] = ["remove-cell"]
    notebook.cells = [cell for cell in notebook.cells if cell.id != FIRST]
    cell = nbformat.v4.new_code_cell(source, id=FIRST, metadata=metadata)
    notebook.cells.insert(1, cell)
    return notebook


def say_where(notebook: NotebookNode, language: Language) -> NotebookNode:
    """The notebook with a cell that says, where the library is missing, what to do."""
    said = {name.upper(): text for name, text in language.install.items()}
    return with_first_cell(notebook, _put(said, MISSING.read_text("utf-8").strip()))


def stamp(
    notebook: NotebookNode, language: Language, address: Address, wheel: str
) -> NotebookNode:
    """The notebook with a cell that installs `wheel`, and links to the site's pages."""
    pages = f"{address.site_url}/{language.code}"
    values = requirements() | {
        "VERSION": unetlib.__version__,
        "WHEEL": f"{address.site_url}/dist/{wheel}",
        "FILE": wheel,
        "HELP": f"{pages}/troubleshooting.html",
    }
    with_first_cell(notebook, install_cell(language, values))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(
                r"\]\((\d\d_\w+)\.ipynb", rf"]({pages}/\1.html", cell.source
            )
    return notebook
