"""How notebook cells show on a page where no kernel runs.

Folded code gets a plain <details> whose label is in the page's language, and the state
of widgets, which the page never shows, is left out of it. Pictures say how large they
are, so that the text below stays where it is while they load. What a cell prints may
break into lines where it is a sentence, not a table.
"""

import re
from html import escape
from pathlib import Path

from docutils.nodes import literal_block
from myst_nb.sphinx_ import HideCodeCellNode
from PIL import Image

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDEST_TABLE = 80  # characters; a longer line that a cell prints is a sentence


def visit_folded(self, node) -> None:
    self.body.append(
        '<details class="folded"><summary>'
        f'<span class="closed">{escape(node["prompt_show"])}</span>'
        f'<span class="opened">{escape(node["prompt_hide"])}</span></summary>\n'
    )


def depart_folded(self, node) -> None:
    self.body.append("</details>\n")


def drop_widget_state(app, pagename, templatename, context, doctree) -> None:
    """Pictures stand in for widgets here, so their state would only be weight."""
    context["script_files"] = [
        script
        for script in context["script_files"]
        if getattr(script, "attributes", {}).get("type") != WIDGET_STATE
    ]


def size_pictures(app, pagename, templatename, context, doctree) -> None:
    """Give each picture of a cell its width and height in pixels."""
    sources = {name: source for source, name in app.builder.images.items()}

    def sized(match: re.Match) -> str:
        with Image.open(Path(app.srcdir, sources[match[1]])) as picture:
            width, height = picture.size
        return f'{match[0]} width="{width}" height="{height}"'

    context["body"] = re.sub(
        r'src="_images/([^"]+\.png)"', sized, context.get("body", "")
    )


def mark_sentences(app, doctree, docname) -> None:
    """Give outputs with a sentence in them a class of their own."""
    for block in doctree.findall(literal_block):
        longest = max(map(len, block.astext().splitlines()), default=0)
        if "output" in block["classes"] and longest > WIDEST_TABLE:
            block["classes"].append("sentences")


def setup(app):
    app.add_node(HideCodeCellNode, html=(visit_folded, depart_folded), override=True)
    app.connect("doctree-resolved", mark_sentences)
    app.connect("html-page-context", drop_widget_state, priority=900)
    app.connect("html-page-context", size_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
