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
    return any(outputs) and not live


def _prose_above(cell: nodes.container) -> list[nodes.Node]:
    """What stands between it and the cell or heading before."""
    before = cell.parent[: cell.parent.index(cell)]
    found = []
    for node in reversed(before):
        if isinstance(node, (nodes.container, nodes.title, nodes.section)):
            break
        found.append(node)
    return found


def setup(app):
    app.connect("doctree-resolved", mark_asked)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
