"""What an author can mend, as it is said: where it is, what it is, what to do."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, order=True)
class Fault:
    """A mistake in a source of the book.

    line: counted from 1. language: "" where it concerns all of them.
    """

    file: Path
    line: int
    language: str
    what: str

    def __str__(self) -> str:
        file = self.file.relative_to(ROOT) if ROOT in self.file.parents else self.file
        place = f"{file.as_posix()}:{self.line}: "
        return place + (f"{self.language}: " if self.language else "") + self.what


def line_of(text: str, position: int) -> int:
    """How many lines above that of `position` a text has."""
    return text.count("\n", 0, position)
