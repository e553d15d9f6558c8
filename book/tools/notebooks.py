"""Chapters to notebooks: book/chapters/NN_name.md → notebooks/LANGUAGE/NN_name.ipynb.

`python book/tools/notebooks.py` makes the notebooks of every chapter, one in each
language, and executes those whose code, or whose part of the library, changed since.
CONTRIBUTING says how to write a chapter.
"""

import argparse
import json
import sys
from pathlib import Path

import nbformat
from execution import execute, keep_outputs, undescribed
from figures import caption, numbers, with_references
from fingerprint import fingerprint
from languages import LANGUAGES
from manuscript import chapter_paths, read_cells
from nbformat import NotebookNode
from prose import RESULTS, finished, finished_code
from publishing import say_where

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "book" / "experiments"))

from experiment import circumstances  # noqa: E402

NOTEBOOKS = ROOT / "notebooks"
PYTHON = {"display_name": "Python 3", "language": "python", "name": "python3"}


def generate(chapter: Path, language: str) -> NotebookNode:
    """The notebook of one chapter in one language, without outputs."""
    cells = []

    def add_prose(source: str) -> None:
        source = with_references(source, chapter, language)
        source = finished(source, chapter.stem, language)
        number = f"prose-{len(cells):02d}"
        cells.append(nbformat.v4.new_markdown_cell(source, id=number))

    figures = numbers(chapter)
    for cell in read_cells(chapter):
        if cell.cell_type == "code":
            cells.append(_code_cell(cell, chapter.stem, language))
            if "caption" in cell.metadata:
                name, text = cell.metadata.name, cell.metadata.caption[language]
                add_prose(caption(text, name, figures[name], language))
        elif cell.metadata.lang == language:
            add_prose(cell.source)
    metadata = {"kernelspec": dict(PYTHON), "language_info": {"name": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def _code_cell(cell: NotebookNode, chapter: str, language: str) -> NotebookNode:
    metadata = {"tags": sorted(cell.metadata.get("tags", []))}
    if "alt" in cell.metadata:
        metadata["mystnb"] = {"image": {"alt": cell.metadata.alt[language]}}
    source = finished_code(cell.source, chapter, language)
    return nbformat.v4.new_code_cell(source, id=cell.metadata.name, metadata=metadata)


def record_time(chapter: str, used: dict[str, float]) -> None:
    """Note what a chapter took, and when and on what machine, for the readers."""
    path = RESULTS / "chapter_times.json"
    times = json.loads(path.read_text(encoding="utf-8"))
    noted = {what: round(value, 1) for what, value in used.items()}
    for what, value in (noted | {"circumstances": circumstances()}).items():
        times[what] = dict(sorted((times.get(what, {}) | {chapter: value}).items()))
    path.write_text(json.dumps(times, indent=2) + "\n", encoding="utf-8")


def make(chapter: Path, language: str, force: bool = False) -> None:
    """Write one notebook, executing it where its outputs are out of date.

    Raises ValueError for a figure without `:alt:`, once the notebook is written: the
    work is kept, and describing the figure executes nothing again.
    """
    target = NOTEBOOKS / language / f"{chapter.stem}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    notebook = generate(chapter, language)
    mark = fingerprint(notebook)
    old = nbformat.read(target, as_version=4) if target.exists() else None
    if force or old is None or old.metadata.get("fingerprint") != mark:
        print(f"{target.relative_to(ROOT)}: executing ...", end=" ", flush=True)
        used = execute(notebook, target.parent)
        print(f"{used['seconds']:.0f} s")
        record_time(chapter.stem, used)
        old, notebook = notebook, generate(chapter, language)  # with its time
    keep_outputs(notebook, old)
    notebook.metadata["fingerprint"] = mark
    say_where(notebook, LANGUAGES[language])
    nbformat.validate(notebook)
    text = nbformat.writes(notebook) + "\n"
    target.write_text(text, encoding="utf-8", newline="\n")
    if lacking := undescribed(notebook):
        cells = ", ".join(lacking)
        raise ValueError(f"{chapter.name} draws figures without an `:alt:` in {cells}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("chapters", nargs="*", help="e.g. 01_data; default all")
    parser.add_argument("--force", action="store_true", help="execute all of them")
    options = parser.parse_args()
    names = [chapter.stem for chapter in chapter_paths()]
    for name in options.chapters:
        if name not in names:
            parser.error(f"no chapter {name!r}; there are {', '.join(names)}")
    for chapter in chapter_paths():
        if not options.chapters or chapter.stem in options.chapters:
            for language in LANGUAGES:
                try:
                    make(chapter, language, options.force)
                except ValueError as error:  # what is wrong with the chapter
                    sys.exit(str(error))


if __name__ == "__main__":
    main()
