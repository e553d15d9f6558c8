"""The questions of each chapter: enough, and each choice is told what it shows."""

import pytest
import rules
from chapters import CHAPTERS, NAMES
from languages import LANGUAGES
from quizzes import QUIZZES, quiz, read_quiz
from rules import Text
from terms import read_glossary

LEAST = 50
QUESTIONS = [
    pytest.param(name, question, id=f"{name}-{number}")
    for name in NAMES
    for number, question in enumerate(read_quiz(name), 1)
]


@pytest.mark.parametrize("name, question", QUESTIONS)
def test_one_choice_is_right_and_each_has_its_own_feedback(name, question):
    choices = question["choices"]
    assert 3 <= len(choices) <= 4
    assert [choice.get("right") for choice in choices].count(True) == 1
    for language in LANGUAGES:
        assert question[language].strip()
        for key in (language, f"{language}_text"):
            said = [choice[key].strip() for choice in choices]
            assert all(said) and len({*said}) == len(said)


def test_there_are_enough():
    assert len(QUESTIONS) >= LEAST


def test_the_right_choice_is_not_always_the_same():
    places = [
        [bool(choice.get("right")) for choice in question.values[1]["choices"]].index(
            True
        )
        for question in QUESTIONS
    ]
    assert all(places.count(place) >= len(places) / 6 for place in range(3))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_right_choice_is_not_told_by_its_length(language):
    """The longest is right about as often as any other: half as often again at most."""

    def right_is_longest(choices: list[dict]) -> bool:
        longest = max(choices, key=lambda choice: len(choice[language]))
        return longest.get("right", False)

    found = [question.values[1]["choices"] for question in QUESTIONS]
    by_chance = sum(1 / len(choices) for choices in found)
    assert sum(map(right_is_longest, found)) <= 1.5 * by_chance


@pytest.mark.parametrize("path", CHAPTERS, ids=NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_questions_are_written_as_the_book_is(path, language):
    text = Text(QUIZZES / f"{path.stem}.yml", 1, language, quiz(path.stem, language))
    found = [*rules.wordings(text, read_glossary()), *rules.typesetting(text)]
    assert not [*map(str, [*found, *rules.measured(text)])]
    assert "{{quiz}}" in path.read_text(encoding="utf-8")
