"""What goes wrong outside unetlib, brought about: for test_troubleshooting.py."""

import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import matplotlib.pyplot as plt
import nbformat
from building import ROOT
from chapters import NAMES, committed
from fontTools import subset
from fontTools.ttLib import TTFont
from languages import LANGUAGES
from messages import said
from playwright.sync_api import Browser, Page, expect
from publishing import install_cell, requirements, say_where
from website import free_port

MILLISECONDS = 60_000  # for what a slow machine may take
VERSION = "99.0"  # of the unetlib that the first cell looks for
WHEEL = f"unetlib-{VERSION}-py3-none-any.whl"
HELP = "https://book.example/en/troubleshooting.html"
OLD_PYTHON = "import sys; sys.version_info = (3, 8, 20)"
SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance(colors="NoColor").run_cell(sys.stdin.read())
"""


# ---------- Python without this or that ----------


def first_cell(language: str, wheels: str, needed: str = "") -> str:
    """The code that installs unetlib in published notebooks.

    needed: packages with their lower bounds; by default those of unetlib.
    """
    values = requirements() | {"VERSION": VERSION, "FILE": WHEEL, "HELP": HELP}
    values["WHEEL"] = f"{wheels}/{WHEEL}"
    values["NEEDED"] = needed or values["NEEDED"]
    return install_cell(LANGUAGES[language], values)


def run_first_cell(
    language: str,
    folder: Path,
    before: str = "",
    wheels: str = "https://book.example/dist",
    needed: str = "",
) -> str:
    """Run the first cell of published notebooks in an IPython; returns what it prints.

    Its network is a proxy at which nobody answers, and pip installs into `folder`.
    before: what the kernel has run already. wheels: the folder or address of WHEEL.
    needed: as in `first_cell`.
    """
    kept = {k: v for k, v in os.environ.items() if not k.lower().startswith("pip_")}
    dead = f"http://127.0.0.1:{free_port()}"
    environment = kept | {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "https://index.example/simple",
        "PIP_NO_COLOR": "1",
        "PIP_RETRIES": "1",
        "PIP_TARGET": str(folder),
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "PYTHONUTF8": "1",
        "IPYTHONDIR": str(folder / "ipython"),
        **dict.fromkeys(
            ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), dead
        ),
    }
    return subprocess.run(
        [sys.executable, "-c", SHELL],
        input=f"{before}\n{first_cell(language, wheels, needed)}",
        env=environment,
        capture_output=True,
        encoding="utf-8",
    ).stdout.strip()


def hide(package: str) -> str:
    """Code that hides an installed package from the first cell."""
    return f"""
import importlib.metadata as metadata
real = metadata.version
def version(package):
    if package == {package!r}:
        raise metadata.PackageNotFoundError(package)
    return real(package)
metadata.version = version
"""


def write_wheel(folder: Path, name: str = "unetlib", version: str = VERSION) -> Path:
    """An empty package of that version, for pip to install."""
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": f"__version__ = {version!r}\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\n"
        f"Name: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{about}/RECORD"
    files[record] = "".join(f"{file},,\n" for file in [*files, record])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return path


def missing_cell(language: str) -> str:
    """The first cell of a notebook of the repository."""
    notebook = committed(NAMES[0], language)
    return say_where(notebook, LANGUAGES[language]).cells[1].source


def without_packages(code: str) -> str:
    """What Python says of the code where nothing is installed."""
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", code]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    return done.stderr.strip().splitlines()[-1]


def import_without_packages(module: str) -> str:
    return without_packages(f"import {module}")


def shell_without_make() -> str:
    """What bash says to `make`; on Windows, what Command Prompt says."""
    nowhere = {**os.environ, "PATH": "/nowhere"}
    options = {"env": nowhere, "capture_output": True, "text": True}
    if sys.platform == "win32":
        return subprocess.run("make", shell=True, **options).stderr
    bash = shutil.which("bash")
    done = subprocess.run(["bash", "-c", "make"], executable=bash, **options)
    return done.stderr.replace("line 1: ", "")  # which stands there because of -c


# ---------- figures ----------


def draw(word: str) -> list[str]:
    """Draw a figure with that title; returns what matplotlib warns of."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        figure, ax = plt.subplots()
        ax.set_title(word)
        figure.savefig(io.BytesIO())
        plt.close(figure)
    return [said(warning.message) for warning in warned]


def write_font(path: Path, characters: str) -> None:
    """A font of a name of its own, with these characters and no others."""
    (folder,) = importlib.util.find_spec("zhplot").submodule_search_locations
    (full,) = Path(folder).rglob("NotoSansSC*.ttf")
    font = TTFont(full)
    subsetter = subset.Subsetter(subset.Options(drop_tables=["fvar", "gvar", "STAT"]))
    subsetter.populate(text=characters)
    subsetter.subset(font)
    for record in font["name"].names:
        record.string = "A Font of the Reader's"
    font.save(path)


# ---------- JupyterLab ----------


@contextmanager
def notebook(lab, browser: Browser, source: str) -> Iterator[Page]:
    """A notebook of one cell in JupyterLab, its cell run."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    made.cells.append(nbformat.v4.new_code_cell(source))
    name = "trouble.ipynb"
    nbformat.write(made, lab.folder / name)
    page = browser.new_page()
    page.set_default_timeout(MILLISECONDS)
    page.goto(lab.url(name))
    wait_for_kernel(page)
    choose(page, "Run", "Run All Cells")
    yield page
    page.close()


def wait_for_kernel(page: Page) -> None:
    idle = page.get_by_text("Python 3 (ipykernel) | Idle")
    expect(idle).to_be_visible(timeout=MILLISECONDS)


def choose(page: Page, menu: str, item: str) -> None:
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{item}$")).click()


def outlive_the_kernel(lab, browser: Browser) -> str:
    """What stands where a slider was, once its kernel is another one."""
    source = "import ipywidgets\nipywidgets.IntSlider()"
    with notebook(lab, browser, source) as page:
        page.locator(".widget-slider").wait_for()
        choose(page, "File", "Save Notebook")
        expect(page.locator(".jp-mod-dirty")).to_have_count(0, timeout=MILLISECONDS)
        choose(page, "Kernel", "Restart Kernel…")
        page.get_by_role("button", name="Confirm Kernel Restart").click()
        wait_for_kernel(page)
        page.reload()
        output = page.locator(".jp-OutputArea-output")
        expect(output).to_contain_text("widget: ", timeout=MILLISECONDS)
        return output.inner_text()
