"""Each exercise answers back: what is right, and what each mistake overlooks."""

import re

import pytest
from building import ROOT
from chapters import CHAPTERS, NAMES
from languages import LANGUAGES
from manuscript import read_cells
from prose import finished_code
from quizzes import read_quiz
from solutions import answers, cells_before, slow

from unetlib import UnetlibError, check, use_language
from unetlib.exercises import CHAPTERS as MODULES
from unetlib.exercises import WORDS, _words, feedback, verdict

BLOCKS = [(name, *which) for name in NAMES for which in answers(name)]
EXERCISES = sorted({(name, number) for name, number, _ in BLOCKS})
LEAST, LEAST_WRONG = 40, 80


@pytest.fixture(scope="module")
def chapter():
    """What the cells that a chapter's answers need leave behind, by chapter."""
    states = {}

    def state(name: str) -> dict:
        if name not in states:
            (path,) = [path for path in CHAPTERS if path.stem == name]
            wanted, names = ["setup", *cells_before(name)], {}
            cells = {cell.metadata.get("name"): cell for cell in read_cells(path)}
            for cell in wanted:
                exec(finished_code(cells[cell].source, name, "en"), names)
            states[name] = names
        return dict(states[name])

    return state


@pytest.mark.parametrize(
    "name, number, word",
    [
        pytest.param(name, *which, marks=[pytest.mark.weekly] * (which in slow(name)))
        for name in NAMES
        for which in answers(name)
    ],
)
def test_an_answer_is_called_what_it_is(chapter, name, number, word):
    names = chapter(name)
    exec(answers(name)[number, word], names)
    assert verdict(number, names["answer"]) == word


@pytest.mark.parametrize("name, number", EXERCISES)
def test_each_answer_is_told_something_of_its_own(name, number):
    words = {word for _, one, word in BLOCKS if one == number}
    assert "right" in words and len(words) >= 3
    for language in LANGUAGES:
        said = _words(language, number[:2])[number]
        assert {*said} == {*words, "wanted"}
        assert len({*said.values()}) == len(said) and all(said.values())


def test_there_are_as_many_as_the_readme_says():
    questions = sum(len(read_quiz(name)) for name in NAMES)
    for readme, said in {
        "README.md": f"{len(EXERCISES)} exercises and {questions} quiz questions",
        "README.zh.md": f"{len(EXERCISES)} 道练习和 {questions} 道小测题",
    }.items():
        assert said in (ROOT / readme).read_text(encoding="utf-8")


def test_there_are_enough():
    assert len(EXERCISES) >= LEAST
    assert sum(word != "right" for *_, word in BLOCKS) >= LEAST_WRONG


@pytest.mark.parametrize("path", CHAPTERS, ids=NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chapter_asks_gives_a_hint_and_checks(path, language):
    """In this order: the exercise, a cell for the answer, and what one may unfold."""
    cells = [c for c in read_cells(path) if c.metadata.get("lang") in (language, None)]
    numbers = [number for name, number in EXERCISES if name == path.stem]
    asked = [
        (n, cell)
        for n, cell in enumerate(cells)
        if re.match(r"exercise-\d", cell.metadata.get("name", ""))
    ]
    assert [f"{path.name[:2]}-{c.metadata.name[-1]}" for _, c in asked] == numbers
    for (n, cell), number in zip(asked, numbers, strict=True):
        assert cell.source.endswith(f'check("{number}", answer)')
        before, after = cells[n - 1].source, cells[n + 1].source
        assert f"{{#exercise-{number[-1]}}}" in before
        assert "<details>" in after and f"{{{{solution/{number}}}}}" in after
        assert after.count("<details>") >= 2  # a hint, and the solution


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_for_exercises_that_there_are(language):
    files = {path.stem for path in (WORDS / language).glob("*.toml")}
    assert files == {*MODULES, "common"}
    for chapter in MODULES:
        known = {number for _, number in EXERCISES if number.startswith(chapter)}
        assert {*_words(language, chapter)} == known


@pytest.mark.parametrize("_name, number", EXERCISES)
@pytest.mark.parametrize("answer", ["?!", object(), [], {}, float("nan")])
def test_no_answer_breaks_a_check(_name, number, answer):
    assert verdict(number, answer) in ("unusable", "other")


@pytest.mark.parametrize("language, said", [("zh", "对"), ("en", "Right")])
def test_check_speaks_the_language_in_use(capsys, language, said):
    use_language(language)
    check("02-1", 177_185)
    check("02-1", None)
    right, empty = capsys.readouterr().out.splitlines()
    assert said in right and "None" in empty
    assert "SkipUnet" in empty  # what is asked for


@pytest.mark.parametrize("number", ["02-9", "2-1", "99-1", "", 2.1, None])
def test_an_exercise_that_there_is_not_is_refused(number):
    with pytest.raises(UnetlibError, match="no exercise"):
        check(number, 1)


def test_feedback_falls_back_on_what_can_be_said_of_any():
    use_language("en")
    assert feedback("02-1", "other").startswith("✗ Not yet.")
