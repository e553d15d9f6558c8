"""Search as a reader uses it: words typed into the page, results followed."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Page
from reader import visit

# What is typed, and where the first result must lead.
SEARCHES = {
    "zh": {
        "均方误差": "03_loss.html#mse",
        "跳跃连接": "02_architecture.html#skip-connections",
        "残差": "05_visualisation.html#residuals",
        "load_mnist": "api.html#unetlib.data.load_mnist",
    },
    "en": {
        "mean squared error": "03_loss.html#mse",
        "Skip connection": "02_architecture.html#skip-connections",
        "residual": "05_visualisation.html#residuals",
        "load_mnist": "api.html#unetlib.data.load_mnist",
    },
}


@pytest.fixture(scope="module")
def page(browser, served) -> Iterator[Page]:
    with visit(browser, served, "zh/search.html") as reader:
        yield reader.page


def search(page: Page, address: str, query: str) -> list[str]:
    """Type a query into a language's search page; returns where its results lead."""
    page.goto(address)
    field = page.locator(".bd-search-container input[name=q]")
    field.fill(query)
    with page.expect_navigation():
        field.press("Enter")
    return page.wait_for_function("reading.results").json_value()


def text_of(place: Tag) -> str:
    """A section's text, or a term's with what is said about it."""
    more = place.find_next_sibling("dd") if place.name == "dt" else None
    text = " ".join(tag.text.lower() for tag in (place, more) if tag)
    return " ".join(text.split())


def wrong_results(found: list[str], folder: Path, query: str) -> list[str]:
    """Pages with the query in them that are missing, or open at a part without it."""
    places = {Path(urlsplit(link).path).name: urlsplit(link).fragment for link in found}
    wrong = []
    for path in folder.glob("*.html"):
        article = BeautifulSoup(path.read_text("utf-8"), "html.parser").article
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
    first = f"{served}/{language}/{SEARCHES[language][query]}"
    assert found[0] == first
    with page.expect_navigation():
        page.locator("ul.search a").first.click()
    assert page.url == first
    assert page.evaluate("reading.hasArrived()")
    assert page.locator("article .highlighted").count() > 0


@pytest.mark.parametrize("language", SEARCHES)
def test_ctrl_k_searches_from_a_chapter(page, served, language):
    page.goto(f"{served}/{language}/03_loss.html")
    page.keyboard.press("Control+k")
    query = next(iter(SEARCHES[language]))
    page.keyboard.type(query)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.wait_for_function("reading.results").json_value()


def test_check_sees_results_that_open_at_the_top(page, site, served):
    page.route("**/book.js*", lambda route: route.fulfill(body=""))
    found = search(page, f"{served}/en/search.html", "mean squared error")
    page.unroute("**/book.js*")
    assert wrong_results(found, site / "en", "mean squared error") != []
