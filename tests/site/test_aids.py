"""What the build adds for readers: links to the glossary, the time a chapter takes."""

import book_glossary
import book_opening
import pytest
from languages import LANGUAGES
from sources import read_glossary, terms
from website import pages, parse

TERMS = {
    "error": "error",
    "mean squared error": "mse",
    "error message": "",
    "MSE": "mse",
    "batch": "batch",
    "误差": "error",
    "均方误差": "mse",
    "轮": "epoch",
    "轮廓": "",
    "Tweedie 公式": "tweedie",
}


def linked(*texts: str, already: tuple = ()) -> list[str]:
    uses = book_glossary.first_uses(list(texts), TERMS, set(already))
    return [f"{texts[n][start:stop]}: {term}" for n, start, stop, term in uses]


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["The error, this error."], ["error: error"]),
        (["one", "Errors here", "an error"], ["Errors: error"]),
        (["the mean squared error"], ["mean squared error: mse"]),
        (["An error message is no error."], ["error: error"]),
        (["MSE", "mean squared error"], ["MSE: mse"]),
        (["mse, terror, error-free, mini-batch, batched"], []),
        (["batches of eight"], ["batches: batch"]),
        (["均方误差是误差的平方"], ["均方误差: mse", "误差: error"]),
        (["数字的轮廓，训练三轮"], ["轮: epoch"]),
        (["用Tweedie 公式算"], ["Tweedie 公式: tweedie"]),
        ([""], []),
    ],
)
def test_the_first_use_of_a_term_is_linked(texts, found):
    assert linked(*texts) == found


def test_a_term_that_the_author_linked_gets_no_second_link():
    assert linked("an error in a batch", already=("error",)) == ["batch: batch"]


def test_without_terms_nothing_is_linked():
    assert list(book_glossary.first_uses(["text"], {}, set())) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_exceptions_hold_a_term(language):
    """A wording under not_zh or not_en that no term is part of would do nothing."""
    entries = {entry["id"]: entry[language] for entry in read_glossary()}
    exceptions = [wording for wording, term in terms(language).items() if not term]
    for wording in exceptions:
        assert any(t.casefold() in wording.casefold() for t in entries.values()), (
            wording
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_chapters_link_to_the_glossary(site, language):
    known = {entry["id"] for entry in read_glossary()}
    for page in pages(site, language):
        links = [a["href"] for a in parse(page).select("a.book-term")]
        ids = [link.removeprefix("glossary.html#") for link in links]
        assert len(ids) == len(set(ids)) and set(ids) <= known, page
        assert bool(ids) == (page.stem[:2].isdigit()), page
        inside = (
            "h1 a.book-term, h2 a.book-term, pre a.book-term, a a, code a.book-term"
        )
        assert parse(page).select(inside) == [], page


def test_reading_takes_time():
    words, han, line = "word " * 2000, "字" * 3500, "x = 1\n\n" * 200
    assert book_opening.minutes(words, "") == book_opening.minutes(han, "") == 10
    assert book_opening.minutes("", line) == 10
    assert book_opening.minutes(words + han, line) == 30
    assert book_opening.minutes("short", "") == 5
    assert book_opening.minutes("two words, 3.14 and_more", "") == 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chapter_says_how_long_it_takes(site, language):
    said = LANGUAGES[language].words["reading"]
    for page in pages(site, language):
        lines = parse(page).select("h1 + .book-time")
        assert len(lines) == page.stem[:2].isdigit(), page
        for line in lines:
            before, after = said.split("{}")
            number = line.text.removeprefix(before).removesuffix(after)
            assert 5 <= int(number) <= 120, line


def test_code_is_marked_up_only_where_it_has_a_colour(site):
    article = parse(site / "en/02_architecture.html").article
    assert article.select(".highlight .k") and article.select(".highlight .s2")
    assert not article.select(".highlight :is(.n, .o, .p, .w)")


def test_a_page_fetches_the_fonts_that_it_needs_and_copies_later(site):
    for page, formulas in (("en/03_loss", True), ("en/api", False)):
        head = parse(site / f"{page}.html").head
        fonts = {link["href"] for link in head.select("link[rel=preload][as=font]")}
        names = {"sans.woff2", "mono.woff2"} | ({"math.woff"} if formulas else set())
        assert fonts == {f"_static/fonts/{name}" for name in names}
        for name in fonts:
            assert (site / "en" / name).exists()
        scripts = head.select("script[src*=clipboard], script[src*=copybutton]")
        assert len(scripts) == 2 and all(s.has_attr("defer") for s in scripts)
