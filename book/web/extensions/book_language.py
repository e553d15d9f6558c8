"""The ways from a page: to the other languages, to its notebook, to where it runs.

Every page gets a visible switch (templates/book-tools.html) and, for search engines,
`<link rel="alternate" hreflang>`; a chapter, where the book's address is known, the
services that run its notebook. What stands in another language says so. Languages and
words are those of book/languages.yml.
"""

import re
from html import escape

from docutils import nodes
from sphinx.addnodes import desc_content

HAN = re.compile(r"([\u3400-\u9fff]+(?:[，、；：·\s]*[\u3400-\u9fff]+)*)")
CODE = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)
PREVIEW = 160  # characters of its beginning that stand for a page elsewhere


def mark_languages(app, doctree, docname) -> None:
    """Tell screen readers whose words they read; docutils makes these classes lang=.

    Chinese terms in pages of other languages, but for Japanese, whose own words have
    the same characters; English docstrings in Chinese pages.
    """
    tags = {code: tag for code, (tag, _) in app.config.book_languages.items()}
    if tags[app.config.book_language].startswith("ja"):
        return
    if app.config.book_language == "zh":
        for content in doctree.findall(desc_content):
            for paragraph in content.findall(nodes.paragraph):
                if not HAN.search(paragraph.astext()):
                    paragraph["classes"].append(f"language-{tags['en']}")
        return
    for text in list(doctree.findall(nodes.Text)):
        if isinstance(text.parent, CODE) or not HAN.search(text):
            continue
        parts = HAN.split(text)  # every second one is Chinese
        new = [
            nodes.inline("", part, classes=[f"language-{tags['zh']}"])
            if number % 2
            else nodes.Text(part)
            for number, part in enumerate(parts)
            if part
        ]
        text.parent.replace(text, new)


def beginning(doctree) -> str:
    """The first words of a page, for those who meet a link to it."""
    paragraph = doctree and next(doctree.findall(nodes.paragraph), None)
    text = " ".join(paragraph.astext().split()) if paragraph else ""
    return text if len(text) <= PREVIEW else text[: PREVIEW - 1] + "…"


def preview(app, pagename, context, doctree) -> list[str]:
    """What search engines and messengers show of a page (Open Graph)."""
    site = app.config.book_site_url
    tag = app.config.book_languages[app.config.book_language][0]
    said = {
        "og:type": "article",
        "og:title": context.get("title") or context["docstitle"],
        "og:site_name": context["docstitle"],
        "og:locale": tag.replace("-", "_"),
    }
    text = beginning(doctree) or app.config.book_words["tagline"]
    said["og:description"] = text
    tags = [f'<meta name="description" content="{escape(text)}">']
    if site:  # whole addresses, or none
        folder = f"{site}/{app.config.book_language}"
        said["og:url"] = f"{folder}/{pagename}.html"
        said["og:image"] = f"{folder}/_static/touch-icon.png"
        tags.append(f'<link rel="canonical" href="{said["og:url"]}">')
    return tags + [
        f'<meta property="{name}" content="{escape(re.sub("<[^>]+>", "", value))}">'
        for name, value in said.items()
    ]


def add_language(app, pagename, templatename, context, doctree) -> None:
    """Tell the templates where the page is in the other languages."""
    root = "../" * (pagename.count("/") + 1)
    languages = app.config.book_languages
    context["book"] = {
        "words": app.config.book_words,
        "others": [
            {"code": code, "tag": tag, "name": name, "page": f"{code}/{pagename}.html"}
            for code, (tag, name) in languages.items()
            if code != app.config.book_language
        ],
        "root": root,
        "is_notebook": context.get("page_source_suffix") == ".ipynb",
        "notebook": f"{root}notebooks/{app.config.book_language}/{pagename}.ipynb",
        "launches": app.config.book_launches.get(pagename, {}),
        "services": app.config.book_services,
        "repository": app.config.book_repository,
        "address": app.config.book_site_url
        and f"{app.config.book_site_url}/{app.config.book_language}/{pagename}.html",
    }
    # Search engines want whole addresses, which only a published book has.
    site = f"{app.config.book_site_url}/" if app.config.book_site_url else root
    links = [
        (tag, f"{site}{code}/{pagename}.html") for code, (tag, _) in languages.items()
    ]
    links.append(("x-default", f"{site}index.html"))
    icon = context["pathto"]("_static/touch-icon.png", resource=True)
    tags = [f'<link rel="alternate" hreflang="{t}" href="{page}">' for t, page in links]
    tags.append(f'<link rel="apple-touch-icon" href="{icon}">')
    tags += preview(app, pagename, context, doctree)
    context["metatags"] = "\n".join([context.get("metatags", ""), *tags])


def setup(app):
    app.add_config_value("book_language", "", "html")
    app.add_config_value("book_languages", {}, "html")  # {code: [tag, name]}
    app.add_config_value("book_words", {}, "html")
    app.add_config_value("book_launches", {}, "html")  # {chapter: {service: address}}
    app.add_config_value("book_services", {}, "html")  # {service: about it}
    app.add_config_value("book_site_url", "", "html")
    app.add_config_value("book_repository", "", "html")
    # jupyter-book always sets this one, also where sphinx_comments is left out.
    app.add_config_value("comments_config", {}, "html")
    app.connect("doctree-resolved", mark_languages)
    app.connect("html-page-context", add_language)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
