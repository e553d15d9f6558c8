"""The exercises of the book answer back: `check("02-1", answer)`.

A module for each chapter holds a function for each of its exercises, which looks at an
answer and says in a word what it shows: "right", or a misconception. What the reader is
told stands in `words/LANGUAGE/NN.toml`, by exercise and that word; `common.toml` holds
what can be said of any. Nothing is sent anywhere.
"""

import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

from unetlib.checks import UnetlibError
from unetlib.display.labels import language
from unetlib.exercises.answers import Unusable

CHAPTERS = {
    "00": "welcome",
    "01": "data",
    "02": "architecture",
    "03": "loss",
    "04": "training",
    "05": "visualisation",
    "06": "evaluation",
    "07": "understanding",
    "08": "applications",
    "09": "generation",
    "10": "speed",
}
WORDS = Path(__file__).parent / "words"


def check(number: str, answer: object) -> None:
    """Print whether the answer to an exercise is right, and if not, what it overlooks.

    number: chapter and exercise, such as "02-1". answer: what the exercise asks for, or
    None before there is one.
    Raises UnetlibError for an exercise that the book has not.
    """
    print(feedback(number, verdict(number, answer)))


def verdict(number: str, answer: object) -> str:
    """A word for what the answer shows: "right", a misconception of that exercise, or
    one of any: "empty", "unusable", "other"."""
    judge = _judge(number)
    if answer is None:
        return "empty"
    try:
        return judge(answer)
    except Unusable:
        return "unusable"


def feedback(number: str, word: str) -> str:
    """What the reader is told, in the language in use."""
    mine, common = _words(language(), number[:2]), _words(language(), "common")
    said = mine[number].get(word) or common[word]
    if word in common:  # and what was asked for
        said += common["gap"] + mine[number]["wanted"]
    return f"{common['marks'].get(word, common['marks']['wrong'])} {said}"


def _judge(number: str):
    chapter, _, exercise = str(number).partition("-")
    if chapter in CHAPTERS:
        module = import_module(f"{__name__}.{CHAPTERS[chapter]}")
        judge = getattr(module, f"exercise_{exercise}", None)
        if judge:
            return judge
        known = ", ".join(
            f"{chapter}-{name.removeprefix('exercise_')}"
            for name in sorted(vars(module))
            if name.startswith("exercise_")
        )
        raise UnetlibError(f"no exercise {number!r}; chapter {chapter} has {known}")
    raise UnetlibError(
        f'no exercise {number!r}; give chapter and exercise, such as "02-1"'
    )


@cache
def _words(language: str, name: str) -> dict:
    file = WORDS / language / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))
