"""Runs a notebook and keeps of its outputs what readers need."""

import inspect
import json
import os
import re
import sys
import time
from pathlib import Path

from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

ROOT = Path(__file__).resolve().parents[2]


def spent() -> dict[str, float]:
    """What this process has used up: seconds of processor time, of all threads and of
    ended children, and on Linux, which tells, the most memory that it held, in MB."""
    import os
    import re
    from pathlib import Path

    found = {"cpu_seconds": sum(os.times()[:4])}
    status = Path("/proc/self/status")
    if status.exists():
        peak = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8"))
        found["memory_mb"] = int(peak[1]) / 1000
    return found


def execute(notebook: NotebookNode, folder: Path) -> dict[str, float]:
    """Run every cell in `folder`; outputs go into `notebook`.

    Returns seconds, and what `spent` says of the process in which the cells ran.
    """
    client = NotebookClient(
        notebook, timeout=600, record_timing=False, coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )  # fmt: skip
    meter = f"import json\n{inspect.getsource(spent)}print(json.dumps(spent()))"
    notebook.cells.append(new_code_cell(meter))
    start = time.perf_counter()
    client.execute()
    used = {"seconds": time.perf_counter() - start}
    used |= json.loads(notebook.cells.pop().outputs[0].text)
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            _tidy(output)
            # A figure that fails to draw leaves an error and yet lets the cell pass.
            expected = "raises-exception" in cell.metadata.tags
            if output.output_type == "error" and not expected:
                raise RuntimeError(f"cell {cell.id}: {output.ename}: {output.evalue}")
    return used


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
