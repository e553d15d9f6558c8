"""What the troubleshooting pages quote, and whether a reader sees just that."""

import re
import textwrap
from collections.abc import Callable
from functools import cache, wraps

from building import ROOT
from languages import LANGUAGES

REPRODUCED: set[str] = set()  # the entries that a test is about


@cache
def page(language: str) -> str:
    path = ROOT / "book" / "pages" / language / "troubleshooting.md"
    return path.read_text(encoding="utf-8")


def entries(language: str) -> dict[str, str]:
    """{id: text} of a page's entries, in its order."""
    parts = re.split(r'(?m)^## <a id="([\w-]+)"></a>.*$', page(language))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(text: str, kind: str) -> list[str]:
    """The fenced blocks of a kind: "text" is what a reader sees, the rest is code."""
    found = re.findall(rf"(?ms)^( *)```(?:{kind})\n(.*?)^\1```$", text)
    return [textwrap.dedent(block) for _, block in found]


def misquoted(quotes: list[str], seen: list[str | None]) -> list[str]:
    """Where the quotes are not what was seen, one by one; … stands for anything.

    None: what this system never says.
    """
    wrong = []
    if len(quotes) != len(seen):
        wrong.append(f"{len(quotes)} messages are quoted, {len(seen)} were seen")
    for quote, message in zip(quotes, seen, strict=False):
        parts = [re.escape(part.strip()) for part in _squeezed(quote).split("…")]
        known = message is not None
        if known and not re.fullmatch(".*".join(parts), _squeezed(message)):
            wrong.append(f"{quote!r} is quoted, {message!r} was seen")
    return wrong


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def about(entry: str) -> Callable:
    """The test brings about what `entry` is for and returns the messages seen.

    They must be what both pages quote there, in their order. A test that takes the
    fixture `language` is about that page only.
    """
    REPRODUCED.add(entry)

    def decorate(reproduce: Callable[..., list[str]]) -> Callable[..., None]:
        @wraps(reproduce)
        def test(**fixtures) -> None:
            seen = reproduce(**fixtures)
            pages = [fixtures["language"]] if "language" in fixtures else LANGUAGES
            for language in pages:
                quotes = blocks(entries(language)[entry], "text")
                wrong = misquoted(quotes, seen)
                assert not wrong, f"{language}: {wrong}"

        return test

    return decorate


def said(error: BaseException) -> str:
    """An exception as the last lines of a notebook's traceback show it."""
    notes = getattr(error, "__notes__", [])
    return "\n".join([f"{type(error).__name__}: {error}", *notes])
