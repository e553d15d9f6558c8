"""Published notebooks, run where little is installed, as hosted services have it.

`make test` opens the first chapter in an environment like Colab's. `make test-anywhere`
opens every notebook, there and where everything is as old as pyproject.toml admits, or
as new as there is; on Linux both of these fetch gigabytes of CUDA libraries, unless
PIP_CONSTRAINT names a file that holds torch to a version whose CPU build pip finds.
"""

import json
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
import torch
from building import ROOT
from chapters import NAMES
from languages import FALLBACK, LANGUAGES
from nbclient import NotebookClient
from nbformat import NotebookNode
from packaging.requirements import Requirement
from publishing import FIRST, Address, build_wheel, write_notebooks
from website import serve

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NEEDED = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
TORCH = f"torch=={torch.__version__.partition('+')[0]}"  # the one that tests run on
# What hosts have of what notebooks need, torch apart: googlecolab/backend-info 2026.01;
# Kaggle/docker-python, which builds upon Colab's image.
COLAB = (
    "ipython==7.34.0 ipykernel==6.17.1 ipywidgets==7.7.1 notebook==6.5.7 "
    "jupyter_client==7.4.9 traitlets==5.7.1 numpy==2.0.2 matplotlib==3.10.0 "
    "pillow==11.3.0 tqdm==4.67.1 safetensors==0.7.0 scikit-image==0.25.2 "
    "scipy==1.16.3 filelock==3.20.3"
)
KAGGLE = COLAB.replace("numpy==2.0.2 matplotlib==3.10.0", "numpy<2 matplotlib<3.8")
KAGGLE = KAGGLE.replace("ipywidgets==7.7.1", "ipywidgets==8.1.5")
KINDS = {
    "colab": [TORCH, *COLAB.split()],
    "kaggle": [TORCH, *KAGGLE.split()],
    "oldest": [f"{r.name}=={next(iter(r.specifier)).version}" for r in NEEDED],
    "newest": [r.name for r in NEEDED],
}
HELD = ("torch", "numpy")  # what the first cell must leave as it is
# Run last: whether this kernel has used a GPU; None where there is none.
USED_GPU = """
import torch
torch.cuda.max_memory_allocated() > 0 if torch.cuda.is_available() else None
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Iterator[Path]:
    """Where wheel and stamped notebooks lie, as a fork serves them on this machine."""
    folder = tmp_path_factory.mktemp("published")
    with serve(folder) as address:
        wheel = build_wheel(folder / "dist", folder / "work", None)
        fork = Address("reader/fork", address)
        for language in LANGUAGES.values():
            into = folder / "notebooks" / language.code
            write_notebooks(ROOT / "notebooks", language, into, fork, wheel.name)
        yield folder


@dataclass(frozen=True)
class Host:
    """An environment of its own, with a kernel for notebooks."""

    python: Path
    kernel: str

    def version(self, package: str) -> str:
        code = f"import importlib.metadata as m; print(m.version({package!r}))"
        done = subprocess.run(
            [self.python, "-c", code], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


@pytest.fixture(scope="module")
def host(request, tmp_path_factory) -> Host:
    """A fresh environment that holds what KINDS says, and nothing of the book."""
    if request.param in ("colab", "kaggle") and sys.version_info >= (3, 13):
        pytest.skip("its packages are older than this Python")
    folder = tmp_path_factory.mktemp(request.param)
    venv.create(folder, with_pip=True)
    (python,) = [*folder.glob("bin/python"), *folder.glob("Scripts/python.exe")]
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile"]
    pip += ["--disable-pip-version-check"]
    subprocess.run([*pip, "ipykernel", *KINDS[request.param]], check=True)
    kernels = folder / "share" / "kernels" / request.param
    kernels.mkdir(parents=True)
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": request.param, "language": "python"}
    (kernels / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder / "share"))
        patch.delenv("PYTHONPATH", raising=False)  # or the kernel finds the sources
        yield Host(python, request.param)


def open_notebook(
    host: Host, published: Path, language: str, name: str, folder: Path
) -> NotebookNode:
    """Execute a stamped notebook, from its first cell on, in an empty folder."""
    path = published / "notebooks" / language / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.cells.append(nbformat.v4.new_code_cell(USED_GPU))
    NotebookClient(
        notebook,
        kernel_name=host.kernel,
        timeout=600,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    return notebook


def check_opened(notebook: NotebookNode) -> None:
    """The first cell did what it should, and a GPU that is there was used."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code[0].id == FIRST and code[0].outputs == []  # not a word of pip's
    used_gpu = [o.data["text/plain"] for o in code[-1].outputs]
    asks_for_gpu = any("cuda.is_available()" in cell.source for cell in code[:-1])
    assert used_gpu == (["True"] if used_gpu and asks_for_gpu else used_gpu)


@pytest.mark.weekly
@pytest.mark.parametrize("host", ["colab"], indirect=True)
def test_the_first_chapter_opens_in_colab(host, published, tmp_path):
    before = [host.version(package) for package in HELD]
    notebook = open_notebook(host, published, FALLBACK, "00_welcome", tmp_path)
    check_opened(notebook)
    assert [host.version(package) for package in HELD] == before
    cells = {cell.id: cell for cell in notebook.cells}
    # Its ipywidgets shows widgets in its own way; the picture is kept all the same.
    shown = {kind for o in cells["explorer"].outputs for kind in o.get("data", {})}
    assert {"application/vnd.jupyter.widget-view+json", "image/png"} <= shown


@pytest.mark.anywhere
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("host", KINDS, indirect=True)
def test_every_notebook_runs(host, published, language, name, tmp_path):
    before = [host.version(package) for package in HELD]
    check_opened(open_notebook(host, published, language, name, tmp_path))
    assert [host.version(package) for package in HELD] == before
