"""Says at the end of a section which results its numbers come from, with links."""

from docutils import nodes


def add_sources(app, doctree, docname) -> None:
    sections = app.config.book_sources.get(docname, {})
    for section in doctree.findall(nodes.section):
        names = sections.get(section["ids"][0], ())
        if not names:
            continue
        line = nodes.paragraph("", app.config.book_words["results"]["from"])
        line["classes"].append("book-sources")
        for name in names:
            uri = f"{app.builder.get_relative_uri(docname, 'results')}#{name}"
            link = nodes.reference("", name, refuri=uri, internal=True)
            line += [nodes.Text(" "), link]
        # Before the sections within it, which have lines of their own.
        within = [
            i for i, child in enumerate(section) if isinstance(child, nodes.section)
        ]
        section.insert(within[0] if within else len(section), line)


def setup(app):
    app.add_config_value("book_sources", {}, "html")
    app.connect("doctree-resolved", add_sources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
