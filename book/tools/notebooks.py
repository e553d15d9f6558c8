"""Chapters to notebooks: book/chapters/NN_name.md → notebooks/{zh,en}/NN_name.ipynb.

A chapter is one Markdown file (MyST, so JupyterLab opens it through jupytext). Prose
cells come in pairs marked {"lang": "zh"} and {"lang": "en"}; code stands once and has
a name. `python book/tools/notebooks.py` makes both notebooks of every chapter and
executes those whose code, or whose library, changed since. CONTRIBUTING says how to
write one.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ROOT / "book" / "chapters"
RESULTS = ROOT / "book" / "results"
NOTEBOOKS = ROOT / "notebooks"
LANGUAGES = ("zh", "en")

CJK = r"\u3000-\u303f\u3400-\u9fff\uff00-\uffef“”‘’…—"  # characters and punctuation
STARTS_BLOCK = re.compile(r"\s*([-*+|#<]|\d+\.|>|```|\$\$|$)")  # never joined upwards
TIMES = {
    "zh": ("不到一分钟", "约 {} 分钟"),
    "en": ("under a minute", "about {} minutes"),
}


def chapter_paths() -> list[Path]:
    return sorted(CHAPTERS.glob("[0-9][0-9]_*.md"))


def generate(chapter: Path, language: str) -> NotebookNode:
    """The notebook of one chapter in one language, without outputs."""
    cells = []
    for cell in split_cells(chapter):
        if cell.metadata.get("lang", language) != language:
            continue
        if cell.cell_type == "code":
            cells.append(_code_cell(cell, language, chapter))
        else:
            cells.append(_prose_cell(cell, language, chapter, len(cells)))
    metadata = {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def split_cells(chapter: Path) -> list[NotebookNode]:
    """The cells of a chapter in both languages, as jupytext reads them."""
    text = chapter.read_text(encoding="utf-8")
    return jupytext.reads(text, fmt="md:myst").cells


def _code_cell(cell: NotebookNode, language: str, chapter: Path) -> NotebookNode:
    if "name" not in cell.metadata:
        raise ValueError(f"{chapter.name}: a code cell has no name:\n{cell.source}")
    metadata = {"tags": sorted(cell.metadata.get("tags", []))}
    if "alt" in cell.metadata:
        metadata["mystnb"] = {"image": {"alt": cell.metadata.alt[language]}}
    source = cell.source.replace("{{lang}}", language)
    return nbformat.v4.new_code_cell(source, id=cell.metadata.name, metadata=metadata)


def _prose_cell(
    cell: NotebookNode, language: str, chapter: Path, index: int
) -> NotebookNode:
    if "lang" not in cell.metadata:
        raise ValueError(f"{chapter.name}: prose without a language:\n{cell.source}")
    source = fill(cell.source, chapter.stem, language)
    # An HTML anchor, since a bare {#id} would show in Colab.
    source = re.sub(r"(?m)^(#+) (.*?) \{#([\w-]+)\}$", r'\1 <a id="\3"></a>\2', source)
    if language == "zh":
        source = join_chinese_lines(source)
    return nbformat.v4.new_markdown_cell(source, id=f"prose-{index:02d}")


def fill(text: str, chapter: str, language: str) -> str:
    """Put measured numbers in place of {{file/key/.../key:format}}.

    `file` is book/results/FILE.json. {{cpu-time}} becomes how long this chapter took.
    Raises ValueError for a reference to nothing.
    """

    def value(match: re.Match) -> str:
        reference, spec = match[1], match[2] or ""
        if reference == "cpu-time":
            return _cpu_time(chapter, language)
        name, *keys = reference.split("/")
        try:
            found = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
            for key in keys:
                found = found[int(key)] if isinstance(found, list) else found[key]
        except (OSError, KeyError, IndexError, TypeError) as error:
            raise ValueError(
                f"{chapter}: {{{{{reference}}}}} refers to nothing in book/results "
                f"({error!r})"
            ) from None
        return format(found, spec)

    return re.sub(r"\{\{\s*([\w./+ -]+?)(?::([^{}]+))?\s*\}\}", value, text)


def _cpu_time(chapter: str, language: str) -> str:
    times = json.loads((RESULTS / "chapter_times.json").read_text(encoding="utf-8"))
    minutes = round(times["seconds"].get(chapter, 0) / 60)
    short, long = TIMES[language]
    return long.format(minutes) if minutes > 1 else short


def join_chinese_lines(text: str) -> str:
    """One line per paragraph: a browser shows a line break in Chinese as a space."""
    blocks = re.split(r"(?ms)(^```.*?^```|^\$\$.*?\$\$)", text)
    for i in range(0, len(blocks), 2):
        lines: list[str] = []
        for line in blocks[i].split("\n"):
            quoted = bool(lines) and lines[-1].startswith(">") and line.startswith(">")
            body = line[1:].strip() if quoted else line.strip()
            above = lines[-1] if lines else ""
            if (
                quoted
                and above.strip() != ">"
                and body
                and not _starts(body)
                or above.strip()
                and not above.startswith("#")
                and not _starts(line)
            ):
                lines[-1] = _joined(above, body)
            else:
                lines.append(line)
        blocks[i] = "\n".join(lines)
    return "".join(blocks)


def _starts(line: str) -> bool:
    return bool(STARTS_BLOCK.match(line)) and not line.lstrip().startswith("**")


def _joined(above: str, below: str) -> str:
    punctuated = re.search(r"[，。；：！？、）」》”…—]$", above)
    chinese = re.search(f"[{CJK}]$", above) and re.match(f"[{CJK}]", below)
    return above + ("" if punctuated or chinese else " ") + below


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


def execute(notebook: NotebookNode, folder: Path) -> float:
    """Run every cell in `folder`; outputs go into `notebook`. Returns seconds."""
    client = NotebookClient(
        notebook, timeout=600, record_timing=False, coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )  # fmt: skip
    start = time.perf_counter()
    client.execute()
    seconds = time.perf_counter() - start
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            _tidy(output)
            # A figure that fails to draw leaves an error and yet lets the cell pass.
            expected = "raises-exception" in cell.metadata.tags
            if output.output_type == "error" and not expected:
                raise RuntimeError(f"cell {cell.id}: {output.ename}: {output.evalue}")
    return seconds


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


def keep_outputs(notebook: NotebookNode, old: NotebookNode) -> None:
    """Take the outputs of `old`, whose code is the same, into `notebook`."""
    by_id = {cell.id: cell for cell in old.cells if cell.cell_type == "code"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = by_id[cell.id].outputs
            cell.execution_count = by_id[cell.id].execution_count


def _record_time(chapter: str, seconds: float) -> None:
    path = RESULTS / "chapter_times.json"
    times = json.loads(path.read_text(encoding="utf-8"))
    times["seconds"][chapter] = round(seconds, 1)
    times["seconds"] = dict(sorted(times["seconds"].items()))
    path.write_text(json.dumps(times, indent=2) + "\n", encoding="utf-8")


def make(chapter: Path, language: str, force: bool = False) -> None:
    """Write one notebook, executing it where its outputs are out of date."""
    target = NOTEBOOKS / language / f"{chapter.stem}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    notebook = generate(chapter, language)
    mark = fingerprint(notebook)
    old = nbformat.read(target, as_version=4) if target.exists() else None
    if not force and old is not None and old.metadata.get("fingerprint") == mark:
        keep_outputs(notebook, old)
    else:
        print(f"{target.relative_to(ROOT)}: executing ...", end=" ", flush=True)
        seconds = execute(notebook, target.parent)
        print(f"{seconds:.0f} s")
        _record_time(chapter.stem, seconds)
        executed, notebook = notebook, generate(chapter, language)  # with its time
        keep_outputs(notebook, executed)
    notebook.metadata["fingerprint"] = mark
    nbformat.validate(notebook)
    text = nbformat.writes(notebook) + "\n"
    target.write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("chapters", nargs="*", help="e.g. 01_data; default all")
    parser.add_argument("--force", action="store_true", help="execute all of them")
    options = parser.parse_args()
    for chapter in chapter_paths():
        if not options.chapters or chapter.stem in options.chapters:
            for language in LANGUAGES:
                make(chapter, language, options.force)


if __name__ == "__main__":
    main()
