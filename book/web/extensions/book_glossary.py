"""Links the first use of each term in a chapter to its entry in the glossary, and the
entry to those places. What a term means stands in the page, too: terms.js shows it.

Headings, code, formulas, captions and links stay as they are. The longest wording
wins, so 均方误差 (mean squared error) is no use of 误差 (error). A link that the author
has set to an entry is the chapter's link to it; and book/glossary.yml says, under
not_zh and not_en, in which wordings a term means something else.
"""

import re
from collections import defaultdict

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

APART = (
    nodes.title,
    nodes.rubric,
    nodes.term,
    nodes.caption,
    nodes.reference,
    addnodes.pending_xref,
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


def is_chapter(app: Sphinx, docname: str) -> bool:
    return app.env.doc2path(docname).endswith(".ipynb")


def find_uses(app: Sphinx, env) -> None:
    """Note in which section of each chapter a term comes first."""
    env.book_uses = defaultdict(list)  # id → [(chapter, id of the section)]
    for docname in sorted(name for name in env.found_docs if is_chapter(app, name)):
        texts = prose(env.get_doctree(docname))
        for number, *_, term in first_uses(texts, app.config.book_terms, set()):
            env.book_uses[term].append((docname, _section(texts[number])))


def prose(doctree: nodes.document) -> list[nodes.Text]:
    return [text for text in doctree.findall(nodes.Text) if not _is_apart(text)]


def link_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    if docname == "glossary":
        link_uses(app, doctree)
    if not is_chapter(app, docname):
        return
    glossary = app.builder.get_relative_uri(docname, "glossary")
    links = [link.get("refuri", "") for link in doctree.findall(nodes.reference)]
    linked = {x.partition("#")[2] for x in links if x.startswith(f"{glossary}#")}
    texts = prose(doctree)
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
    used = [term for uses in found.values() for *_, term in uses]
    meanings = {term: app.config.book_meanings[term] for term in used}
    html = app.builder.templates.render("book-terms.html", {"meanings": meanings})
    doctree += nodes.raw("", html, format="html")


def link_uses(app: Sphinx, doctree: nodes.document) -> None:
    """Say after each entry in which chapters its term is used, with links there."""
    for item in doctree.findall(nodes.definition_list_item):
        (term,) = item[0]["ids"]
        places = app.env.book_uses[term]
        if not places:
            continue
        last = [*item.findall(nodes.paragraph)][-1]
        used = nodes.inline("", app.config.book_words["used"], classes=["book-uses"])
        for docname, section in places:
            uri = app.builder.get_relative_uri("glossary", docname)
            link = nodes.reference(
                "", docname[:2], refuri=f"{uri}#{section}", internal=True
            )
            used += [nodes.Text(" "), link]
        last += [nodes.Text(" "), used]


def _section(node: nodes.Node) -> str:
    """The id of the section that it stands in."""
    while not isinstance(node, nodes.section):
        node = node.parent
    return node["ids"][0]


def _is_apart(text: nodes.Text) -> bool:
    node = text.parent
    while node is not None and not isinstance(node, APART):
        node = node.parent
    return node is not None


def setup(app):
    app.add_config_value("book_terms", {}, "html")
    app.add_config_value("book_meanings", {}, "html")
    app.connect("env-updated", find_uses)
    app.connect("doctree-resolved", link_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
