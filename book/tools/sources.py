"""One language as jupyter-book takes it: pages, configuration, table of contents."""

import html
import shutil
from pathlib import Path

import yaml
from bibliography import listed, with_papers
from budgets import execution
from languages import LANGUAGES
from manuscript import chapter_paths
from measurements import results
from measurements import sources as measured
from npm_packages import MODULES
from prose import fill, title
from publishing import Address
from quizzes import read_quiz
from solutions import answers
from standings import standings
from terms import read_glossary

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
WEB = BOOK / "web"
BUILD = ROOT / "build"
COPIES = BUILD / "copies"  # the book as EPUB and PDF
# After the chapters, in this order.
PARTS = {
    "play": ("train", "generate", "games", "speedrun"),
    "reference": (
        "progress",
        "teaching",
        "troubleshooting",
        "glossary",
        "references",
        "results",
        "execution",
        "api",
    ),
}
PAGES = tuple(page for pages in PARTS.values() for page in pages)


def read_yaml(path: Path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def fresh(folder: Path) -> Path:
    """An empty folder, whatever was there before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def glossary(code: str) -> str:
    """The glossary as Markdown, in the order that the language's readers expect."""

    def order(entry: dict) -> bytes:
        return entry[code].casefold().encode(LANGUAGES[code].glossary_order)

    lines = []
    for entry in sorted(read_glossary(), key=order):
        others = [
            f' <span class="other-language" lang="{language.tag}">'
            f"{html.escape(entry[language.code])}</span>"
            for language in LANGUAGES.values()
            if language.code != code
        ]
        place = entry.get("where", "")
        if place:  # a link to the section that introduces it
            chapter = LANGUAGES[code].words["chapter"].format(place[:2])
            place = f" [{chapter}]({place})"
        term = f'<a id="{entry["id"]}"></a>{entry[code]}'
        lines += [term + "".join(others), f": {entry[f'{code}_text']}{place}", ""]
    return "\n".join(lines)


def references(code: str) -> str:
    """The papers that the chapters cite, as Markdown."""
    sources = {path.stem: path.read_text(encoding="utf-8") for path in chapter_paths()}
    return listed(code, sources)


def progress(code: str) -> str:
    """How much of each chapter the reader has done, as a table that a script fills."""
    words = LANGUAGES[code].words["progress"]
    heads = [words[key] for key in ("chapter", "done", "exercises", "quiz")]
    rows = []
    for path in chapter_paths():
        exercises = {number for number, _ in answers(path.stem)}
        counts = {"solved": len(exercises), "quiz": len(read_quiz(path.stem))}
        cells = [
            f"[{path.name[:2]} {title(path, code)}]({path.stem}.ipynb)",
            _count("read", path.stem, 1),
        ]
        cells += [_count(kind, path.name[:2], n) for kind, n in counts.items()]
        rows.append(cells)
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * 4, *rows])


def _count(kind: str, of: str, n: int) -> str:
    """Where progress.js writes how many of n have been done."""
    return f'<span data-progress="{kind}" data-of="{of}">0</span>/{n}'


# Pages of which most is made from the book's files.
MADE = {
    "glossary": glossary,
    "references": references,
    "results": results,
    "execution": execution,
    "progress": progress,
    "speedrun": standings,
}


def page(code: str, name: str) -> str:
    """A page's Markdown: its file, with measured numbers, and what is made after it."""
    text = (BOOK / "pages" / code / f"{name}.md").read_text(encoding="utf-8")
    made = MADE[name](code) if name in MADE else ""
    return with_papers(f"{fill(text, name, code)}\n{made}")


def terms(code: str) -> dict[str, str]:
    """{wording: id of its entry}, and {wording: ""} where one means something else."""
    entries = read_glossary()
    others = [wording for e in entries for wording in e.get(f"not_{code}", ())]
    return {e[code]: e["id"] for e in entries} | dict.fromkeys(others, "")


def meanings(code: str) -> dict[str, tuple[dict[str, str], str]]:
    """{id of an entry: ({tag of another language: the term in it}, what it means)}."""
    others = [other for other in LANGUAGES.values() if other.code != code]
    return {
        entry["id"]: ({x.tag: entry[x.code] for x in others}, entry[f"{code}_text"])
        for entry in read_glossary()
    }


def summaries(code: str) -> dict[str, str]:
    """{name in unetlib: one line about it}, for readers of another language than its
    docstrings': what the pages' api.yml says, where there is one."""
    file = BOOK / "pages" / code / "api.yml"
    modules = read_yaml(file) if file.is_file() else {}
    return {
        f"{module}.{name}": line
        for module, lines in modules.items()
        for name, line in lines.items()
    }


def captions(code: str) -> dict[str, str]:
    """{chapter: what is on the picture under its title}."""
    file = BOOK / "pages" / code / "pictures.yml"
    return read_yaml(file) if file.is_file() else {}


def stage(code: str, notebooks: Path) -> tuple[Path, list[str]]:
    """Lay out one language's sources; returns the folder and the chapters' names."""
    source = fresh(BUILD / "src" / code)
    chapters = sorted((notebooks / code).glob("[0-9][0-9]_*.ipynb"))
    for chapter in chapters:
        shutil.copy(chapter, source)
    for name in PAGES:
        write(source / f"{name}.md", page(code, name))
    return source, [chapter.stem for chapter in chapters]


def configure(
    code: str, chapters: list[str], static: Path, address: Address | None
) -> Path:
    """Write one language's configuration and table of contents; returns its folder."""
    folder = fresh(BUILD / "config" / code)
    shutil.copytree(WEB / "config" / "locale", folder / "locale")
    config = read_yaml(WEB / "config" / "_config.yml")
    config["title"] = LANGUAGES[code].title
    sphinx = config["sphinx"]
    extensions = sorted((WEB / "extensions").glob("*.py"))
    sphinx["local_extensions"] = {e.stem: str(WEB / "extensions") for e in extensions}
    sphinx["config"]["extensions"] += [e.stem for e in extensions]
    for above in (
        LANGUAGES[code].sphinx,
        paths(folder, static),
        what_pages_know(code, chapters, address),
    ):
        sphinx["config"] = merge(sphinx["config"], above)
    toc = table_of_contents(code, chapters)
    for name, content in (("_config.yml", config), ("_toc.yml", toc)):
        # sort_keys would change the order of scripts on the page.
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        write(folder / name, text)
    return folder


def paths(folder: Path, static: Path) -> dict:
    """Jupyter-Book and Sphinx look beside the sources, hence the absolute paths."""
    return {
        "html_static_path": [str(WEB / "static"), str(static)],
        "html_favicon": str(WEB / "static" / "favicon.svg"),
        "templates_path": [str(WEB / "extensions" / "templates")],
        "locale_dirs": [str(folder / "locale")],
        "book_temml": str(MODULES / "temml" / "dist" / "temml.cjs"),
    }


def what_pages_know(code: str, chapters: list[str], address: Address | None) -> dict:
    """What our extensions and templates ask for."""
    language = LANGUAGES[code]
    launches = {n: address.launches(language, n) for n in chapters} if address else {}
    return {
        "language": language.locale,
        "book_language": code,
        "book_languages": {x.code: [x.tag, x.name] for x in LANGUAGES.values()},
        "book_words": language.words | {"tagline": language.tagline},
        "book_launches": launches,
        "book_services": language.services,
        "book_summaries": summaries(code),
        "book_terms": terms(code),
        "book_meanings": meanings(code),
        "book_sources": measured(),
        "book_pictures": captions(code),
        "book_copies": sorted(file.name for file in COPIES.glob(f"*-{code}.*")),
        "book_avoided": {
            wording: entry[code]
            for entry in read_glossary()
            for wording in entry[f"avoid_{code}"]
            if wording.casefold() != entry[code].casefold()
        },
        "book_site_url": address.site_url if address else "",
        "book_repository": address.repository if address else "",
    }


def table_of_contents(code: str, chapters: list[str]) -> dict:
    captions = LANGUAGES[code].words
    parts = {"chapters": chapters[1:], **PARTS}
    return {
        "format": "jb-book",
        "root": chapters[0],
        "parts": [
            {"caption": captions[part], "chapters": [{"file": name} for name in names]}
            for part, names in parts.items()
        ],
    }


def merge(below: dict, above: dict) -> dict:
    """`below` with `above` laid over it, dictionaries merged at every depth."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged
