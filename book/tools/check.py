"""Says in seconds what is wrong with the texts of the book, and where (`make check`).

Chapters, pages, glossary, and whether the notebooks are those of the chapters. Nothing
is executed. Each line names a file and a line in it, the language, and what to do.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import rules
from bibliography import parse_papers, uncited
from chapter_rules import faults_within
from execution import undescribed
from faults import ROOT, Fault
from languages import LANGUAGES
from manuscript import chapter_paths, parse
from nbformat import NotebookNode
from prose import HEADING
from publishing import say_where
from rules import Text
from terms import lost, parse_glossary

from notebooks import NOTEBOOKS, generate

BOOK = ROOT / "book"
ANCHOR = re.compile(r'<a id="([\w-]+)">')


def faults(book: Path = BOOK) -> list[Fault]:
    """All that is wrong with the texts in a folder such as book/."""
    paths = chapter_paths(book / "chapters")
    found, texts, ids = list(misnamed(book / "chapters", paths)), [], {}
    chapters = ""
    for path in paths:
        cells, wrong = parse(path)
        prose = rules.prose(path, cells)
        found += [*wrong, *faults_within(path, cells, prose)]
        texts += prose
        source = path.read_text(encoding="utf-8", errors="replace")
        chapters += source
        headings = {heading[3] for heading in HEADING.finditer(source)}
        figures = {f"figure-{c.metadata.get('name')}" for c in cells if _captioned(c)}
        ids[rules.linked_as(path.stem)] = headings | figures
    entries, wrong = parse_glossary(book / "glossary.yml")
    found += [*wrong, *lost(book / "glossary.yml", entries, ids)]
    anchors = {page: set(ANCHOR.findall(page.source)) for page in pages(book)}
    for page, here in anchors.items():
        ids.setdefault(rules.linked_as(page.file.stem), set()).update(here)
    texts += anchors
    for page, here in anchors.items():
        for name in sorted(ids[rules.linked_as(page.file.stem)] - here):
            what = f'<a id="{name}"> of the page in another language is not here'
            found.append(page.fault(0, what))
    for text in texts:
        found += [*rules.wordings(text, entries), *rules.typesetting(text)]
    for page in anchors:
        found += rules.citations(page)
    papers, wrong = parse_papers(book / "references.yml")
    found += [*wrong, *uncited(book / "references.yml", papers, chapters)]
    found += rules.links(texts, ids, papers)
    return sorted(set(found))


def _captioned(cell: NotebookNode) -> bool:
    return "caption" in cell.metadata


def pages(book: Path) -> list[Text]:
    """The pages after the chapters, in every language."""
    return [
        Text(file, 1, code, file.read_text(encoding="utf-8"))
        for code in LANGUAGES
        for file in sorted((book / "pages" / code).glob("*.md"))
    ]


def misnamed(folder: Path, chapters: list[Path]) -> Iterator[Fault]:
    """Files whose names keep them out of the table of contents, or in a wrong place."""
    for path in sorted(folder.iterdir()):
        if path not in chapters and not path.name.startswith("."):
            what = "the table of contents won't have it; name it NN_name.md, in lower"
            yield Fault(path, 1, "", f"{what} case")
    for number, path in enumerate(chapters):
        if int(path.name[:2]) != number:
            what = f"chapters count from 00 without a gap; name this one {number:02d}_…"
            yield Fault(path, 1, "", what)
            return


def notebooks() -> Iterator[Fault]:
    """Notebooks that are not what their chapters generate."""
    for chapter in chapter_paths():
        for code in LANGUAGES:
            file = NOTEBOOKS / code / f"{chapter.stem}.ipynb"
            if not file.is_file():
                what = "it has no notebook yet; run `make notebooks`"
                yield Fault(chapter, 1, code, what)
                continue
            found = nbformat.read(file, as_version=4)
            for cell in undescribed(found):
                what = f"cell {cell} draws a figure; add an `:alt:`"
                yield Fault(chapter, 1, code, what)
            made = say_where(generate(chapter, code), LANGUAGES[code])
            if cells(made) != cells(found):
                what = "its notebook is another; run `make notebooks`"
                yield Fault(chapter, 1, code, what)


def cells(notebook: nbformat.NotebookNode) -> list[tuple]:
    return [(cell.id, cell.source, cell.metadata) for cell in notebook.cells]


def main() -> None:
    found = faults() or list(notebooks())
    for fault in found:
        print(fault)
    if found:
        sys.exit(f"{len(found)} to mend")
    print(f"{len(chapter_paths())} chapters, the pages and the glossary: nothing wrong")


if __name__ == "__main__":
    main()
