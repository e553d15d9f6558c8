"""What the reader has done is kept in the browser, shown, saved and read again."""

import json
from collections.abc import Iterator

import pytest
from live_parts import without_complaint
from playwright.sync_api import Locator, Page
from quizzes import read_quiz
from solutions import answers

CHAPTER = "02_architecture"


@pytest.fixture
def page(browser) -> Iterator[Page]:
    context = browser.new_context()
    with without_complaint(context) as page:
        yield page
    context.close()


def box(page: Page, kind: str, name: str) -> Locator:
    return page.locator(f'.book-done [data-kind="{kind}"][data-name="{name}"]')


def count(page: Page, kind: str, of: str) -> int:
    place = page.locator(f'[data-progress="{kind}"][data-of="{of}"]')
    return int(place.inner_text())


def kept(page: Page) -> dict:
    return json.loads(page.evaluate("localStorage.getItem('book-progress')") or "{}")


def test_what_is_ticked_stays_in_both_languages(page, served):
    page.goto(f"{served}/en/{CHAPTER}.html")
    for kind, name in (("solved", "02-1"), ("solved", "02-3"), ("read", CHAPTER)):
        box(page, kind, name).check()
    page.goto(f"{served}/zh/{CHAPTER}.html")
    assert box(page, "solved", "02-3").is_checked()
    assert not box(page, "solved", "02-2").is_checked()
    box(page, "solved", "02-3").uncheck()
    page.goto(f"{served}/en/progress.html")
    assert count(page, "read", CHAPTER) == 1 and count(page, "solved", "02") == 1
    assert count(page, "read", "01_data") == 0 and count(page, "solved", "01") == 0
    assert page.locator(".bd-docs-nav a.book-read").count() == 1


def test_the_page_knows_how_many_there_are(page, served):
    page.goto(f"{served}/en/progress.html")
    row = page.locator("tr", has=page.locator(f'[data-of="{CHAPTER}"]')).inner_text()
    exercises = {number for number, _ in answers(CHAPTER)}
    for number in (1, len(exercises), len(read_quiz(CHAPTER))):
        assert f"0/{number}" in row


def test_a_question_counts_if_the_first_choice_is_right(page, served):
    page.goto(f"{served}/en/{CHAPTER}.html")
    quiz = read_quiz(CHAPTER)
    starts = [sum(len(q["choices"]) for q in quiz[:n]) for n in range(len(quiz))]

    def open_choice(question: int, right: bool) -> None:
        choices = quiz[question]["choices"]
        found = next(n for n, c in enumerate(choices) if bool(c.get("right")) == right)
        choice = page.locator("#quiz details.choice").nth(starts[question] + found)
        choice.locator("summary").click()
        choice.locator("p").wait_for()

    open_choice(0, right=True)
    open_choice(1, right=False)
    open_choice(1, right=True)
    open_choice(2, right=True)
    page.wait_for_function("localStorage.getItem('book-progress')?.includes('02-3')")
    assert kept(page)["quiz"] == ["02-1", "02-3"]


def test_a_file_keeps_it(page, served, tmp_path):
    page.goto(f"{served}/zh/{CHAPTER}.html")
    box(page, "solved", "02-2").check()
    page.goto(f"{served}/zh/progress.html")
    keep, forget = page.locator(".book-progress button").all()
    with page.expect_download() as saved:
        keep.click()
    file = tmp_path / "progress.json"
    saved.value.save_as(file)
    page.on("dialog", lambda dialog: dialog.accept())
    forget.click()
    assert count(page, "solved", "02") == 0
    page.goto(f"{served}/zh/{CHAPTER}.html")
    box(page, "solved", "02-1").check()
    page.goto(f"{served}/zh/progress.html")
    page.locator(".book-progress input").set_input_files(file)
    page.locator(".book-progress output", has_text="progress.json").wait_for()
    assert count(page, "solved", "02") == 2


@pytest.mark.parametrize("text", ["", "[]", '{"read": "02"}', '{"read": ["<b>"]}', "{"])
def test_what_is_no_progress_changes_nothing(page, served, tmp_path, text):
    page.goto(f"{served}/en/{CHAPTER}.html")
    box(page, "solved", "02-2").check()
    before = kept(page)
    page.goto(f"{served}/en/progress.html")
    file = tmp_path / "other.json"
    file.write_text(text)
    page.locator(".book-progress input").set_input_files(file)
    page.locator(".book-progress output", has_text="other.json").wait_for()
    assert kept(page) == before and count(page, "solved", "02") == 1
    page.evaluate("(text) => localStorage.setItem('book-progress', text)", text)
    page.reload()
    assert count(page, "solved", "02") == 0


def test_without_storage_the_page_still_works(browser, served):
    page = browser.new_page()  # the theme's own scripts complain
    page.add_init_script(
        "Object.defineProperty(globalThis, 'localStorage', "
        "{ get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    page.goto(f"{served}/en/{CHAPTER}.html")
    box(page, "solved", "02-1").click()
    page.goto(f"{served}/en/progress.html")
    assert count(page, "solved", "02") == 0
    page.close()
