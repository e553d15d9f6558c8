"""Colours code sparingly: no markup around what has the colour of text anyway.

Names, punctuation and spaces are two thirds of the pieces that Pygments cuts code into;
without them a chapter has half as many elements to style and to lay out.
"""

from collections.abc import Iterable
from typing import TextIO

from pygments.formatters import HtmlFormatter
from pygments.token import Name, Punctuation, Text, Whitespace
from sphinx.application import Sphinx
from sphinx.highlighting import PygmentsBridge

PLAIN = {Name, Punctuation, Whitespace}


class Sparing(HtmlFormatter):
    def format_unencoded(self, tokens: Iterable[tuple], file: TextIO) -> None:
        tokens = ((Text if kind in PLAIN else kind, text) for kind, text in tokens)
        super().format_unencoded(tokens, file)


def setup(app: Sphinx) -> dict:
    PygmentsBridge.html_formatter = Sparing
    return {"parallel_read_safe": True, "parallel_write_safe": True}
