"""Puts the live denoiser where a chapter shows the notebook's explorer.

A code cell tagged `live-denoiser` gets it between its code and its figure, which stands
in where scripts do not run; `live-inside` does the same with the feature maps open.
What it says comes from unetlib's labels and from book/languages.yml.
"""

from docutils import nodes

from unetlib.display.labels import LABELS
from unetlib.display.noises import NOISES
from unetlib.pretrained import OFFERED

TAGS = ("tag_live-denoiser", "tag_live-inside")


def add_live(app, doctree, docname) -> None:
    """Render extensions/templates/live.html into each tagged cell."""
    language = app.config.book_language
    labels = {key: words[language] for key, words in LABELS.items()}
    for number, cell in enumerate(list(doctree.findall(nodes.container))):
        if not set(TAGS) & set(cell["classes"]):
            continue
        words = {
            "id": f"live-{number}",
            "live": app.config.book_words["live"],
            "labels": labels,
            "noises": list(NOISES),
            "models": list(OFFERED),
            "open": TAGS[1] in cell["classes"],
        }
        html = app.builder.templates.render("live.html", words)
        cell.insert(1, nodes.raw("", html, format="html"))


def setup(app):
    app.connect("doctree-resolved", add_live)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
