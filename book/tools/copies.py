"""The book as files to keep: an EPUB, a PDF and slides in each language, build/copies.

    python book/tools/copies.py          (make copies)

Both are made from the notebooks by pandoc, the PDF through Typst. Where the site has a
live part, they have the picture that stands in for it; what the choices of a quiz say,
and the solutions, come at the end of the chapter.
"""

import base64
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pypandoc
import typst
from languages import LANGUAGES, Language
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import imread
from nbformat import NotebookNode
from sources import BUILD, COPIES, PARTS, WEB, captions, fresh, page, write

from notebooks import NOTEBOOKS

APPENDED = (*PARTS["play"], "glossary", "references")  # pages that make sense on paper
STILLS = WEB / "live" / "stills"
ROWS = WEB / "static" / "chapters"  # a picture of each, under its title
LIVE = re.compile(r"(?ms)^```\{live\} (\w+)\n(.*?)^```$")
FORMAT = "commonmark_x-smart-yaml_metadata_block"
STYLE = WEB / "copies"
SETTING = '#set text(font: ("Libertinus Serif", "Noto Sans SC"))'
PICTURE = re.compile(r"!\[[^]]*\]\(([\w.-]+)\)")
SHOWN = """\
```{{=typst}}
#align(center, image("{}", width: 100%, height: 80%, fit: "contain"))
```"""
# Found, not imported: that would offer its font to all of matplotlib.
FONTS = Path(find_spec("zhplot").origin).parent
HEADING = re.compile(r'(?m)^(#+) <a id="([\w-]+)"></a>(.*)$')
ANCHOR = re.compile(r'<a id="([\w-]+)"></a>')
LINK = re.compile(r"(?<!!)\[((?:[^][]|\[[^][]*\])*)\]\(([^)\s]+)\)")
PICTURES = {"image/svg+xml": "svg", "image/png": "png"}
FOLDED = re.compile(
    r"<details(?P<choice> class=\"choice\")?><summary>\s*(?P<name>.*?)\s*</summary>\n\n"
    r"(?P<said>.*?)\n\n</details>",
    re.S,
)


class Copy:
    """One language's chapters and appendices, as Markdown for pandoc."""

    def __init__(self, language: Language, folder: Path) -> None:
        self.language, self.folder = language, folder
        self.captions = captions(language.code)
        self.said: list[str] = []
        self.questions = self.exercises = 0
        self.notebooks = {
            path.stem: nbformat.read(path, as_version=4)
            for path in sorted((NOTEBOOKS / language.code).glob("[0-9]*.ipynb"))
        }
        self.titles = {
            f"{name}.ipynb": HEADING.search(notebook.cells[0].source)[2]
            for name, notebook in self.notebooks.items()
        }

    def markdown(self) -> str:
        chapters = [self.chapter(*named) for named in self.notebooks.items()]
        return "\n\n".join([*chapters, *map(self.page, APPENDED)])

    def page(self, name: str) -> str:
        text = page(self.language.code, name)
        text = LIVE.sub(lambda live: self.still(live[1]), text)
        return self.prose(text, name)

    def still(self, part: str) -> str:
        """What stands in for a live part, and where it is live."""
        picture, words = STILLS / f"{part}.png", self.language.words
        shutil.copy(picture, self.folder)
        shown = words[part]["still"]
        return f"![{shown}]({picture.name})\n\n{shown} {words['elsewhere']}"

    def chapter(self, name: str, notebook: NotebookNode) -> str:
        self.said, self.questions, self.exercises = [], 0, 0
        parts = [
            self.prose(cell.source, _key(name))
            if cell.cell_type == "markdown"
            else self.code(cell, name)
            for cell in notebook.cells
            if "remove-cell" not in cell.metadata.get("tags", [])
        ]
        if name in self.captions:
            picture, shown = ROWS / f"{name}.png", self.captions[name]
            shutil.copy(picture, self.folder)
            title, _, rest = parts[0].partition("\n")
            parts[0] = f"{title}\n\n![{shown}]({picture.name})\n\n{shown}\n{rest}"
        if self.said:
            parts += [f"## {self.language.words['solutions']}", *self.said]
        return "\n\n".join(parts)

    def prose(self, text: str, key: str) -> str:
        """Anchors and links as they are within one document."""
        text = HEADING.sub(rf"\1 \3 {{#{key}-\2}}", text)
        text = ANCHOR.sub(rf"[]{{#{key}-\1}}", text)
        text = LINK.sub(lambda link: self.link(*link.groups(), key), text)
        return FOLDED.sub(lambda match: self.folded(match, key), text)

    def folded(self, match: re.Match, key: str) -> str:
        """A choice as an item of a list, a hint where it is; the rest at the end."""
        name, said = match["name"], match["said"]
        if match["choice"]:
            self.questions += name.startswith("A. ")
            self.said.append(f"**{self.questions}{name}** {said}")
            return f"- {name}"
        if "```" in said:
            self.exercises += 1
            self.said.append(f"**{key[1:]}-{self.exercises}**\n\n{said}")
            return ""
        return f"> **{name}** {said}"

    def link(self, text: str, target: str, key: str) -> str:
        page, _, section = target.partition("#")
        if ":" in page:
            return f"[{text}]({target})"
        if not page:
            return f"[{text}](#{key}-{section})"
        if page in self.titles:
            return f"[{text}](#{_key(page)}-{section or self.titles[page]})"
        if Path(page).stem in APPENDED:
            return f"[{text}](#{Path(page).stem}-{section or Path(page).stem})"
        return text  # on the site only

    def code(self, cell: NotebookNode, chapter: str) -> str:
        parts = [f"```python\n{cell.source}\n```"]
        for number, output in enumerate(cell.outputs):
            data = output.get("data", {})
            kind = next((kind for kind in PICTURES if kind in data), None)
            if kind:
                name = f"{chapter[:2]}-{cell.id}-{number}.{PICTURES[kind]}"
                self.keep(name, data[kind])
                image = cell.metadata.get("mystnb", {}).get("image", {})
                parts.append(f"![{image.get('alt', '')}]({name})")
            else:
                said = output.get("text") or data.get("text/plain", "")
                parts.append(f"```{{.output}}\n{said.rstrip()}\n```")
        return "\n\n".join(parts)

    def keep(self, name: str, picture: str) -> None:
        if name.endswith("svg"):
            # A picture that stands twice in a figure has the same id twice.
            write(self.folder / name, re.sub(r' id="image\w+"', "", picture))
        else:
            (self.folder / name).write_bytes(base64.b64decode(picture))


def _key(chapter: str) -> str:
    """What the ids of a chapter begin with: no id may begin with a digit."""
    return f"c{chapter[:2]}"


def make(code: str) -> list[Path]:
    """Write the files of one language; returns them."""
    language, folder = LANGUAGES[code], fresh(BUILD / "copy" / code)
    copy = Copy(language, folder)
    text = copy.markdown()
    COPIES.mkdir(parents=True, exist_ok=True)
    epub, pdf = (COPIES / f"unet-{code}.{kind}" for kind in ("epub", "pdf"))
    slides = COPIES / f"unet-{code}-slides.pdf"
    metadata = {
        "title": language.title,
        "lang": language.tag,
        "toc-title": language.words["toc"],
        "rights": language.words["licence"],
    }
    told = [f"--metadata={key}={value}" for key, value in metadata.items()]
    told += ["--toc", "--toc-depth=2", f"--resource-path={folder}"]
    picture = cover(language, folder / "cover.png")
    style = f"--css={STYLE / 'epub.css'}"
    pypandoc.convert_text(
        text,
        "epub3",
        FORMAT,
        outputfile=str(epub),
        extra_args=[*told, "--mathml", style, f"--epub-cover-image={picture}"],
    )
    set_as_pdf(text, pdf, folder, [*told, "--variable=papersize=a4"])
    wide = "--variable=papersize=presentation-16-9"
    set_as_pdf(deck(copy), slides, folder, [*told[:2], wide])
    return [epub, pdf, slides]


def cover(language: Language, out: Path) -> Path:
    """Draw the EPUB's cover."""
    font = FontProperties(fname=next(FONTS.rglob("*.ttf")))
    figure = Figure(figsize=(6, 9), facecolor="black", dpi=200)
    how = {"color": "white", "ha": "center", "font": font}
    figure.text(0.5, 0.86, language.title, fontsize=34, **how)
    figure.text(0.5, 0.14, language.tagline, fontsize=13, wrap=True, **how)
    axes = figure.add_axes((0.05, 0.2, 0.9, 0.6))
    axes.imshow(imread(ROWS / "cover.png"), cmap="gray")
    axes.axis("off")
    figure.savefig(out)
    return out


def set_as_pdf(text: str, out: Path, folder: Path, options: list[str]) -> None:
    """Write Markdown as a PDF."""
    how = ["--standalone", *options]
    source = pypandoc.convert_text(text, "typst", FORMAT, extra_args=how)
    main = write(folder / f"{out.stem}.typ", f"{SETTING}\n{source}")
    typst.compile(main, output=out, root=folder, font_paths=[FONTS])


# ---------- slides ----------


def deck(copy: Copy) -> str:
    """A slide of Markdown for each question that a figure answers, then the figure."""
    asked = re.compile(copy.language.words["questions"]["asked"])
    style = (STYLE / "slides.typ").read_text(encoding="utf-8")
    slides = [f"```{{=typst}}\n{style}\n```"]
    for name, notebook in copy.notebooks.items():
        key, title, section, question = _key(name), "", "", ""
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                picture = PICTURE.search(copy.code(cell, name))
                if picture and section:
                    if question:
                        slides.append(f"# {section}\n\n{question}")
                    slides.append(f"# {section}\n\n{SHOWN.format(picture[1])}")
                question = ""
                continue
            text = LINK.sub(r"\1", copy.prose(cell.source, key))  # to what is no slide
            for heading in re.finditer(r"(?m)^##? (.*?) \{#", text):
                section = heading[1]
            lists = re.search(r"(?m)^- (.*\n?)+", text)
            if number == 0 or "-summary}" in text:
                title = section if number == 0 else title
                slides.append(f"# {title}\n\n{lists[0] if lists else ''}")
                section = "" if number == 0 else section
            if "-summary}" in text:
                break
            last = text.strip().split("\n\n")[-1]
            question = last if asked.search(last) else ""
    return "\n\n".join(slides)


def main() -> None:
    for code in LANGUAGES:
        for path in make(code):
            print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
