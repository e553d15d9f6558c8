"""The papers that chapters cite: book/references.yml, whose head says what it holds.

`[Efron (2011)](@efron2011)` in a chapter becomes a link to the paper itself, so that it
leads there from Colab, too; the page References lists them all.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from entries import read_entries
from faults import Fault
from languages import LANGUAGES

REFERENCES = Path(__file__).resolve().parents[1] / "references.yml"
CITED = re.compile(r"\]\(@([\w-]*)\)")
FIELDS = ("authors", "title", "source", "year")
ADDRESSES = {  # field: (how it is written, what it leads to)
    "doi": (r"10\.\d{4,9}/\S+", "https://doi.org/{}"),
    "arxiv": (r"\d{4}\.\d{4,5}", "https://arxiv.org/abs/{}"),
    "url": (r"https://\S+", "{}"),
}


def read_papers(file: Path = REFERENCES) -> dict[str, dict]:
    """{key: its entry}, in the order of the file. Raises ValueError for a wrong one."""
    papers, faults = parse_papers(file)
    if faults:
        raise ValueError("\n".join(map(str, faults)))
    return papers


def parse_papers(file: Path) -> tuple[dict[str, dict], list[Fault]]:
    """{key: its entry}, whatever it lacks, and what is wrong with the entries."""
    entries, faults = read_entries(file)
    papers, year = {}, 0
    for line, entry in entries:
        key = entry.get("key")
        wrong = list(_wrong(entry))
        if key in papers:
            wrong.append(f"two papers have the key {key}; each needs its own")
        if isinstance(entry.get("year"), int):
            if entry["year"] < year:
                wrong.append(f"{key} is out of order; papers stand by year")
            year = entry["year"]
        faults += [Fault(file, line, "", what) for what in wrong]
        papers[key] = entry | {"line": line}
    return papers, faults


def _wrong(entry: dict) -> Iterator[str]:
    key = entry.get("key")
    lacks = [field for field in ("key", *FIELDS) if not entry.get(field)]
    where = [field for field in ADDRESSES if field in entry]
    if lacks:
        yield f"{key} lacks {', '.join(lacks)}"
    elif not isinstance(entry["year"], int):
        yield f"year of {key} must be a whole number, got {entry['year']!r}"
    if not where:
        yield f"{key} lacks {' or '.join(ADDRESSES)}"
    for field in where:
        if not re.fullmatch(ADDRESSES[field][0], str(entry[field])):
            yield f"{entry[field]!r} of {key} is no {field}"


def address(paper: dict) -> str:
    """Where the paper is to be found."""
    field = next(field for field in ADDRESSES if field in paper)
    return ADDRESSES[field][1].format(paper[field])


def with_papers(text: str) -> str:
    """`text` with the address of the paper, and what it is, for each @key."""

    def linked(match: re.Match) -> str:
        paper = papers.get(match[1])
        if paper is None:
            known = ", ".join(papers)
            raise ValueError(f"@{match[1]} is none of the papers {known}")
        about = f"{paper['authors']}: {paper['title']}, {paper['year']}"
        return f']({address(paper)} "{about}")'

    papers = read_papers() if CITED.search(text) else {}
    return CITED.sub(linked, text)


def uncited(file: Path, papers: dict[str, dict], texts: str) -> Iterator[Fault]:
    """Papers that no chapter cites. texts: those of all chapters."""
    cited = set(CITED.findall(texts))
    for key, paper in papers.items():
        if key not in cited:
            what = f"no chapter cites {key}; leave it out"
            yield Fault(file, paper["line"], "", what)


def listed(code: str, chapters: dict[str, str]) -> str:
    """The papers as Markdown, by year, each with the chapters that cite it.

    chapters: {name: source}, such as that of 03_loss.
    """
    words = LANGUAGES[code].words
    lines = []
    for key, paper in read_papers().items():
        citing = ", ".join(
            f"[{words['chapter'].format(name[:2])}]({name}.ipynb)"
            for name, source in chapters.items()
            if key in CITED.findall(source)
        )
        reference = f"{paper['authors']} ({paper['year']}). *{paper['title']}*."
        link = f"<{address(paper)}>"
        lines.append(
            f'- <a id="{key}"></a>{reference} {paper["source"]}. {link} · {citing}'
        )
    return "\n".join(lines)
