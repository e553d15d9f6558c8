"""The questions at the end of each chapter, book/quizzes/NN_name.yml, as Markdown.

Each choice folds out what it shows, in a notebook as on the page, without a script.
"""

import re
from html import escape
from pathlib import Path
from string import ascii_uppercase

import yaml

QUIZZES = Path(__file__).resolve().parents[1] / "quizzes"
QUESTION = """\
**{number}. {question}**

{choices}
"""
CHOICE = """\
<details class="choice"><summary>{choice}</summary>

{mark} {said}

</details>
"""


def read_quiz(chapter: str) -> list[dict]:
    """The questions of a chapter such as "02_architecture"; none where it has none."""
    path = QUIZZES / f"{chapter}.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else []


def _summary(text: str) -> str:
    """As HTML, in which Markdown is none, nor are straight apostrophes made curly;
    formulas in a paragraph, which Markdown reads."""
    if "$" in text:
        return f"\n\n{text}\n\n"
    prose, *rest = re.split(r"`([^`]+)`", text)  # prose, code, prose …
    parts = [prose.replace("'", "’")]
    for code, prose in zip(rest[::2], rest[1::2], strict=True):
        parts += [f"<code>{escape(code)}</code>", prose.replace("'", "’")]
    return "".join(parts)


def quiz(chapter: str, language: str) -> str:
    """A chapter's questions as Markdown."""
    return "\n".join(
        QUESTION.format(
            number=number,
            question=question[language],
            choices="\n".join(
                CHOICE.format(
                    choice=_summary(f"{letter}. {choice[language]}"),
                    mark="✓" if choice.get("right") else "✗",
                    said=choice[f"{language}_text"],
                )
                for letter, choice in zip(
                    ascii_uppercase, question["choices"], strict=False
                )
            ),
        )
        for number, question in enumerate(read_quiz(chapter), 1)
    )
