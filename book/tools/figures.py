"""Numbers and captions of figures, and how prose refers to them.

A figure is a code cell with a `:caption:`. Its number counts within its chapter, its
caption becomes the prose beneath it, and `[](#figure-NAME)` a link with the number.
"""

import re
from pathlib import Path

from languages import LANGUAGES
from manuscript import read_cells

REFERENCE = re.compile(r"\[\]\((?:(\w+)\.ipynb)?#figure-([\w-]+)\)")


def numbers(chapter: Path) -> dict[str, str]:
    """{name of its cell: number}, such as 2.3, of each figure of a chapter."""
    names = [c.metadata.name for c in read_cells(chapter) if "caption" in c.metadata]
    return {name: f"{int(chapter.stem[:2])}.{n}" for n, name in enumerate(names, 1)}


def caption(text: str, name: str, number: str, language: str) -> str:
    """The paragraph under a figure, which links may lead to."""
    figure = LANGUAGES[language].words["figure"].format(number)
    return f'<a id="figure-{name}"></a>**{figure}** {text}'


def with_references(text: str, chapter: Path, language: str) -> str:
    """`text` with the number in each [](#figure-NAME), [](CHAPTER.ipynb#figure-NAME).

    Raises ValueError for a reference to no figure.
    """

    def numbered(match: re.Match) -> str:
        name, where = match[2], chapter.with_stem(match[1] or chapter.stem)
        number = numbers(where).get(name) if where.is_file() else None
        if number is None:
            line = next(
                n
                for n, line in enumerate(chapter.read_text("utf-8").splitlines(), 1)
                if match[0] in line
            )
            raise ValueError(
                f"{chapter.name}, line {line}: {match[0]} refers to no figure, "
                "which would be a code cell of that name with a `:caption:`"
            )
        return f"[{LANGUAGES[language].words['figure'].format(number)}]{match[0][2:]}"

    return REFERENCE.sub(numbered, text)
