"""Runs a notebook and keeps of its outputs what readers need."""

import os
import re
import sys
import time
from pathlib import Path

from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]


def execute(notebook: NotebookNode, folder: Path) -> float:
    """Run every cell in `folder`; outputs go into `notebook`. Returns seconds."""
    client = NotebookClient(
        notebook, timeout=600, record_timing=False, coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )  # fmt: skip
    start = time.perf_counter()
    client.execute()
    seconds = time.perf_counter() - start
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            _tidy(output)
            # A figure that fails to draw leaves an error and yet lets the cell pass.
            expected = "raises-exception" in cell.metadata.tags
            if output.output_type == "error" and not expected:
                raise RuntimeError(f"cell {cell.id}: {output.ename}: {output.evalue}")
    return seconds


def _tidy(output: NotebookNode) -> None:
    """Progress bars leave their last state; paths of this machine go."""
    if output.output_type == "stream":
        output.text = _without_paths(re.sub(r"(?m)^.*\r(?=[^\n])", "", output.text))
    elif output.output_type == "error":
        output.traceback = [_without_paths(line) for line in output.traceback]
        output.evalue = _without_paths(output.evalue)


def _without_paths(text: str) -> str:
    for folder in (ROOT, Path(sys.prefix), Path(sys.base_prefix), Path.home()):
        text = text.replace(f"{folder}{os.sep}", "")
    return re.sub(r"\S*ipykernel_\d+\S\d+\.py", "cell", text)


def draws(cell: NotebookNode) -> bool:
    """Whether a figure is among the cell's outputs."""
    return any(
        kind.startswith("image/")
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    )


def keep_outputs(notebook: NotebookNode, old: NotebookNode) -> None:
    """Take the outputs of `old`, whose code is the same, into `notebook`."""
    by_id = {cell.id: cell for cell in old.cells if cell.cell_type == "code"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = by_id[cell.id].outputs
            cell.execution_count = by_id[cell.id].execution_count


def undescribed(notebook: NotebookNode) -> list[str]:
    """Cells whose figures say nothing to those who cannot see them."""
    return [
        cell.id
        for cell in notebook.cells
        if draws(cell) and "mystnb" not in cell.metadata
    ]
