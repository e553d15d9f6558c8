"""Code that costs a page little: sparing colours, and copy buttons when it stands.

Names, operators, punctuation and spaces are most of the pieces that Pygments cuts code
into; without markup around them, in the colour of text, a chapter has less than half as
many elements to style and to lay out.
"""

from collections.abc import Iterable
from typing import TextIO

from pygments.formatters import HtmlFormatter
from pygments.token import Name, Operator, Punctuation, Text, Whitespace
from sphinx.application import Sphinx
from sphinx.highlighting import PygmentsBridge

PLAIN = {Name, Operator, Punctuation, Whitespace}
COPYING = ("clipboard.min.js", "copybutton.js")


class Sparing(HtmlFormatter):
    def format_unencoded(self, tokens: Iterable[tuple], file: TextIO) -> None:
        tokens = ((Text if kind in PLAIN else kind, text) for kind, text in tokens)
        super().format_unencoded(tokens, file)


def add_copy_buttons_later(
    app: Sphinx, pagename: str, template: str, context: dict, doctree: object
) -> None:
    """Let the scripts of sphinx-copybutton run apart from those of the theme, so that
    the page can answer in between."""
    for script in context["script_files"]:
        if str(script.filename).endswith(COPYING):
            script.attributes["defer"] = "defer"


def setup(app: Sphinx) -> dict:
    PygmentsBridge.html_formatter = Sparing
    app.connect("html-page-context", add_copy_buttons_later, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
