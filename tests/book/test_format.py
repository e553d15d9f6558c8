"""The code cells of chapters are formatted as their notebooks are."""

from pathlib import Path

import pytest
from chapters import CHAPTERS, FRONT_MATTER, NAMES
from format_chapters import formatted

HEAD = (
    FRONT_MATTER
    + """
```{code-cell} ipython3
:name: some

"""
)
WIDE = "一" * 25
UGLY = f"""\
%matplotlib inline
x = {{{{loss_scale/steps:.1f}}}}+1 # zh: 甲 # en: one
use( '{{{{lang}}}}' )
values = [first_of_all, second_of_all, third]  # zh: {WIDE} # en: a long comment
"""
FINE = f"""\
%matplotlib inline
x = {{{{loss_scale/steps:.1f}}}} + 1  # zh: 甲 # en: one
use("{{{{lang}}}}")
values = [
    first_of_all,
    second_of_all,
    third,
]  # zh: {WIDE} # en: a long comment
"""


def chapter(folder: Path, *cells: str) -> Path:
    path = folder / "07_new.md"
    named = (f"```{{code-cell}} ipython3\n:name: n{i}\n" for i in range(len(cells)))
    blocks = [f"{n}{cell}```\n" for n, cell in zip(named, cells, strict=True)]
    path.write_text(HEAD + "0\n```\n\n" + "\n".join(blocks), encoding="utf-8")
    return path


def test_code_cells_are_formatted(tmp_path):
    fails = "print( 'open'\n"  # on purpose
    path = chapter(tmp_path, UGLY, fails, "y=[ 1 ]\n")
    expected = path.read_text(encoding="utf-8")
    expected = expected.replace(UGLY, FINE).replace("y=[ 1 ]", "y = [1]")
    assert formatted(path) == expected
    path.write_text(expected, encoding="utf-8")
    assert formatted(path) == expected


@pytest.mark.parametrize("path", CHAPTERS, ids=NAMES)
def test_the_chapters_are_formatted(path):
    assert formatted(path) == path.read_text(encoding="utf-8"), "run `make format`"
