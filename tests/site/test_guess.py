"""Outputs that a question precedes are folded until the reader has guessed."""

import re
from collections.abc import Iterator

import pytest
from chapters import NAMES
from languages import LANGUAGES
from live_parts import without_complaint
from playwright.sync_api import Page
from test_reading import AXE, NARROW
from website import parse

CHAPTER = "01_data"
LEAST = 5  # questions in a chapter


@pytest.fixture(params=LANGUAGES)
def page(request, browser, served) -> Iterator[Page]:
    context = browser.new_context()
    with without_complaint(context) as page:
        page.goto(f"{served}/{request.param}/{CHAPTER}.html")
        yield page
    context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chapter_asks(site, language):
    asked = re.compile(LANGUAGES[language].words["questions"]["asked"])
    for path in (site / language / f"{name}.html" for name in NAMES):
        cells = parse(path).select(".cell.book-asked")
        assert len(cells) >= LEAST, path
        for cell in cells:
            assert cell.select(".cell_output") and "tag_live" not in " ".join(
                cell["class"]
            )
            above = cell.find_previous_sibling()
            above = above if above.name == "p" else above.find_previous_sibling("p")
            assert asked.search(above.text), cell


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_ask_the_same(site, name):
    pages = [parse(site / code / f"{name}.html") for code in LANGUAGES]
    asked = [
        ["book-asked" in cell["class"] for cell in page.select(".cell")]
        for page in pages
    ]
    assert asked[0] == asked[1]


def test_there_is_room_to_guess_on_the_narrowest_phone(page):
    page.set_viewport_size(NARROW)
    assert page.locator(".book-guess").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


def test_a_guess_opens_one_output_and_stands_beside_it(page):
    cells = page.locator(".cell.book-asked")
    first, second = cells.nth(0), cells.nth(1)
    assert first.locator(".cell_output").is_hidden()
    first.locator("form button").first.click()  # nothing written: nothing happens
    assert first.locator(".cell_output").is_hidden()
    assert first.locator("input").evaluate("e => e === document.activeElement")
    page.keyboard.type("42")
    page.keyboard.press("Enter")
    assert first.locator(".cell_output").is_visible()
    assert "42" in first.locator(".book-guessed").inner_text()
    assert first.locator("form").is_hidden()
    assert second.locator(".cell_output").is_hidden()
    second.locator("form button").nth(1).click()
    assert second.locator(".cell_output").is_visible()


def test_who_does_not_want_to_guess_sees_all_and_so_it_stays(page):
    outputs = page.locator(".cell.book-asked .cell_output")
    box = page.locator(".book-answers input")
    box.check()
    assert all(output.is_visible() for output in outputs.all())
    page.reload()
    assert box.is_checked() and outputs.first.is_visible()
    box.uncheck()
    assert outputs.first.is_hidden()


def test_paper_and_pages_without_scripts_show_all(page, browser):
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    outputs = page.locator(".cell.book-asked .cell_output").all()
    assert outputs and all(output.is_visible() for output in outputs)
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(page.url)
    outputs = plain.locator(".cell.book-asked .cell_output").all()
    assert outputs and all(output.is_visible() for output in outputs)
    context.close()


def test_an_address_of_a_figure_shows_it(page):
    inside = page.locator(".book-asked + [id^=figure-]").first.get_attribute("id")
    page.goto(f"{page.url}#{inside}")
    page.reload()
    assert page.locator(f"#{inside}").is_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_folded_page_is_accessible(browser, served, language):
    page = browser.new_page()
    page.goto(f"{served}/{language}/{CHAPTER}.html")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate("axe.run('.book-guess')")["violations"] == []
    page.close()
