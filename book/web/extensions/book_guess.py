"""Marks cells that a question precedes: guess.js folds what comes out of them.

The question is prose right above the cell that holds the language's word for it.
"""

import re

from docutils import nodes


def mark_asked(app, doctree, docname) -> None:
    asked = re.compile(app.config.book_words["questions"]["asked"])
    for cell in doctree.findall(nodes.container):
        if "cell" not in cell["classes"] or not _has_output(cell):
            continue
        if any(asked.search(above.astext()) for above in _prose_above(cell)):
            cell["classes"].append("book-asked")


def _has_output(cell: nodes.container) -> bool:
    """Whether it shows something to guess; live parts are tried, not read."""
    outputs = (
        c
        for c in cell
        if isinstance(c, nodes.container) and "cell_output" in c["classes"]
    )
    live = any(name.startswith("tag_live") for name in cell["classes"])
    exercise = any(name.startswith("exercise-") for name in cell.parent.get("ids", []))
    return any(outputs) and not live and not exercise


def _prose_above(cell: nodes.container) -> list[nodes.Node]:
    """The paragraph right above it, with the list that may follow, or nothing."""
    place = cell.parent.index(cell)
    *_, before, last = [None, None, *cell.parent[:place]]
    if isinstance(last, nodes.paragraph):
        return [last]
    lists = (nodes.bullet_list, nodes.enumerated_list)
    return [before, last] if isinstance(last, lists) else []


def setup(app):
    app.connect("doctree-resolved", mark_asked)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
