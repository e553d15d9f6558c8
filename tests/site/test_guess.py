"""Outputs that a question precedes are folded until the reader has guessed."""

from collections.abc import Iterator

import pytest
from languages import LANGUAGES
from live_parts import without_complaint
from playwright.sync_api import Page
from test_reading import AXE
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
    asked = LANGUAGES[language].words["questions"]["asked"].replace("[Gg]", "")
    for path in sorted((site / language).glob("[0-9][0-9]_*.html")):
        cells = parse(path).select(".cell.book-asked")
        assert len(cells) >= LEAST, path
        for cell in cells:
            assert cell.select(".cell_output") and "tag_live" not in " ".join(
                cell["class"]
            )
            assert asked in cell.find_previous("p").text, cell


def test_both_languages_ask_the_same(site):
    counts = [
        [
            len(parse(path).select(".book-asked"))
            for path in sorted((site / language).glob("[0-9][0-9]_*.html"))
        ]
        for language in LANGUAGES
    ]
    assert all(abs(a - b) <= 2 for a, b in zip(*counts, strict=True)), counts


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
    inside = page.locator(".book-asked + p > [id^=figure-]").first.get_attribute("id")
    page.goto(f"{page.url}#{inside}")
    page.reload()
    assert page.locator(f"#{inside}").locator("..").is_visible()


def test_a_folded_page_is_accessible(page):
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run('.book-guess')")
    assert found["violations"] == []
