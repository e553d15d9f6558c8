"""Both languages side by side: every paragraph beside its own."""

import pytest
from chapters import NAMES
from languages import LANGUAGES
from live_parts import without_complaint
from website import parse

FIRST, OTHER = LANGUAGES
MADE = {"book-time", "book-sources", "live-door"}
READ = {"p", "ul", "ol", "blockquote", "table", "details"}


def blocks(section) -> list[str]:
    """The kinds of what is read in a section, in their order."""
    return [
        child.name
        for child in section.find_all(recursive=False)
        if child.name in READ and not MADE & {*child.get("class", ())}
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_sections_of_both_languages_have_the_same_blocks(site, name):
    pages = [parse(site / language / f"{name}.html") for language in LANGUAGES]
    sections = [page.select("article section[id]") for page in pages]
    assert [s["id"] for s in sections[0]] == [s["id"] for s in sections[1]]
    for one, other in zip(*sections, strict=True):
        assert blocks(one) == blocks(other), one["id"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_paragraph_has_the_other_beside_it_and_loses_it_again(
    browser, served, site, language
):
    (other,) = LANGUAGES.keys() - {language}
    with without_complaint(browser) as page:
        page.goto(f"{served}/{language}/02_architecture.html")
        before = page.locator("article p").count()
        button = page.locator(".book-both")
        button.click()
        beside = page.locator(".book-beside")
        beside.first.wait_for()
        section = parse(site / other / "02_architecture.html").select_one("#gelu")
        texts = page.locator("#gelu > .book-beside > p").all_inner_texts()
        expected = [p.text for p in section.find_all("p", recursive=False)]
        squeeze = "".join
        assert [squeeze(t.split()) for t in texts][0] == squeeze(expected[0].split())
        assert beside.first.get_attribute("lang") == LANGUAGES[other].tag
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
        assert len(ids) == len({*ids})
        assert button.get_attribute("aria-pressed") == "true"
        button.click()
        assert beside.count() == 0 and page.locator("article p").count() == before


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_is_offline_is_told(browser, served, language):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served}/{language}/02_architecture.html")
    context.set_offline(True)
    page.locator(".book-both").click()
    told = page.locator(".book-beside")
    told.wait_for()
    assert told.inner_text() == LANGUAGES[language].words["alone"]
    assert page.locator(".book-both").get_attribute("aria-pressed") == "false"
    context.close()
