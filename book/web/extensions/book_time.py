"""Says under a chapter's title about how long it takes to read.

200 words, 350 Chinese characters or 20 lines of code a minute, as one who follows them
reads; rounded to five minutes, which is all that such a rule knows.
"""

import re
from html import escape

from docutils import nodes
from sphinx.application import Sphinx

HAN = re.compile(r"[\u3400-\u9fff]")
WORD = re.compile(r"[^\W\d_\u3400-\u9fff]+")


def minutes(prose: str, code: str) -> int:
    """How long both take, a multiple of five."""
    lines = sum(bool(line.strip()) for line in code.splitlines())
    characters, words = len(HAN.findall(prose)), len(WORD.findall(prose))
    return max(5, 5 * round((words / 200 + characters / 350 + lines / 20) / 5))


def tell_time(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    prose = "\n".join(p.astext() for p in doctree.findall(nodes.paragraph))
    cells = [
        c for c in doctree.findall(nodes.container) if "cell_input" in c["classes"]
    ]
    said = app.config.book_words["reading"].format(
        minutes(prose, "\n".join(cell.astext() for cell in cells))
    )
    title = next(doctree.findall(nodes.title))
    line = nodes.raw("", f'<p class="book-time">{escape(said)}</p>', format="html")
    title.parent.insert(title.parent.index(title) + 1, line)


def setup(app):
    app.connect("doctree-resolved", tell_time)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
