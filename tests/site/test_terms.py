"""A term's meaning beside it, on hover, focus and tap; and where each term is used."""

import re
from collections.abc import Iterator

import pytest
from languages import LANGUAGES
from live_parts import without_complaint
from playwright.sync_api import Locator, Page
from sources import read_glossary
from website import parse

ENTRIES = {entry["id"]: entry for entry in read_glossary()}
CHAPTER = "01_data"


@pytest.fixture
def page(browser, served, language) -> Iterator[Page]:
    with without_complaint(browser) as page:
        page.goto(f"{served}/{language}/{CHAPTER}.html")
        yield page


@pytest.fixture(params=LANGUAGES)
def language(request) -> str:
    return request.param


def card(page: Page) -> Locator:
    return page.locator(".book-card")


def expected(link: Locator, language: str) -> str:
    entry = ENTRIES[link.get_attribute("href").partition("#")[2]]
    others = [entry[code] for code in LANGUAGES if code != language]
    return "".join([*others, entry[f"{language}_text"]])


def said(page: Page) -> str:
    return "".join(card(page).inner_text().split())


def test_hovering_shows_the_meaning_and_leaving_hides_it(page, language):
    link = page.locator("a.book-term").nth(1)
    assert card(page).is_hidden()
    link.hover()
    assert said(page) == "".join(expected(link, language).split())
    card(page).hover()  # one may go there, to select its words
    page.wait_for_timeout(400)
    assert card(page).is_visible()
    page.mouse.move(0, 0)
    card(page).wait_for(state="hidden")


def test_the_keyboard_shows_it_and_escape_hides_it(page, language):
    link = page.locator("a.book-term").nth(1)
    link.evaluate("link => link.focus({ focusVisible: true })")
    assert said(page) == "".join(expected(link, language).split())
    page.keyboard.press("Escape")
    assert card(page).is_hidden()
    described = page.locator(f"#{link.get_attribute('aria-describedby')}")
    assert "".join(described.text_content().split()) == "".join(
        expected(link, language).split()
    )


def test_the_first_tap_shows_it_and_the_second_leads_to_the_glossary(
    browser, served, language
):
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    with without_complaint(context) as page:
        page.goto(f"{served}/{language}/{CHAPTER}.html")
        link = page.locator("a.book-term").nth(2)
        link.tap()
        assert said(page) == "".join(expected(link, language).split())
        box = card(page).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
        assert CHAPTER in page.url
        link.tap()
        page.wait_for_url(re.compile(r"glossary\.html#"))
    context.close()


def test_the_glossary_says_where_each_term_is_used(site, language):
    folder = site / language
    uses = {
        item["id"]: [a["href"] for a in item.find_next("dd").select(".book-uses a")]
        for item in parse(folder / "glossary.html").select("dt[id]")
    }
    assert uses.keys() == ENTRIES.keys()
    linked = {}
    for path in sorted(folder.glob("[0-9][0-9]_*.html")):
        for link in parse(path).select("a.book-term"):
            term = link["href"].partition("#")[2]
            linked.setdefault(term, []).append(
                f"{path.name}#{link.find_parent('section')['id']}"
            )
    for term, places in linked.items():
        assert {*places} <= {*uses[term]}, term
    for places in uses.values():
        chapters = [place.partition("_")[0] for place in places]
        assert chapters == sorted({*chapters})  # once each, in their order


def test_there_are_enough_terms():
    assert len(ENTRIES) >= 90
