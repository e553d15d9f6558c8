"""Lets ruff format the code cells of the chapters (`make format`).

Lines are as long as they will be in the notebooks: for the time being, the longest of
a comment's languages stands for it, and a word for {{a number}}. A cell that is no
Python, as where one fails on purpose, is left as it is.
"""

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from citations import REFERENCE
from faults import ROOT
from languages import LANGUAGES
from manuscript import chapter_paths, read_cells
from prose import SPOKEN, finished_code
from rules import columns


def formatted(chapter: Path) -> str:
    """The text of a chapter with its code cells formatted."""
    lines = chapter.read_text(encoding="utf-8").split("\n")
    code = [cell for cell in read_cells(chapter) if cell.cell_type == "code"]
    stand_ins = [StandIns(chapter.stem) for _ in code]
    plain = [s.put(cell.source) for s, cell in zip(stand_ins, code, strict=True)]
    done = list(zip(code, stand_ins, format_cells(plain), strict=True))
    for cell, stood_in, source in reversed(done):  # those above keep their lines
        start, count = cell.line - 1, len(cell.source.split("\n"))
        lines[start : start + count] = stood_in.take(source).split("\n")
    return "\n".join(lines)


class StandIns:
    """Python, as wide as in a notebook, for what only chapters have."""

    def __init__(self, chapter: str) -> None:
        self.chapter, self.originals = chapter, []

    def put(self, code: str) -> str:
        code = SPOKEN.sub(lambda match: f"# {self._name(match[0], 2)}", code)
        return REFERENCE.sub(lambda match: self._name(match[0], 0), code)

    def _name(self, original: str, less: int) -> str:
        self.originals.append(original)
        texts = (finished_code(original, self.chapter, code) for code in LANGUAGES)
        name = f"Q{len(self.originals) - 1}"
        return name + "q" * (max(map(columns, texts)) - less - len(name))

    def take(self, code: str) -> str:
        for number, original in reversed(list(enumerate(self.originals))):
            name = rf"(# )?\bQ{number}q*\b" if original[0] == "#" else rf"Q{number}q*\b"
            code = re.sub(name, lambda _, text=original: text, code)
        return code


def format_cells(cells: list[str]) -> list[str]:
    """Each cell as ruff has it, or as it was."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.ipynb" for number in range(len(cells))]
        for path, source in zip(paths, cells, strict=True):
            cell = nbformat.v4.new_code_cell(source)
            nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
        command = [sys.executable, "-m", "ruff", "format", "--no-cache", "--quiet"]
        command += ["--config", str(ROOT / "pyproject.toml"), folder]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 1:  # 2: of a cell that is no Python, such as %magic
            sys.exit(f"ruff did not start: {done.stderr}")
        return [nbformat.read(path, as_version=4).cells[0].source for path in paths]


def main() -> None:
    for chapter in chapter_paths():
        try:
            text = formatted(chapter)
        except ValueError as error:  # what is wrong with the chapter
            sys.exit(str(error))
        if text != chapter.read_text(encoding="utf-8"):
            chapter.write_text(text, encoding="utf-8", newline="\n")
            print(f"{chapter.name}: formatted; make notebooks takes it over")


if __name__ == "__main__":
    main()
