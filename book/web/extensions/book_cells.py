"""How notebook cells show on a page where no kernel runs.

Folded code gets a plain <details> whose label is in the page's language, and the state
of widgets, which the page never shows, is left out of it. Pictures say how large they
are, so that the text below stays where it is while they load; those that are drawn as
vectors follow the page into the dark. What a cell prints may break into lines where it
is a sentence, not a table.
"""

import re
from html import escape
from pathlib import Path
from unicodedata import east_asian_width

from docutils.nodes import container, image, literal_block
from myst_nb.sphinx_ import HideCodeCellNode
from PIL import Image

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDEST_TABLE = 80  # columns; a longer line that a cell prints is a sentence
PICTURE = re.compile(r'src="_images/([^"]+\.(?:png|svg))"')
POINTS = re.compile(r'<svg [^>]*width="([\d.]+)pt" height="([\d.]+)pt"')
DPI = 100  # of figures that do not say theirs

# What unetlib's figures are drawn in, and what becomes of it on a page. The ground
# stays solid: all is legible also where a browser takes the system's scheme for it.
GROUND = ("#ffffff", {"light": "#fdfcfa", "dark": "#14171f"})
INK = ("#000000", {"light": "#1c2333", "dark": "#d9dde8"})
TOO_DARK = {"#0b6e99": "#3a9bc8", "#4f772d": "#7fa65a", "#444444": "#aab1c0"}
TOO_DARK |= {"#7b4b94": "#b288cb", "#22223b": "#c3c4dd"}


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
    """Give each picture of a cell its width and height in pixels of the page."""
    sources = {name: source for source, name in app.builder.images.items()}

    def sized(match: re.Match) -> str:
        width, height = size(Path(app.srcdir, sources[match[1]]))
        return f'{match[0]} width="{width}" height="{height}"'

    context["body"] = PICTURE.sub(sized, context.get("body", ""))


def size(path: Path) -> tuple[int, int]:
    """The width and height that a picture asks for, in pixels of the page."""
    if path.suffix == ".svg":
        points = POINTS.search(path.read_text(encoding="utf-8")).groups()
        return tuple(round(float(length) * 96 / 72) for length in points)
    with Image.open(path) as picture:
        dpi = picture.info.get("dpi", (DPI, DPI))
        return tuple(
            round(length * DPI / d) for length, d in zip(picture.size, dpi, strict=True)
        )


def theme_pictures(app, exception) -> None:
    """Let the figures that cells drew as vectors follow the page into the dark.

    What a figure holds of pixels, such as a digit, stays as it is.
    """
    if exception is None:
        for path in Path(app.outdir, "_images").glob("*.svg"):
            svg = path.read_text(encoding="utf-8")
            themed = svg.replace("<defs>", f"<style>{colours()}</style><defs>", 1)
            path.write_text(themed, encoding="utf-8", newline="\n")


def colours() -> str:
    """Style for an SVG of matplotlib's. Its own stands in attributes; text has none."""

    def instead(old: str, new: str) -> str:
        return "".join(
            f'[style*="{what}: {old}"]{{{what}:{new}!important}}'
            for what in ("fill", "stroke")
        )

    def scheme(name: str) -> str:
        ink = INK[1][name]
        return (
            f"svg{{fill:{ink}}}"
            + instead(INK[0], ink)
            + instead(GROUND[0], GROUND[1][name])
        )

    dark = scheme("dark") + "".join(instead(*pair) for pair in TOO_DARK.items())
    return scheme("light") + f"@media (prefers-color-scheme:dark){{{dark}}}"


def columns(line: str) -> int:
    """How many it takes: a Chinese character is as wide as two Latin ones."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in line)


def mark_sentences(app, doctree, docname) -> None:
    """Give outputs with a sentence in them a class of their own."""
    for block in doctree.findall(literal_block):
        longest = max(map(columns, block.astext().splitlines()), default=0)
        if "output" in block["classes"] and longest > WIDEST_TABLE:
            block["classes"].append("sentences")


def put_figures_last(app, doctree, docname) -> None:
    """What a cell prints comes before its figure, which has its caption beneath it."""
    for outputs in doctree.findall(container):
        if "cell_output" in outputs["classes"]:
            outputs[:] = sorted(outputs, key=lambda node: any(node.findall(image)))


def setup(app):
    app.add_node(HideCodeCellNode, html=(visit_folded, depart_folded), override=True)
    app.connect("doctree-resolved", mark_sentences)
    app.connect("doctree-resolved", put_figures_last)
    app.connect("html-page-context", drop_widget_state, priority=900)
    app.connect("html-page-context", size_pictures)
    app.connect("build-finished", theme_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
