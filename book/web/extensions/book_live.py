"""Puts live parts into the pages.

A code cell tagged `live-denoiser` gets the live denoiser between its code and its
figure, which stands in where scripts do not run; `live-inside` does the same with the
feature maps open. The directive `{live} train` puts training in the page. What they say
comes from unetlib's labels and from book/languages.yml.
"""

import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive

from unetlib.display.labels import LABELS
from unetlib.display.noises import NOISES
from unetlib.pretrained import OFFERED

RESULTS = Path(__file__).resolve().parents[2] / "results"
# What the reader may choose for a training run: what it begins with, and all.
CONTROLS = {
    "network": ("skip-8", ["skip-4", "skip-8", "skip-16", "unet"]),
    "noise": ("fresh", ["none", "same", "fresh"]),
    "sigma": ("0.5", ["0.25", "0.5", "1", "0-1"]),
    "digits": ("5000", ["8", "64", "5000"]),
    "rate": ("0.01", ["0.001", "0.003", "0.01", "0.03", "0.3"]),
    "steps": ("300", ["100", "300", "1000", "3000"]),
}
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


class Live(Directive):
    """`{live} train`: what stands in it is shown until it runs, and without scripts."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        place = nodes.container(classes=[f"live-place-{self.arguments[0]}"])
        self.state.nested_parse(self.content, self.content_offset, place)
        return [place]


def add_training(app, doctree, docname) -> None:
    """Render extensions/templates/train.html where the directive stands."""
    for place in doctree.findall(nodes.container):
        if "live-place-train" in place["classes"]:
            words = app.config.book_words
            result = (RESULTS / "trained_in_page.json").read_text(encoding="utf-8")
            expected = json.loads(result)["psnr_db"]
            live = words["live"] | words["train"] | {"expected": expected}
            given = {"live": live, "train": words["train"], "id": "train"}
            given["controls"] = CONTROLS
            html = app.builder.templates.render("train.html", given)
            place.insert(0, nodes.raw("", html, format="html"))


def setup(app):
    app.add_directive("live", Live)
    app.connect("doctree-resolved", add_live)
    app.connect("doctree-resolved", add_training)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
