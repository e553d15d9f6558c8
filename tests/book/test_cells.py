"""Cells that readers run twice, or once more when they have come to the end."""

from copy import deepcopy

import pytest
from chapters import CHAPTERS, NAMES
from languages import FALLBACK
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from notebooks import generate


def faults(cells: list[NotebookNode], folder) -> list[str]:
    """What fails where each cell runs twice in a row, and, after the last, once more:
    backwards, for each to find what the later ones have left."""
    runs = [(cell, which) for cell in cells for which in ("first", "second")]
    runs += [(cell, "late") for cell in reversed(cells)]
    copies = [deepcopy(cell) for cell, _ in runs]
    for number, copy in enumerate(copies):
        copy.id = f"run-{number}"
    resources = {"metadata": {"path": str(folder)}}
    notebook = new_notebook(cells=copies)
    NotebookClient(
        notebook, timeout=600, allow_errors=True, resources=resources
    ).execute()
    return [
        f"{cell.id}, {which} run: {output.ename}: {output.evalue}"
        for (cell, which), copy in zip(runs, copies, strict=True)
        for output in copy.outputs
        if output.output_type == "error"
        and "raises-exception" not in cell.metadata.get("tags", [])
    ]


@pytest.mark.weekly
@pytest.mark.parametrize("chapter", CHAPTERS, ids=NAMES)
def test_every_cell_can_run_again(chapter, tmp_path):
    cells = [c for c in generate(chapter, FALLBACK).cells if c.cell_type == "code"]
    assert faults(cells, tmp_path) == []


def test_a_cell_that_cannot_is_seen(tmp_path):
    """One fails the second time, one is broken by a later cell, one may fail."""
    sources = {
        "start": "n = 0",
        "count": "n += 1; assert n == 1",
        "see": "assert n < 3",
    }
    sources |= {"later": "n = 3", "error": "1 / 0"}
    cells = [new_code_cell(source, id=name) for name, source in sources.items()]
    cells[-1].metadata.tags = ["raises-exception"]
    found = [fault.split(" run: ")[0] for fault in faults(cells, tmp_path)]
    assert found == ["count, second", "see, late", "count, late"]
