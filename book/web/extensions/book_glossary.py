"""Links the first use of each term in a chapter to its entry in the glossary.

Headings, code, formulas, captions and links stay as they are. The longest wording
wins, so 均方误差 (mean squared error) is no use of 误差 (error). A link that the author
has set to an entry is the chapter's link to it; and book/glossary.yml says, under
not_zh and not_en, in which wordings a term means something else.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx

APART = (
    nodes.title,
    nodes.rubric,
    nodes.term,
    nodes.caption,
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
)
HAN = r"[\u3400-\u9fff]"
LETTER = r"[^\W\u3400-\u9fff]|-"  # of a word that is not Chinese


def pattern(wordings: list[str]) -> re.Pattern:
    """Finds any of them, the longest first; what is not Chinese only as whole words,
    in the singular or plural, and also where a sentence begins with it."""

    def one(wording: str) -> str:
        first, rest = re.escape(wording[0]), re.escape(wording[1:])
        before = "" if re.match(HAN, wording) else f"(?<!{LETTER})"
        after = "" if re.search(f"{HAN}$", wording) else f"(?:e?s)?(?!{LETTER})"
        return f"(?P<w{wordings.index(wording)}>{before}(?i:{first}){rest}{after})"

    return re.compile("|".join(map(one, sorted(wordings, key=len, reverse=True))))


def first_uses(texts: list[str], terms: dict[str, str], linked: set[str]):
    """Yields (number of the text, start, end, id of the term) for each first use.

    terms: {wording: id of its entry, or "" for one that means something else}.
    linked: ids that need no link; those that are found are added.
    """
    if not terms:
        return
    wordings = list(terms)
    search = pattern(wordings)
    for number, text in enumerate(texts):
        for match in search.finditer(text):
            term = terms[wordings[int(match.lastgroup[1:])]]
            if term and term not in linked:
                linked.add(term)
                yield number, *match.span(), term


def link_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    glossary = app.builder.get_relative_uri(docname, "glossary")
    links = [link.get("refuri", "") for link in doctree.findall(nodes.reference)]
    linked = {x.partition("#")[2] for x in links if x.startswith(f"{glossary}#")}
    texts = [text for text in doctree.findall(nodes.Text) if not _is_apart(text)]
    found = {}
    for number, *use in first_uses(texts, app.config.book_terms, linked):
        found.setdefault(number, []).append(use)
    for number, uses in found.items():
        text = texts[number]
        new, end = [], 0
        for start, stop, term in uses:
            new.append(nodes.Text(text[end:start]))
            uri = f"{glossary}#{term}"
            link = {"refuri": uri, "internal": True, "classes": ["book-term"]}
            new.append(nodes.reference("", text[start:stop], **link))
            end = stop
        text.parent.replace(text, [*new, nodes.Text(text[end:])])


def _is_apart(text: nodes.Text) -> bool:
    node = text.parent
    while node is not None and not isinstance(node, APART):
        node = node.parent
    return node is not None


def setup(app):
    app.add_config_value("book_terms", {}, "html")
    app.connect("doctree-resolved", link_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
