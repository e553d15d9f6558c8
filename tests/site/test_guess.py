"""Outputs that a question precedes are folded until the reader has guessed."""

import re
from collections.abc import Iterator

import pytest
from book_guess import GUESSES, read_guesses
from chapters import NAMES, committed
from languages import LANGUAGES
from live_parts import without_complaint
from playwright.sync_api import Locator, Page
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


@pytest.mark.parametrize("name", NAMES)
def test_guesses_belong_to_questions_and_can_be_told(site, name):
    """In each language, all of them; choices differ, and the right one is there."""
    guesses = read_guesses(name)
    assert len(guesses) >= LEAST
    for guess in guesses.values():
        assert guess.keys() in ({"number"}, {"choices", "right"})
        choices = guess.get("choices", [])
        assert guess.get("right", 0) <= len(choices)
        for code in LANGUAGES:
            assert len({choice[code] for choice in choices}) == len(choices)
    cells = {cell.id for cell in committed(name, "en").cells}
    assert guesses.keys() <= cells
    for code in LANGUAGES:
        page = parse(site / code / f"{name}.html")
        told = page.select(".book-guessed[data-answer]")
        assert len(told) == len(guesses)
        offered = [
            len(f.select("input")) for f in page.select(".book-guess:has(fieldset)")
        ]
        wanted = [len(g["choices"]) for g in guesses.values() if "choices" in g]
        assert sorted(offered) == sorted(wanted)


def test_there_are_numbers_choices_and_pictures():
    every = [g for name in NAMES for g in read_guesses(name).values()]
    drawn = [g for g in every if {"curve", "grey"} & g.get("choices", [{}])[0].keys()]
    assert sum("number" in g for g in every) >= LEAST
    assert len(drawn) >= LEAST and len(every) > 60
    assert {path.stem for path in GUESSES.glob("*.yml")} == {*NAMES}


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


@pytest.mark.parametrize("chosen", [0, 1])
def test_a_choice_is_compared(page, chosen):
    """Of the greys that the strokes may have; the one in the middle is right."""
    cell = page.locator(".cell.book-asked:has(.book-grey)").first
    choices = cell.locator("fieldset label")
    assert all(box["height"] >= 24 for box in map(Locator.bounding_box, choices.all()))
    said = choices.nth(chosen).inner_text().strip()
    choices.nth(chosen).click()
    cell.locator("form button").first.click()
    assert cell.locator(".cell_output").is_visible()
    told = cell.locator(".book-guessed").inner_text()
    assert said in told and ("✓" in told) == (chosen == 1)


@pytest.mark.parametrize(("guess", "right"), [("0.5", True), ("1", False)])
def test_a_number_is_compared(page, guess, right):
    """The brightest pixel divided by 512 is 0.498…; as good as that counts."""
    cell = page.locator('.cell.book-asked:has([data-answer="0.498046875"])')
    cell.locator("form input").fill(guess)
    page.keyboard.press("Enter")
    told = cell.locator(".book-guessed").inner_text()
    assert guess in told and ("✓" in told) == right
    assert right or "0.498046875" in told


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
