"""A small book with a made-up third language, built as a fork would publish it.

The language is one entry in languages.yml and its texts: nothing else changes. It is
built by the very tools and the library, copied: where one of them still counts to two,
the language is missing somewhere.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import sources
import yaml
from building import ROOT
from chapters import FRONT_MATTER
from website import link, parse, serve

CODE = "eo"  # Esperanto: Sphinx knows it, and every word here says that it is its
CHAPTER = """
+++ {{"lang": "zh"}}

# 第{n}章 {{#chapter-{n}}}

时间：{{{{cpu-time}}}}。
一行。

+++ {{"lang": "en"}}

# Chapter {n} {{#chapter-{n}}}

Time: {{{{cpu-time}}}}.
One line.

+++ {{"lang": "eo"}}

# eo chapter {n} {{#chapter-{n}}}

eo time: {{{{cpu-time}}}}.
eo line.

```{{code-cell}} ipython3
:name: explore
:tags: [live-denoiser]
:alt: {{zh: 图, en: A figure, eo: eo figure}}
use_language("{{{{lang}}}}")
```
"""
ADDRESS = "https://book.example/fork"
PLACES = {
    "Colab": "https://colab.research.google.com/github/reader/fork/blob/gh-pages/",
    "Kaggle": "https://kaggle.com/kernels/welcome?src="
    "https://github.com/reader/fork/blob/gh-pages/",
    "ModelScope": "https://modelscope.cn/notebook/share/github/"
    "reader/fork/blob/gh-pages/",
    "Binder": "https://mybinder.org/v2/gh/reader/fork/HEAD?labpath=",
}
TERMS = {"noise": ("噪声", "noise", "eo noise"), "loss": ("损失", "loss", "eo a loss")}
NOTEBOOKS = """
from manuscript import chapter_paths
from notebooks import *

for chapter in chapter_paths():
    for language in LANGUAGES:
        folder = NOTEBOOKS / language
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(generate(chapter, language), folder / f"{chapter.stem}.ipynb")
"""


def spoken(value):
    """A value of the English entry as the third language has it."""
    if isinstance(value, dict):
        return {key: spoken(inner) for key, inner in value.items()}
    return f"{CODE} {value}" if isinstance(value, str) else value


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_texts(root: Path) -> None:
    """Two chapters, the pages and the glossary, in three languages."""
    book = root / "book"
    for n in range(2):
        write(book / "chapters" / f"0{n}_some.md", FRONT_MATTER + CHAPTER.format(n=n))
    write_budgets(book)
    for code in ("zh", "en", CODE):
        for page in sources.PAGES:
            text = f'# <a id="{page}"></a>{code} {page}\n'
            write(book / "pages" / code / f"{page}.md", text)
    glossary = [
        {"id": term}
        | dict(zip(("zh", "en", CODE), words, strict=True))
        | {f"{code}_text": f"{code} text" for code in ("zh", "en", CODE)}
        | {f"avoid_{code}": [] for code in ("zh", "en", CODE)}
        for term, words in TERMS.items()
    ]
    write(book / "glossary.yml", yaml.safe_dump(glossary, allow_unicode=True))
    write(book / "references.yml", "[]\n")
    write(book / "results" / "speedrun.json", '{"blind": {}, "told": {}}')


def write_budgets(book: Path) -> None:
    """What the chapters may take, and took."""
    names = ("00_some", "01_some")
    budget = {"reading_minutes": 5, "cpu_seconds": 9, "memory_mb": 500}
    write(book / "budgets.yml", yaml.safe_dump(dict.fromkeys(names, budget)))
    run = dict.fromkeys(("date", "hardware", "python", "torch"), "2.13")
    took = {"cpu_seconds": 9, "memory_mb": 400, "circumstances": run}
    times = {what: dict.fromkeys(names, value) for what, value in took.items()}
    times["seconds"] = {"01_some": 180}  # the other has not been run
    write(book / "results" / "chapter_times.json", json.dumps(times))
    write(book / "results" / "gpu_notebooks.json", '{"seconds": {}}')


def add_language(root: Path) -> None:
    """The one entry, and the words of figures and sliders."""
    file = root / "book" / "languages.yml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    entry = spoken(content["languages"]["en"])
    entry |= {"tag": CODE, "glossary_order": "utf-8", "name": "Esperanto"}
    content["languages"][CODE] = entry
    write(file, yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    words = root / "unetlib" / "display" / "words"
    english = (words / "en.toml").read_text(encoding="utf-8")
    write(words / f"{CODE}.toml", english.replace('= "', f'= "{CODE} ĝ '))


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    """A copy of tools and library, with the texts of a small book."""
    root = tmp_path_factory.mktemp("book")
    for name in ("book/tools", "book/web", "book/experiments", "unetlib"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("book/languages.yml", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, root / name)
    write_texts(root)
    add_language(root)
    return root


def run(book: Path, *command: str, **environment: str) -> str:
    """What Python prints, with the copies where it looks for modules."""
    path = os.pathsep.join([str(book), str(book / "book" / "tools")])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONUTF8": "1"} | environment
    done = subprocess.run(
        [sys.executable, *command],
        cwd=book,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return done.stdout


@pytest.fixture(scope="module")
def site(book, node_modules) -> Path:
    """The small book, built as it would be published."""
    run(book, "-c", NOTEBOOKS)
    shutil.copytree(node_modules.parent, book / "build" / "npm", copy_function=link)
    address = {"REPOSITORY": "reader/fork", "SITE_URL": ADDRESS}
    run(book, "book/tools/build_site.py", **address)
    return book / "site"


@pytest.fixture(scope="module")
def entries(book) -> dict[str, dict]:
    file = book / "book" / "languages.yml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))["languages"]


def test_figures_and_sliders_speak_it(book):
    code = "from unetlib.display.labels import use_language, label\n"
    speak = "use_language('eo'); print(label('noisy'))"
    assert run(book, "-c", code + speak) == "eo ĝ noisy\n"
    speak = "try: use_language('fr')\nexcept ValueError as error: print(error)"
    told = run(book, "-c", code + speak)
    assert told == 'language must be "en" or "eo" or "zh", got \'fr\'\n'


def test_its_characters_are_in_the_font(book):
    code = "from cut_font import characters; print('ĝ' in characters())"
    assert run(book, "-c", code) == "True\n"


def test_its_notebooks_are_made(site):
    paths = [site / "notebooks" / CODE / f"0{n}_some.ipynb" for n in range(2)]
    for path, time in zip(paths, ("under a minute", "about 3 minutes"), strict=True):
        prose, install, code = nbformat.read(path, as_version=4).cells
        assert f"eo time: eo {time}.\neo line." in prose.source
        assert code.source == 'use_language("eo")'
        assert code.metadata.mystnb.image.alt == "eo figure"
        assert install.source.startswith("# @title eo Install unetlib")
        assert f"{ADDRESS}/eo/troubleshooting.html#no-torch" in install.source


def test_the_root_page_offers_it(site, entries):
    page = parse(site / "index.html")
    offered = {
        link["href"]: (link["hreflang"], link.strong.text, link.strong.next_sibling)
        for link in page.select("nav a")
    }
    assert offered == {
        f"{code}/index.html": (entry["tag"], entry["title"], entry["tagline"])
        for code, entry in entries.items()
    }
    links = page.select('link[hreflang]:not([hreflang="x-default"])')
    assert {t["hreflang"]: t["href"] for t in links} == {
        entry["tag"]: f"{code}/index.html" for code, entry in entries.items()
    }
    assert all(entry["title"] in page.title.text for entry in entries.values())


@pytest.mark.parametrize(
    ("asked", "given"), [("eo", CODE), ("zh-TW", "zh"), ("en-GB", "en"), ("fr", "en")]
)
def test_the_root_page_picks_the_readers_language(site, browser, asked, given):
    with serve(site) as address, browser.new_context(locale=asked) as context:
        page = context.new_page()
        page.goto(address)
        page.wait_for_url(f"{address}/{given}/00_some.html")


def test_every_page_leads_to_the_other_languages(site, entries):
    for code, entry in entries.items():
        for name in ("00_some", "01_some", "troubleshooting", "glossary", "search"):
            page = parse(site / code / f"{name}.html")
            assert page.html["lang"] == entry["tag"]
            switches = {
                link["data-language"]: (link["href"], link["lang"], link.text)
                for link in page.select("a.language-switch")
            }
            assert switches == {
                other: (f"../{other}/{name}.html", entries[other]["tag"], words["name"])
                for other, words in entries.items()
                if other != code
            }
            found = {t["hreflang"]: t["href"] for t in page.select("link[hreflang]")}
            expected = {
                e["tag"]: f"{ADDRESS}/{c}/{name}.html" for c, e in entries.items()
            }
            assert found == expected | {"x-default": f"{ADDRESS}/index.html"}


def test_each_switch_remembers_its_language(site, browser):
    with serve(site) as address, browser.new_context(locale="en") as context:
        page = context.new_page()
        page.goto(f"{address}/en/01_some.html")
        page.click(f"a.language-switch[data-language={CODE}]")
        page.wait_for_url(f"{address}/{CODE}/01_some.html")
        page.goto(address)
        page.wait_for_url(f"{address}/{CODE}/00_some.html")


def test_its_pages_are_in_its_words(site, entries):
    page, words = parse(site / CODE / "01_some.html"), entries[CODE]["words"]
    text = page.text
    for word in ("chapters", "reference", "licence", "mistake", "run_short"):
        assert words[word] in text, word
    assert entries[CODE]["title"] in text and entries[CODE]["tagline"] in text
    services = [item.text.strip() for item in page.select("#book-launches li")]
    told = entries[CODE]["services"].values()
    assert [service[service.index("eo ") :] for service in services[:-1]] == [*told][
        :-1
    ]
    live = page.select_one(".live-denoiser")
    assert live["aria-label"] == words["live"]["name"]
    assert "eo ĝ noise level σ" in live.text


def test_a_chapter_can_be_run_from_its_page(site, entries):
    for code, entry in entries.items():
        for name in ("00_some", "01_some"):
            page = parse(site / code / f"{name}.html")
            menu = page.select("#book-launches a")
            own = {"own": entry["words"]["notebook"]}
            named = [own.get(key, key) for key in entry["services"]]
            assert [place.text for place in menu] == named
            path = f"notebooks/{code}/{name}.ipynb"
            for place in menu:
                if place.text in PLACES:
                    assert place["href"] == f"{PLACES[place.text]}{path}"
                else:
                    assert place["download"] == f"{name}.ipynb"
                    assert place["href"] == f"../{path}"
            assert (site / path).is_file()
            (mistake,) = page.select(".book-licence a")
            assert mistake["href"] == "https://github.com/reader/fork/issues/new/choose"


def test_the_menu_by_keyboard(site, browser):
    with serve(site) as address, browser.new_page() as page:
        page.goto(f"{address}/en/01_some.html")
        colab = page.get_by_role("link", name="Colab")
        assert not colab.is_visible()
        page.locator(".book-run").press("Enter")
        assert colab.is_visible()
        page.keyboard.press("Tab")
        assert colab.evaluate("link => link === document.activeElement")
        page.keyboard.press("Escape")
        assert not colab.is_visible()


def test_its_glossary_has_the_other_languages_terms(site):
    terms = parse(site / CODE / "glossary.html").select("article dt")
    assert [term["id"] for term in terms] == ["loss", "noise"]  # as it is sorted
    said = {t["lang"]: t.text for t in terms[1].select(".other-language")}
    assert said == {"zh-CN": "噪声", "en": "noise"}
