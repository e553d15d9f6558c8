"""What stands under a chapter's title: a picture, and about how long it takes to read.

The picture is the work of tools/export_pictures.py. Reading:
200 words, 350 Chinese characters or 20 lines of code a minute, as one who follows them
reads; rounded to five minutes, which is all that such a rule knows. On the book's first
page a line more leads back to where the reader stopped; book.js knows where that is;
and one to the copies to keep, if there are some.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx

HAN = re.compile(r"[\u3400-\u9fff]")
WORD = re.compile(r"[^\W\d_\u3400-\u9fff]+")


def minutes(prose: str, code: str) -> int:
    """How long both take, a multiple of five."""
    lines = sum(bool(line.strip()) for line in code.splitlines())
    characters, words = len(HAN.findall(prose)), len(WORD.findall(prose))
    return max(5, 5 * round((words / 200 + characters / 350 + lines / 20) / 5))


def add_opening(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Render extensions/templates/opening.html under the title."""
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    prose = "\n".join(p.astext() for p in doctree.findall(nodes.paragraph))
    cells = [
        c for c in doctree.findall(nodes.container) if "cell_input" in c["classes"]
    ]
    code = "\n".join(cell.astext() for cell in cells)
    known = {
        "words": app.config.book_words,
        "minutes": minutes(prose, code),
        "is_first": docname == app.config.root_doc,
        "copies": app.config.book_copies,
        "name": docname,
        "picture": app.config.book_pictures.get(docname),
    }
    html = app.builder.templates.render("opening.html", known)
    title = next(doctree.findall(nodes.title))
    below = title.parent.index(title) + 1
    title.parent.insert(below, nodes.raw("", html, format="html"))


def setup(app):
    app.add_config_value("book_copies", [], "html")
    app.add_config_value(
        "book_pictures", {}, "html"
    )  # {chapter: what is on its picture}
    app.connect("doctree-resolved", add_opening)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
