"""The chapters and their notebooks, as the tests of both read them."""

from functools import cache

import nbformat
from building import ROOT
from manuscript import chapter_paths
from nbformat import NotebookNode
from publishing import FIRST

CHAPTERS = chapter_paths()
NAMES = [chapter.stem for chapter in CHAPTERS]
# What each chapter begins with, for those that tests make up.
FRONT_MATTER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""


def committed(name: str, language: str) -> NotebookNode:
    """The notebook that lies in the repository, less what is no part of its chapter."""
    path = ROOT / f"notebooks/{language}/{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id != FIRST]
    return notebook


@cache
def prose(name: str, language: str) -> tuple[str, ...]:
    """The source of every prose cell."""
    cells = committed(name, language).cells
    return tuple(cell.source for cell in cells if cell.cell_type == "markdown")
