"""The ways from a page: to the other languages, to its notebook, to where it runs.

Every page gets a visible switch (templates/book-tools.html) and, for search engines,
`<link rel="alternate" hreflang>`; a chapter, where the book's address is known, the
services that run its notebook. Languages and words are those of book/languages.yml.
"""


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
    app.connect("html-page-context", add_language)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
