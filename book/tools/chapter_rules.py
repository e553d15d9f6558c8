"""What holds for a chapter as a whole: its headings, both ends, languages and code."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from faults import Fault
from jupytext.myst import get_parser
from languages import LANGUAGES
from manuscript import sets
from nbformat import NotebookNode
from prose import HEADING, SPOKEN, finished_code
from rules import (
    CHINESE,
    CODE,
    Text,
    blank,
    citations,
    columns,
    formulas,
    link_targets,
    markdown,
    measured,
    prose,
)  # fmt: skip

WIDTH = 88  # as ruff has it in pyproject.toml


def faults_within(
    path: Path, cells: list[NotebookNode], texts: list[Text]
) -> Iterator[Fault]:
    """What is wrong within one chapter, save wordings, typesetting and links."""
    yield from headings(texts)
    yield from structure(texts)
    yield from pairs(path, cells)
    yield from code(path, cells)
    for rule in (measured, markdown, citations):
        for text in texts:
            yield from rule(text)


def headings(texts: list[Text]) -> Iterator[Fault]:
    """Headings of a chapter without an id, or with one that another has."""
    known: dict[tuple[str, str], int] = {}
    for text in texts:
        for match in re.finditer(r"(?m)^#+ .*$", blank(CODE, text.source)):
            heading = HEADING.fullmatch(match[0])
            if not heading:
                what = f"“{match[0]}” has no id; end it in {{#id}}"
                yield text.fault(match.start(), what)
                continue
            line = text.line_at(match.start())
            other = known.setdefault((text.language, heading[3]), line)
            if other != line:
                what = f"the id #{heading[3]} stands in line {other}, too; change one"
                yield text.fault(match.start(), what)


def structure(texts: list[Text]) -> Iterator[Fault]:
    """How a chapter opens and closes, in every language."""
    for code, language in LANGUAGES.items():
        mine = [text for text in texts if text.language == code]
        if not mine:
            continue
        opening, whole = mine[0], "\n\n".join(text.source for text in mine)
        if not re.match(r"# .*\{#[\w-]+\}(\n|$)", opening.source):
            yield opening.fault(0, "a chapter begins with `# Title {#id}`")
        for word in ("CPU", "GPU", *language.opening):
            if word not in opening.source:
                yield opening.fault(0, f"the first cell lacks the words “{word}”")
        for section in ("summary", "exercises"):
            if f" {{#{section}}}" not in whole:
                what = f"a chapter closes with a section {{#{section}}}; write one"
                yield mine[-1].fault(len(mine[-1].source), what)
        exercises = whole.partition("{#exercises}")[2]
        if exercises and "{#exercise-1}" not in exercises:
            (last,) = [text for text in mine if "{#exercises}" in text.source][-1:]
            what = "{#exercises} has no exercise; head it `### NN-1 … {#exercise-1}`"
            yield last.fault(last.source.index("{#exercises}"), what)


def pairs(chapter: Path, cells: list[NotebookNode]) -> Iterator[Fault]:
    """What one language has and another lacks."""
    for together in sets(cells):
        first, *others = prose(chapter, together)
        for other in others:
            yield from _compared(first, other)


def _compared(one: Text, other: Text) -> Iterator[Fault]:
    """Headings first, then what stands under each, then what stands in the lines."""
    here, there = _sections(one), _sections(other)
    mine, yours = ([name for _, name, _ in sections] for sections in (here, there))
    if mine != yours:
        what = f"headings {_named(yours)}; {one.language} beside it has {_named(mine)}"
        yield other.fault(0, what)
        return
    differ = False
    for (line, name, has), (twin_line, _, twin_has) in zip(here, there, strict=True):
        for text, at, twin, missing in (
            (one, line, other, twin_has - has),
            (other, twin_line, one, has - twin_has),
        ):
            if missing:
                differ = True
                kinds = ", ".join(f"{n} {kind}" for kind, n in missing.items())
                what = f"{_named([name])}: {twin.language} has more: {kinds}"
                yield Fault(text.file, at, text.language, f"under {what}; write it")
    for found in () if differ else (formulas, link_targets):
        for text, twin in ((one, other), (other, one)):
            for position, what in found(text.source).items():
                if what not in found(twin.source).values():
                    said = f"{what} is not in the {twin.language} beside it"
                    yield text.fault(position, said)


def _named(headings: list[str]) -> str:
    return ", ".join(heading for heading in headings if heading) or "no heading"


def _sections(text: Text) -> list[tuple[int, str, Counter]]:
    """(line, {#id}, how many blocks of each kind) under each heading of a cell."""
    sections = [(text.line, "", Counter())]
    lines = text.source.split("\n")
    for token in get_parser().parse(text.source):
        kind = token.type.removesuffix("_open").replace("_", " ")
        if kind == "heading":
            line = token.map[0]
            id_ = re.search(r"\{#[\w-]+\}$", lines[line])
            name = f"{token.markup} {id_[0]}" if id_ else lines[line]
            sections.append((text.line + line, name, Counter()))
        elif token.nesting >= 0 and kind not in ("inline", "text"):
            sections[-1][2][kind] += 1
    return sections


def code(chapter: Path, cells: Iterable[NotebookNode]) -> Iterator[Fault]:
    """Comments that lack a language, numbers that are not there, lines too long."""
    for cell in (cell for cell in cells if cell.cell_type == "code"):
        for number, source in enumerate(cell.source.split("\n"), cell.line):
            yield from _code_line(chapter, number, source)


def _code_line(chapter: Path, number: int, source: str) -> Iterator[Fault]:
    codes = "|".join(LANGUAGES)
    tight = re.search(rf"#({codes}):|# ({codes}):(?=\S)", source)
    if tight:
        yield Fault(chapter, number, "", f"{tight[0]!r}: write `# zh: … # en: …`")
    elif re.search(rf"#[^'\"]*{CHINESE}", source) and not SPOKEN.search(source):
        what = "a comment in Chinese for every reader; write `# zh: … # en: …`"
        yield Fault(chapter, number, "", what)
    for language in LANGUAGES:
        try:
            line = finished_code(source, chapter.stem, language)
        except ValueError as error:
            yield Fault(chapter, number, language, str(error))
            continue
        width = columns(line)
        if width > WIDTH:
            what = f"{width} columns of code; break the line at {WIDTH}"
            yield Fault(chapter, number, language, what)
