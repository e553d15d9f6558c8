"""The Content-Security-Policy of every page: what it may load and run.

A static host sends no headers of ours, so the policy stands in the page, before all
that it rules. Scripts are files of the site, and the few lines that the theme writes
into its pages, known by their hashes; what a notebook prints into a page never runs.
"""

import base64
import hashlib
import re
from pathlib import Path

from bs4 import BeautifulSoup

ARTICLE = re.compile(r"<article.*</article>", re.DOTALL)
CHARSET = re.compile(r'<meta charset="utf-8"(?: /)?>')
POLICY = {
    # Pictures, fonts, the networks and the worker that runs them: policies of pages do
    # not bind it, so none allows WebAssembly. Firefox fetches the next chapter early.
    "default-src": ["'self'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],  # icons stand in the style sheets
    "object-src": ["'none'"],
    "frame-src": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],  # the search field
}


def hashes(page: BeautifulSoup, tag: str) -> list[str]:
    """The sources 'sha256-…' of what stands between <tag> and </tag> in `page`."""
    texts = [found.text for found in page.select(f"{tag}:not([src])")]
    digests = [hashlib.sha256(text.encode()).digest() for text in texts]
    sources = [f"'sha256-{base64.b64encode(d).decode()}'" for d in digests]
    return list(dict.fromkeys(sources))


def policy(html: str) -> str:
    """The strictest policy under which a finished page works."""
    page = BeautifulSoup(ARTICLE.sub("", html), "html.parser")
    inline = {
        "script-src": hashes(page, "script"),
        "style-src": hashes(page, "style"),
    }
    return "; ".join(
        " ".join([name, *sources, *inline.get(name, [])])
        for name, sources in POLICY.items()
    )


def protect(site: Path) -> None:
    """Write its policy into every page of a finished site."""
    for path in site.rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        meta = f'<meta http-equiv="Content-Security-Policy" content="{policy(html)}">'
        html, count = CHARSET.subn(rf"\g<0>\n{meta}", html, count=1)
        if count != 1:
            raise ValueError(f'{path} needs <meta charset="utf-8"> for its policy')
        path.write_text(html, encoding="utf-8", newline="\n")
