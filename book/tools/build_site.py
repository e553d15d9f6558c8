"""Builds the site, in every language, from the executed notebooks.

    python book/tools/build_site.py          build into site/
    python book/tools/build_site.py serve    show the built site on this machine only

With REPOSITORY and SITE_URL in the environment it is the site to publish there: see
publishing.py. Nothing is executed here: the notebooks carry their outputs. The work
happens under build/, and only a build without a single warning reaches site/.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import npm_packages
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from languages import FALLBACK, LANGUAGES
from math_font import characters, cut_math_font
from policy import protect
from publishing import MOVED, Address, build_wheel, write_notebooks
from serving import serve
from sources import BUILD, COPIES, ROOT, WEB, configure, fresh, stage, write
from style_sheets import leave_out_unused

LOADED = (".js", ".json", ".wasm", ".onnx", ".bin")  # by the live parts
# Sphinx's notes to itself, the theme's templates, which are not pages, and maps to
# sources that are not here.
UNPUBLISHED = shutil.ignore_patterns(".buildinfo", "*webpack-macros.html", "*.map")


def start(code: str, source: Path, config: Path) -> subprocess.Popen:
    """Start jupyter-book on one language; its words go to build/log-<code>.txt."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    command += ["build", str(source), "--config", str(config / "_config.yml")]
    command += ["--toc", str(config / "_toc.yml"), "--path-output", str(config / "out")]
    command += ["--all", "-W", "-n", "--keep-going"]
    # The path lets autodoc import unetlib; UTF-8 mode is for Windows.
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    with (BUILD / f"log-{code}.txt").open("w", encoding="utf-8") as log:
        return subprocess.Popen(
            command, cwd=BUILD, env=environment, stdout=log, stderr=subprocess.STDOUT
        )


def complain(code: str) -> None:
    """Show the warnings of a failed build, or its last words if it broke off."""
    log = BUILD / f"log-{code}.txt"
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()  # without colours
    telling = [line for line in lines if re.search("WARNING|ERROR|CRITICAL", line)]
    print(f"--- {code}: {log} ---", file=sys.stderr)
    print("\n".join(telling or lines[-40:]), file=sys.stderr)


def build_pages(
    notebooks: Path, static: Path, address: Address | None
) -> tuple[dict[str, Path], str]:
    """Build all languages at once; returns {code: folder of its pages}, first chapter.

    static: files for every page. Ends with the warnings of what could not be built.
    """
    staged = {code: stage(code, notebooks) for code in LANGUAGES}
    chapters = {code: names for code, (_, names) in staged.items()}
    names = next(iter(chapters.values()))
    if not names or any(others != names for others in chapters.values()):
        sys.exit(f"all languages need the same chapters in {notebooks}: {chapters}")
    built, running = {}, {}
    for code, (source, _) in staged.items():
        config = configure(code, names, static, address)
        built[code] = config / "out" / "_build" / "html"
        running[code] = start(code, source, config)
    failed = [code for code, process in running.items() if process.wait() != 0]
    for code in failed:
        complain(code)
    if failed:
        sys.exit("the site was not built: see the warnings above")
    return built, names[0]


def write_entrances(out: Path, first: str, address: Address | None) -> None:
    """The root page, which picks the reader's language, and each language's own; pages
    at old addresses of chapters, which lead on; and 404.html, which hosts send from any
    folder: its links start at the server's root."""
    templates = Environment(
        loader=FileSystemLoader(WEB / "config"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    root, redirect, lost = (
        templates.get_template(f"{n}.html") for n in ("root", "first", "404")
    )
    languages = list(LANGUAGES.values())
    fallback = LANGUAGES[FALLBACK]
    write(out / "index.html", root.render(languages=languages, fallback=fallback))
    base = f"{address.site_url if address else ''}/"
    page = lost.render(languages=languages, fallback=fallback, first=first, base=base)
    write(out / "404.html", page)
    for language in languages:
        for old, new in {"index": first, **MOVED}.items():
            page = redirect.render(language=language, first=f"{new}.html")
            write(out / language.code / f"{old}.html", page)


def list_files(live: Path) -> None:
    """Write what the live denoiser loads into its files.json, {name: bytes}.

    So it shows how much is still to come, and sees where a file is not whole.
    """
    wanted = [f for f in sorted(live.rglob("*")) if f.suffix in LOADED]
    sizes = {f.relative_to(live).as_posix(): f.stat().st_size for f in wanted}
    del sizes["loader.js"]  # which loads the others
    write(live / "files.json", json.dumps(sizes))


def build(
    notebooks: Path,
    out: Path,
    address: Address | None = None,
    published: Path | None = None,
    make_pages: Callable[..., tuple[dict[str, Path], str]] = build_pages,
) -> None:
    """Build the site into `out`: every language, under one root page.

    address: where it will be published. published: what is published there now.
    make_pages: does what build_pages does, perhaps otherwise.
    """
    wheel = build_wheel(fresh(BUILD / "dist"), BUILD / "wheel", published)
    modules = npm_packages.install_npm()
    static = npm_packages.carry(modules, npm_packages.STATIC, fresh(BUILD / "static"))
    built, first = make_pages(notebooks, static, address)
    out.mkdir(parents=True, exist_ok=True)
    for code, pages in built.items():
        shutil.rmtree(out / code, ignore_errors=True)
        shutil.copytree(pages, out / code, ignore=UNPUBLISHED)
        copies = fresh(out / "notebooks" / code)
        write_notebooks(notebooks, LANGUAGES[code], copies, address, wheel.name)
    for source in (wheel.parent, WEB / "live", COPIES):
        shutil.rmtree(out / source.name, ignore_errors=True)
        if source.exists():  # the copies to keep are made only where one asks for them
            shutil.copytree(source, out / source.name)
    list_files(npm_packages.carry(modules, npm_packages.LIVE, out / "live"))
    needed = characters(out)
    for code in built:
        leave_out_unused(modules, out / code, out / "live")
        font = out / code / "_static" / "fonts" / "math.woff"
        cut_math_font(modules, needed, font)
    write_entrances(out, first, address)
    protect(out)
    print(f"Built. Open {out / 'index.html'} in a browser,")
    print("or run: make serve (without make: python book/tools/build_site.py serve)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("build", "serve"), default="build")
    parser.add_argument("--notebooks", type=Path, default=ROOT / "notebooks")
    parser.add_argument("--out", type=Path, default=ROOT / "site")
    parser.add_argument("--port", type=int, default=8000)
    chosen = parser.parse_args()
    if chosen.what == "serve":
        serve(chosen.out, chosen.port)
        return
    repository, site_url, published = (
        os.environ.get(name, "") for name in ("REPOSITORY", "SITE_URL", "PUBLISHED")
    )
    address = None
    try:
        if repository or site_url:
            address = Address(repository, site_url.rstrip("/"))
    except ValueError as error:
        sys.exit(str(error))
    earlier = Path(published) if published else None
    build(chosen.notebooks.resolve(), chosen.out.resolve(), address, earlier)


if __name__ == "__main__":
    main()
