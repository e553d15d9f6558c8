"""The chapters' sources, book/chapters/NN_name.md: cells, and whether all are there.

They are in MyST's format for notebooks, so that JupyterLab opens them through jupytext.
Prose stands once in each language, one cell after the other, marked {"lang": "zh"} and
so on; code stands once and has a name.
"""

from collections.abc import Iterator
from itertools import chain, groupby
from pathlib import Path

import jupytext
from languages import LANGUAGES
from nbformat import NotebookNode

CHAPTERS = Path(__file__).resolve().parents[1] / "chapters"


def chapter_paths() -> list[Path]:
    return sorted(CHAPTERS.glob("[0-9][0-9]_*.md"))


def read_cells(chapter: Path) -> list[NotebookNode]:
    """The cells of a chapter in every language, as jupytext reads them.

    Raises ValueError that says in which chapter and cell something is missing.
    """
    cells = jupytext.reads(chapter.read_text(encoding="utf-8"), fmt="md:myst").cells
    for wrong in chain(_wrong_code(cells), _wrong_prose(cells)):
        raise ValueError(f"{chapter.name}: {wrong}")
    return cells


def _wrong_code(cells: list[NotebookNode]) -> Iterator[str]:
    """What is wrong with the code cells."""
    names: set[str] = set()
    for cell in cells:
        if cell.cell_type != "code":
            continue
        name = cell.metadata.get("name")
        if not name:
            yield f"a code cell has no name; add `:name: …` to\n{cell.source}"
        if name in names:
            yield f"two code cells have the name {name}; each needs its own"
        names.add(name)
        for field in {"alt", "caption"} & cell.metadata.keys():
            lacking = LANGUAGES.keys() - cell.metadata[field].keys()
            if lacking:
                yield f"the `:{field}:` of cell {name} lacks {_listed(lacking)}"


def _wrong_prose(cells: list[NotebookNode]) -> Iterator[str]:
    """What is wrong with the prose cells between two code cells."""
    for is_code, group in groupby(cells, key=lambda cell: cell.cell_type == "code"):
        prose = [] if is_code else list(group)
        for cell in prose:
            language = cell.metadata.get("lang")
            if language not in LANGUAGES:
                known = _listed(LANGUAGES)
                yield f"prose in language {language!r}, not {known}:\n{cell.source}"
        for start in range(0, len(prose), len(LANGUAGES)):
            together = prose[start : start + len(LANGUAGES)]
            missing = LANGUAGES.keys() - {cell.metadata.lang for cell in together}
            if missing:
                beginning = together[0].source.partition("\n")[0]
                yield (
                    "prose must stand once in each language, one cell after the other: "
                    f"there is none in {_listed(missing)} beside “{beginning}”"
                )


def _listed(codes) -> str:
    return ", ".join(sorted(codes))
