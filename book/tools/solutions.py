"""Answers to the exercises, right and wrong: book/exercises/NN_name.py.

Each block begins with `# %% NN-E WORD`: its code leaves in `answer` what `check("NN-E",
answer)` should call WORD; where `weekly` follows, it takes long. The one that is
"right" is the solution that readers see. A first block `# %% after CELL, CELL` names
cells of the chapter that run before each.
"""

import re
from pathlib import Path

SOLUTIONS = Path(__file__).resolve().parents[1] / "exercises"
BLOCK = re.compile(r"(?m)^# %% (\d\d-\d) ([\w-]+)( weekly)?\n")
AFTER = re.compile(r"(?m)^# %% after (.+)$")


def answers(chapter: str) -> dict[tuple[str, str], str]:
    """{(exercise, word): code} of a chapter such as "02_architecture"."""
    _, *parts = BLOCK.split(_text(chapter))
    blocks = zip(parts[::4], parts[1::4], parts[3::4], strict=True)
    return {(number, word): code.strip() for number, word, code in blocks}


def slow(chapter: str) -> set[tuple[str, str]]:
    """Those of them that take long."""
    return {(b[1], b[2]) for b in BLOCK.finditer(_text(chapter)) if b[3]}


def cells_before(chapter: str) -> list[str]:
    """The names of the chapter's cells that its answers need."""
    named = AFTER.search(_text(chapter))
    return named[1].split(", ") if named else []


def solution(chapter: str, number: str) -> str:
    """The code that readers see. Raises LookupError where there is none."""
    return answers(chapter)[number, "right"]


def _text(chapter: str) -> str:
    path = SOLUTIONS / f"{chapter}.py"
    return path.read_text(encoding="utf-8") if path.is_file() else ""
