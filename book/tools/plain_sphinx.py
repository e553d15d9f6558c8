"""Builds the site with plain Sphinx, into build/plain/site, and says what differs.

jupyter-book 1 holds Sphinx below 8, and its version 2 is another program. This keeps
the way out open: the same sources, configuration and extensions, with the newest
Sphinx, MyST-NB and theme, in an environment of its own. What differs is printed; only a
page or an id that is missing, or a build that breaks off, is a failure.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import environment
from bs4 import BeautifulSoup
from build_site import build, build_pages
from jupyter_book.config import get_final_config
from publishing import Address
from sources import BUILD, ROOT, WEB, fresh, write

VENV = ROOT / ".venv-sphinx"
REQUIREMENTS = Path(__file__).with_name("requirements-sphinx.txt")
THEIRS = ("jupyter_book", "sphinx_jupyterbook_latex")  # do nothing to web pages
NEEDED = ("page", "id")
SHOWN = 3  # examples of each difference


def make_environment() -> None:
    print("Making the environment in .venv-sphinx (a few minutes) ...", flush=True)
    environment.create(VENV)
    wanted = ["--requirement", str(REQUIREMENTS), "--editable", "."]
    environment.pip_install(VENV, *wanted)


def configure(code: str) -> Path:
    """Write what jupyter-book tells Sphinx as a conf.py; returns its folder."""
    config = BUILD / "config" / code
    settings, _ = get_final_config(
        user_yaml=config / "_config.yml",
        sourcedir=BUILD / "src" / code,
        cli_config={
            "external_toc_path": str(config / "_toc.yml"),
            "latex_individualpages": False,
        },
    )
    settings["extensions"] = [e for e in settings["extensions"] if e not in THEIRS]
    lines = (f"{name} = {value!r}\n" for name, value in settings.items())
    return write(BUILD / "plain" / code / "conf.py", "".join(lines)).parent


def start(code: str, config: Path) -> subprocess.Popen:
    """Start Sphinx on one language; its warnings go to warnings.txt beside conf.py."""
    command = [environment.python(VENV), "-m", "sphinx", "--quiet", "-n"]
    command += ["-w", config / "warnings.txt", "-c", config]
    command += ["-d", config / "doctrees", BUILD / "src" / code, config / "html"]
    extensions = os.pathsep.join([str(ROOT), str(WEB / "extensions")])
    told = os.environ | {"PYTHONPATH": extensions, "PYTHONUTF8": "1"}
    return subprocess.Popen(command, cwd=BUILD, env=told, stderr=subprocess.DEVNULL)


def build_plainly(languages: list[str]) -> dict[str, Path]:
    """Build all languages at once; returns {code: folder of its pages}."""
    configs = {code: configure(code) for code in languages}
    running = {code: start(code, config) for code, config in configs.items()}
    for code, process in running.items():
        ended = process.wait()
        warnings = (configs[code] / "warnings.txt").read_text(encoding="utf-8")
        print(warnings, end="", file=sys.stderr)
        if ended != 0:
            sys.exit(f"Sphinx broke off in {code}")
    return {code: config / "html" for code, config in configs.items()}


def facts(html: str) -> set[tuple[str, str]]:
    """What a page consists of, as (kind, what)."""
    page = BeautifulSoup(html, "html.parser")

    def given(kind: str, selector: str, attribute: str) -> set[tuple[str, str]]:
        # Without ?digest=…, which tells versions of a file apart.
        values = (tag[attribute].partition("?")[0] for tag in page.select(selector))
        return {(kind, value) for value in values}

    said = {
        (kind, " ".join(tag.get_text(" ").split()))
        for kind, selector in (
            ("title", "title, h1, h2, h3"),
            ("control", "button, label, summary"),
            ("text", "article :is(p, li, dt, td, pre)"),
        )
        for tag in page.select(selector)
    }
    return said.union(
        given("id", "[id]", "id"),
        given("link", "a[href]", "href"),
        given("picture", "img[src]", "src"),
        given("control", "[aria-label]", "aria-label"),
        given("file", "link[href]", "href"),
        given("file", "script[src]", "src"),
    )


def differences(ours: Path, theirs: Path) -> list[tuple[str, str, str]]:
    """(kind, "missing" or "new", where and what) for each difference of two folders.

    missing: in our pages alone.
    """
    pages = [
        {path.name: path for path in folder.glob("*.html")} for folder in (ours, theirs)
    ]
    found = []

    def compare(where: str, before: set, after: set) -> None:
        for fate, only in (("missing", before - after), ("new", after - before)):
            found.extend((kind, fate, f"{where}{what}") for kind, what in sorted(only))

    compare("", *({("page", name) for name in folder} for folder in pages))
    for name in sorted(pages[0].keys() & pages[1].keys()):
        both = (facts(folder[name].read_text(encoding="utf-8")) for folder in pages)
        compare(f"{name}: ", *both)
    return found


def table(found: list[tuple[str, str, str]]) -> str:
    """The differences counted, with a few of each kind."""
    counts = Counter((kind, fate) for kind, fate, _ in found)
    lines = [f"{'kind':<10}{'missing':>9}{'new':>9}"]
    for kind in dict.fromkeys([*NEEDED, *sorted({kind for kind, _ in counts})]):
        missing, new = counts[kind, "missing"], counts[kind, "new"]
        lines.append(f"{kind:<10}{missing:>9}{new:>9}")
        for fate in ("missing", "new"):
            examples = [what for k, f, what in found if (k, f) == (kind, fate)]
            lines += [f"    {fate}: {what[:100]}" for what in examples[:SHOWN]]
    return "\n".join(lines)


def make_pages(
    notebooks: Path, static: Path, address: Address | None
) -> tuple[dict[str, Path], str]:
    """Build the pages in both ways, and return plain Sphinx's as build_pages would.

    Ends where a page or an id is missing.
    """
    ours, first = build_pages(notebooks, static, address)
    fresh(BUILD / "plain")
    theirs = build_plainly(list(ours))
    lost = []
    for code in ours:
        found = differences(ours[code], theirs[code])
        print(f"\n{code}: what plain Sphinx makes otherwise than jupyter-book\n")
        print(table(found))
        lost += [d for d in found if d[0] in NEEDED and d[1] == "missing"]
    if lost:
        sys.exit(f"{len(lost)} pages or ids are missing")
    return theirs, first


if __name__ == "__main__":
    make_environment()
    build(ROOT / "notebooks", BUILD / "plain" / "site", make_pages=make_pages)
