"""The chapters' sources, book/chapters/NN_name.md: cells, and whether all are there.

They are in MyST's format for notebooks, so that JupyterLab opens them through jupytext.
Prose stands once in each language, one cell after the other, marked {"lang": "zh"} and
so on; code stands once and has a name.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import yaml
from faults import Fault
from jupytext.myst import MystMetadataParsingError, myst_to_notebook
from languages import LANGUAGES
from nbformat import NotebookNode

CHAPTERS = Path(__file__).resolve().parents[1] / "chapters"
FENCE = re.compile(r"\s*(`{3,}|~{3,})(.*)")
OPTION = re.compile(r":[\w-]+:( |$)")
OPTIONS = {"name", "tags", "alt", "caption"}
TAGS = {
    "nbval-check-output", "nbval-ignore-output", "nbval-skip", "raises-exception",
    "live-denoiser", "live-inside",
}  # fmt: skip
Wrong = Iterator[tuple[int, str, str]]  # line, language, what


def chapter_paths(folder: Path = CHAPTERS) -> list[Path]:
    return sorted(folder.glob("[0-9][0-9]_*.md"))


def read_cells(chapter: Path) -> list[NotebookNode]:
    """The cells of a chapter in every language, as jupytext reads them.

    Each has besides its `line`: where its source begins, counted from 1.
    Raises ValueError that says, for all that is wrong, on which line.
    """
    cells, faults = parse(chapter)
    if faults:
        raise ValueError("\n".join(map(str, faults)))
    return cells


def parse(chapter: Path) -> tuple[list[NotebookNode], list[Fault]]:
    """The cells, none where they can't be told apart, and what is wrong with them."""
    data = chapter.read_bytes()
    text = data.decode(errors="replace").removeprefix("\ufeff").replace("\r\n", "\n")
    cells, wrong = [], list(_wrong_frame(text.split("\n")))
    if not wrong:
        try:
            cells = _located(text)
        except (MystMetadataParsingError, yaml.YAMLError) as error:
            wrong.append(_unreadable(error))
    wrong += [*_wrong_bytes(data), *_wrong_code(cells), *_wrong_prose(cells)]
    return cells, sorted(Fault(chapter, *where_what) for where_what in wrong)


def _wrong_bytes(data: bytes) -> Wrong:
    """What editors and other systems leave in a file."""
    if data.startswith(b"\xef\xbb\xbf"):
        yield 1, "", "a byte order mark; save the file as UTF-8 without BOM"
    if b"\r" in data:
        line = data[: data.index(b"\r")].count(b"\n") + 1
        yield line, "", "line ends of Windows (CRLF); save the file with LF"
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        yield line, "", "not UTF-8; save the file in this encoding"
    for line, content in enumerate(data.split(b"\n"), 1):
        if b"\t" in content:
            yield line, "", "a tab; write spaces"


def _wrong_frame(lines: list[str]) -> Wrong:
    """What keeps cells from being told apart."""
    front = lines[: lines.index("---", 1)] if "---" in lines[1:] else []
    wanted = {"jupytext:", "kernelspec:"}
    if lines[0] != "---" or not wanted <= {line.partition(" ")[0] for line in front}:
        what = (
            "no front matter; begin as another chapter does, from --- to ---, with "
            "jupytext and kernelspec"
        )
        yield 1, "", what
    opened, marker, options = 0, "", False
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        within = opened and not (line.startswith("+++ {") or "{code-cell}" in line)
        if opened and not within:
            what = f"the fence that opens here is still open in line {number}"
            yield opened, "", f"{what}; close it with {marker}"
            opened = 0
        if opened:
            options = options and line.startswith(":")
            if options and not OPTION.match(line):
                yield number, "", f"{line!r} is no option; write `:name: value`"
            if fence and fence[1].startswith(marker) and not fence[2].strip():
                opened = 0
        elif fence:
            opened, marker, options = number, fence[1], "{code-cell}" in line
    if opened:
        yield opened, "", f"the fence that opens here is never closed; add {marker}"


def _unreadable(error: Exception) -> tuple[int, str, str]:
    """What a parser says of options that are no YAML, or of a line +++ without JSON."""
    place, cause = re.search(r"at line (\d+)", str(error)), error.__context__ or error
    line = int(place[1]) if place else 1
    if isinstance(cause, yaml.MarkedYAMLError):
        line += cause.problem_mark.line + 1
        return line, "", f"{cause.problem}; options are YAML, such as `:name: value`"
    return line, "", f"{cause}; a cell of prose begins with {_openings()}"


def _openings() -> str:
    return " or ".join(f'+++ {{"lang": "{code}"}}' for code in LANGUAGES)


def _located(text: str) -> list[NotebookNode]:
    """The cells, each with the `line` where its source begins."""
    notebook = myst_to_notebook(text, add_source_map=True)
    lines = text.split("\n")
    for cell, start in zip(notebook.cells, notebook.metadata.source_map, strict=True):
        if cell.cell_type == "code":
            if lines[start] == "---":
                start = lines.index("---", start + 1) + 1
            while lines[start].startswith(":"):
                start += 1
            start += not lines[start].strip()
        else:
            while not lines[start].strip():
                start += 1
        cell.line = start + 1
    return notebook.cells


def _wrong_code(cells: list[NotebookNode]) -> Wrong:
    """What is wrong with the code cells."""
    names: dict[str, int] = {}
    for cell in cells:
        if cell.cell_type != "code":
            continue
        name = cell.metadata.get("name")
        if not name:
            yield cell.line, "", "a code cell has no name; add `:name: …`"
        elif not re.fullmatch(r"(?!prose-)[\w-]{1,64}", str(name), re.ASCII):
            what = f"{name!r} can't name a cell: letters, digits, -; not prose-…"
            yield cell.line, "", what
        elif name in names:
            what = (
                f"two code cells have the name {name}, the other one in line "
                f"{names[name]}; each needs its own"
            )
            yield cell.line, "", what
        names.setdefault(name, cell.line)
        for option in sorted(cell.metadata.keys() - OPTIONS):
            yield cell.line, "", f"no option {option!r}, only {_listed(OPTIONS)}"
        tags = cell.metadata.get("tags", [])
        for tag in sorted({*tags} - TAGS) if isinstance(tags, list) else [tags]:
            yield cell.line, "", f"no tag {tag!r}, only {_listed(TAGS)}"
        for field in sorted({"alt", "caption"} & cell.metadata.keys()):
            yield from _wrong_words(cell, field)


def _wrong_words(cell: NotebookNode, field: str) -> Wrong:
    """What is wrong with an option that has words in each language."""
    words, name = cell.metadata[field], cell.metadata.get("name")
    if not isinstance(words, dict):
        example = ", ".join(f"{code}: …" for code in LANGUAGES)
        yield cell.line, "", f"the `:{field}:` of cell {name} is not {{{example}}}"
        return
    for code in LANGUAGES:
        if not str(words.get(code) or "").strip():
            yield cell.line, code, f"the `:{field}:` of cell {name} lacks {code}"
    for code in sorted(words.keys() - LANGUAGES.keys()):
        yield cell.line, "", f"`:{field}:` in {code!r}, not {_listed(LANGUAGES)}"


def _wrong_prose(cells: list[NotebookNode]) -> Wrong:
    """What is wrong with the order of the prose cells."""
    for cell in cells:
        language = cell.metadata.get("lang")
        if cell.cell_type != "code" and language not in LANGUAGES:
            what = f"prose in language {language!r}; write {_openings()} above"
            yield cell.line, "", what
    for together in sets(cells):
        present = [cell.metadata.lang for cell in together]
        beginning = together[0].source.partition("\n")[0]
        for code in LANGUAGES.keys() - set(present):
            what = (
                "prose must stand once in each language, one cell after the other: "
                f"there is none in {code} beside “{beginning}”"
            )
            yield together[-1].line, code, what
        if present != [code for code in LANGUAGES if code in present]:
            order = ", then ".join(LANGUAGES)
            yield together[0].line, "", f"wrong order at “{beginning}”; write {order}"


def sets(cells: list[NotebookNode]) -> Iterator[list[NotebookNode]]:
    """The prose cells that say the same, one in each language if all are there."""
    for is_code, group in groupby(cells, key=lambda cell: cell.cell_type == "code"):
        together: list[NotebookNode] = []
        for cell in () if is_code else group:
            languages = {other.metadata.lang for other in together}
            if cell.metadata.get("lang") not in LANGUAGES:
                continue
            if cell.metadata.lang in languages or len(languages) == len(LANGUAGES):
                yield together
                together = []
            together.append(cell)
        if together:
            yield together


def _listed(codes) -> str:
    return ", ".join(sorted(codes))
