"""Search as a reader uses it: words typed into the page, results followed."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Page
from reader import visit
from website import parse, said

# What is typed, and where the first result must lead.
SEARCHES = {
    "zh": {
        "均方误差": "glossary.html#mse",
        "跳跃连接": "glossary.html#skip-connection",
        "残差": "glossary.html#residual",
        "load_mnist": "api.html#unetlib.data.load_mnist",
    },
    "en": {
        "mean squared error": "03_loss.html#mse",
        "Skip connection": "glossary.html#skip-connection",
        "residual": "glossary.html#residual",
        "load_mnist": "api.html#unetlib.data.load_mnist",
    },
}
TYPED = yaml.safe_load(Path(__file__).with_name("searches.yml").read_text("utf-8"))
MARKED = "[...CSS.highlights.get('found') ?? []].map(String)"


@pytest.fixture(scope="module")
def page(browser, served) -> Iterator[Page]:
    with visit(browser, served, "zh/search.html") as reader:
        yield reader.page


def search(page: Page, address: str, query: str) -> list[str]:
    """Search as the field does it; returns where the results lead."""
    page.goto(f"{address}?q={quote(query)}")
    found = page.wait_for_function("reading.results").json_value()
    return [urlsplit(link)._replace(query="").geturl() for link in found]


def text_of(place: Tag) -> str:
    """A section's text, or a term's with what is said about it."""
    more = place.find_next_sibling("dd") if place.name == "dt" else None
    text = " ".join(said(tag).lower() for tag in (place, more) if tag)
    return " ".join(text.split())


def wrong_results(found: list[str], folder: Path, query: str) -> list[str]:
    """Pages with the query in them that are missing, or open at a part without it."""
    places = {}  # the best result on each page
    for link in found:
        places.setdefault(Path(urlsplit(link).path).name, urlsplit(link).fragment)
    wrong = []
    for path in folder.glob("*.html"):
        article = parse(path).article
        if article is None or query.lower() not in text_of(article):
            continue
        place = article.find(id=unquote(places.get(path.name, "")))
        if place is None or query.lower() not in text_of(place):
            wrong.append(f"{path.name}#{places.get(path.name)}")
    return wrong


@pytest.mark.parametrize(
    ("language", "query"), [(lang, q) for lang in SEARCHES for q in SEARCHES[lang]]
)
def test_results_open_where_the_words_are(page, site, served, language, query):
    found = search(page, f"{served}/{language}/search.html", query)
    assert wrong_results(found, site / language, query) == []
    assert len(found) == len(set(found))
    first = f"{served}/{language}/{SEARCHES[language][query]}"
    assert found[0] == first
    with page.expect_navigation():
        page.locator("ul.search a").first.click()
    page.wait_for_url(first)
    assert page.evaluate("reading.hasArrived()")
    assert page.evaluate(MARKED)


@pytest.mark.parametrize("language", TYPED)
def test_what_readers_type_is_among_the_first_three(page, served, language):
    typed = TYPED[language]
    search(page, f"{served}/{language}/search.html", "PSNR")
    found = page.evaluate(
        "(typed) => typed.map((q) => find(q).hits.slice(0, 3).map(({ id }) => id))",
        list(typed),
    )
    first = dict(zip(typed, found, strict=True))
    wanted = {query: place.replace("#", ".html#") for query, place in typed.items()}
    missed = {
        query: first[query] for query in typed if wanted[query] not in first[query]
    }
    assert len(missed) <= 1, missed


SAME = {
    "zh": [("殘差", "残差"), ("批次大小", "批量大小"), ("３×３", "3 x 3")],
    "en": [("gray", "grey"), ("center", "centre"), ("batchsize", "batch size")],
}


@pytest.mark.parametrize("language", SAME)
def test_other_spellings_find_the_same(page, served, language):
    search(page, f"{served}/{language}/search.html", "PSNR")
    ids = "(pair) => pair.map((q) => find(q).hits.map(({ id }) => id).join())"
    for pair in SAME[language]:
        first, second = page.evaluate(ids, list(pair))
        assert first and first == second, pair


@pytest.mark.parametrize("stopwords", ["[...stopwords]", "new Set(stopwords)"])
def test_stopwords_may_be_a_list_or_a_set(page, site, served, stopwords):
    """Sphinx had the one up to version 8, and has the other since."""
    data = (site / "en/_static/language_data.js").read_text("utf-8")
    data = re.sub(r"(var|const) stopwords", "var stopwords", data)
    page.route(
        "**/language_data.js*",
        lambda route: route.fulfill(body=f"{data}\nstopwords = {stopwords};"),
    )
    found = search(page, f"{served}/en/search.html", "the residual")
    page.unroute("**/language_data.js*")
    assert found[0].endswith("glossary.html#residual")


@pytest.mark.parametrize("language", SEARCHES)
def test_ctrl_k_searches_from_a_chapter(page, served, language):
    page.goto(f"{served}/{language}/03_loss.html")
    page.keyboard.press("Control+k")
    query = next(iter(SEARCHES[language]))
    page.keyboard.type(query)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.wait_for_function("reading.results").json_value()


@pytest.mark.parametrize(
    ("language", "query", "meant"),
    [("zh", "跳越连接", "跳跃连接"), ("en", "skip conection", "skip connection")],
)
def test_a_slip_of_the_hand_is_named(page, served, language, query, meant):
    search(page, f"{served}/{language}/search.html", query)
    page.locator(".search-summary + p a").click()
    page.wait_for_function("reading.results")
    assert page.locator("input[name=q]").first.input_value() == meant
    assert page.locator(".search-summary + p").count() == 0


def follow_the_first(page: Page, address: str, query: str) -> None:
    search(page, address, query)
    with page.expect_navigation():
        page.locator("ul.search a").first.click()


def test_whole_words_are_marked_and_only_once(page, served):
    address = f"{served}/en/search.html"
    follow_the_first(page, address, "U-Net")
    marked = {word.lower() for word in page.evaluate(MARKED)}
    assert "u-net" in marked and marked <= {"u-net", "u-nets", "unet"}
    page.keyboard.press("Escape")
    assert page.evaluate(MARKED) == []
    follow_the_first(page, address, "nn.Conv2d")
    assert set(page.evaluate(MARKED)) == {"nn.Conv2d"}  # three elements in the code
    page.reload()
    assert page.evaluate(MARKED) == []
    search(page, address, "U-Net")
    page.locator("nav a", has_text="02 ").first.click()  # not by a result
    page.wait_for_url("**/02_*")
    assert page.evaluate(MARKED) == []


def luminance(colour: str) -> float:
    """Of a colour 'rgb(…)', as WCAG defines it."""
    shares = [int(c) / 255 for c in colour[4:-1].split(",")]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marks_can_be_read(page, served, theme):
    style = """([selector, pseudo]) => {
      const style = getComputedStyle(document.querySelector(selector), pseudo);
      return [style.color, style.backgroundColor];
    }"""
    themed = f"document.documentElement.dataset.theme = '{theme}'"
    search(page, f"{served}/en/search.html", "U-Net")
    page.evaluate(themed)
    pairs = [page.evaluate(style, ["ul.search mark", None])]
    follow_the_first(page, f"{served}/en/search.html", "U-Net")
    page.evaluate(themed)
    pairs.append(page.evaluate(style, ["article p", "::highlight(found)"]))
    for pair in pairs:
        low, high = sorted(map(luminance, pair))
        assert (high + 0.05) / (low + 0.05) >= 4.5, pair


def test_quotes_are_prose(page, served):
    """Not the words of the live denoiser's controls, in the first chapter."""
    labels = page.request.get(f"{served}/zh/00_welcome.html").text()
    demo = (
        BeautifulSoup(labels, "html.parser").select_one(".live-denoiser").text.split()
    )
    search(page, f"{served}/zh/search.html", "去噪")
    first = page.locator('ul.search li:has(a[href*="00_welcome"]) .context')
    quotes = " ".join(first.all_text_contents())
    assert (
        demo
        and quotes
        and not [word for word in demo if len(word) > 6 and word in quotes]
    )


def test_check_sees_results_that_open_at_the_top(page, site, served):
    script = (site / "en/_static/book-search.js").read_text("utf-8")
    spoilt = script.replace("#${place}", "")
    assert spoilt != script
    page.route("**/book-search.js*", lambda route: route.fulfill(body=spoilt))
    found = search(page, f"{served}/en/search.html", "mean squared error")
    page.unroute("**/book-search.js*")
    assert wrong_results(found, site / "en", "mean squared error") != []
