"""Puts live parts into the pages.

A code cell tagged `live-denoiser` gets the live denoiser between its code and its
figure, which stands in where scripts do not run; `live-inside` does the same with the
feature maps open. The directive `{live}` puts one of PARTS in the page, and DOORS lead
there. What they say comes from unetlib's labels and from book/languages.yml.
"""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from docutils import nodes
from docutils.parsers.rst import Directive

from unetlib.display.labels import LABELS
from unetlib.display.noises import NOISES
from unetlib.pretrained import OFFERED

RESULTS = Path(__file__).resolve().parents[2] / "results"
MODULES = Path(__file__).resolve().parents[1] / "live"
# What a module imports, or runs beside the page: one of ours, or a library's folder.
IMPORT = re.compile(r'(?:from |Colleague\()"(?:\./)?([\w-]+(?:\.js)?)[/"]')
# What the reader may choose for a training run: what it begins with, and all.
CONTROLS = {
    "network": ("skip-8", ["skip-4", "skip-8", "skip-16", "unet"]),
    "noise": ("fresh", ["none", "same", "fresh"]),
    "sigma": ("0.5", ["0.25", "0.5", "1", "0-1"]),
    "digits": ("3000", ["8", "64", "3000"]),
    "rate": ("0.01", ["0.001", "0.003", "0.01", "0.03", "0.3"]),
    "steps": ("300", ["100", "300", "1000", "3000"]),
}
TAGS = ("tag_live-denoiser", "tag_live-inside")


@cache
def modules(name: str) -> str:
    """All that has to be loaded for a module of the live parts, separated by spaces."""
    found = [name]
    for one in found:  # which grows
        if one.endswith(".js"):
            imported = IMPORT.findall((MODULES / one).read_text(encoding="utf-8"))
            found += [other for other in dict.fromkeys(imported) if other not in found]
    return " ".join(found)


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
            "modules": modules,
        }
        html = app.builder.templates.render("live.html", words)
        cell.insert(1, nodes.raw("", html, format="html"))


class Live(Directive):
    """What stands in it is shown until the live part runs, and without scripts."""

    required_arguments = 1  # of PARTS
    has_content = True

    def run(self) -> list[nodes.Node]:
        place = nodes.container(classes=["live-place"], part=self.arguments[0])
        self.state.nested_parse(self.content, self.content_offset, place)
        return [place]


def training() -> dict:
    result = (RESULTS / "trained_in_page.json").read_text(encoding="utf-8")
    return {"expected": json.loads(result)["psnr_db"]}


# What a part is told besides its words, by the name of its template.
PARTS = {"train": training, "generate": dict, "guess": dict, "duel": dict}


def add_parts(app, doctree, docname) -> None:
    """Render extensions/templates/<part>.html where a directive stands."""
    for place in doctree.findall(nodes.container):
        if "live-place" not in place["classes"]:
            continue
        part, words = place["part"], app.config.book_words
        live = words["live"] | words[part] | PARTS[part]()
        given = {"live": live, part: words[part], "id": part}
        given |= {"controls": CONTROLS, "modules": modules}
        html = app.builder.templates.render(f"{part}.html", given)
        still = app.builder.templates.render("live-still.html", given | {"part": part})
        place.insert(0, nodes.raw("", html, format="html"))
        place.append(nodes.raw("", still, format="html"))


# The sections that lead to a live part: page, and what is chosen there. In a chapter it
# is the live denoiser, in the section that is named.
DOORS = {
    "02_architecture": {"skip-connections": ("train", {"skips": "false"})},
    "04_training": {
        "only-noise": ("train", {}),
        "fixed-noise": ("train", {"noise": "same", "digits": "8"}),
        "copying": ("train", {"noise": "none"}),
    },
    "07_understanding": {
        "votes": ("02_architecture#inside", {}),
        "sure": ("02_architecture#inside", {"sigma": "0.5"}),
    },
    "08_applications": {"repairs": ("generate", {"task": "erased"})},
    "09_generation": {
        "only-noise": ("generate", {"network": "skip"}),
        "new-digits": ("generate", {}),
        "twelve": ("generate", {"task": "noisy"}),
    },
}

# Those of them where the part itself stands beneath the link.
OPEN = {("04_training", "only-noise"), ("09_generation", "new-digits")}


def add_doors(app, doctree, docname) -> None:
    """Put a link to a live part at the end of each section that has one.

    On the site only: a notebook does the same by itself.
    """
    doors, words = DOORS.get(docname, {}), app.config.book_words
    for section in doctree.findall(nodes.section):
        for anchor in {*section["ids"]} & doors.keys():
            place, chosen = doors[anchor]
            page, hash_, section_there = place.partition("#")
            part = "live" if section_there else page
            uri = app.builder.get_relative_uri(docname, page)
            query = f"?{urlencode({part: urlencode(chosen)})}" if chosen else ""
            refuri = f"{uri}{query}{hash_}{section_there}"
            link = nodes.reference("", words[part]["name"], refuri=refuri)
            said = nodes.inline("", f"{words['play']} ")
            section += nodes.paragraph("", "", said, link, classes=["live-door"])
            if (docname, anchor) in OPEN:
                section += nodes.container(classes=["live-place"], part=page)


def setup(app):
    app.add_directive("live", Live)
    app.connect("doctree-resolved", add_doors)
    app.connect("doctree-resolved", add_live)
    app.connect("doctree-resolved", add_parts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
