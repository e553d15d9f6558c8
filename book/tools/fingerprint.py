"""What a notebook's outputs depend on, as one number."""

import hashlib
from pathlib import Path

from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]


def fingerprint(notebook: NotebookNode) -> str:
    """Changes when the notebook's code does, or the library or its weights."""
    digest = hashlib.sha256()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            digest.update(f"{cell.id}\n{cell.source}\n".encode())
    for path in sorted((ROOT / "unetlib").rglob("*")):
        if path.suffix in {".py", ".safetensors", ".ttf"}:
            digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()
