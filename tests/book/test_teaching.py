"""What teachers are told exists: exercises by their numbers, experiments by address."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from book_live import CONTROLS
from building import ROOT
from chapters import NAMES
from languages import LANGUAGES
from solutions import answers

EXERCISES = {number for name in NAMES for number, _ in answers(name)}
# What the addresses of live parts may name besides the controls of training.
OTHERS = {
    "skips": {"true", "false"},
    "task": {"new", "noisy", "erased", "blurred", "shrunk"},
}


def text(language: str) -> str:
    page = ROOT / "book" / "pages" / language / "teaching.md"
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_exercises_exist(language):
    named = set(re.findall(r"\b\d\d-\d\b", text(language)))
    assert len(named) > 15 and named <= EXERCISES


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_experiments_exist(language):
    addresses = re.findall(r'<a href="([^"]+)">', text(language))
    assert addresses
    for address in map(urlsplit, addresses):
        page = address.path.removesuffix(".html")
        for name, value in parse_qsl(dict(parse_qsl(address.query)).get(page, "")):
            assert value in OTHERS.get(name, CONTROLS.get(name, ("", ()))[-1]), address


def test_all_languages_give_the_same():
    found = [
        (
            re.findall(r"\b\d\d-\d\b", text(code)),
            re.findall(r'href="([^"]+)"', text(code)),
        )
        for code in LANGUAGES
    ]
    assert all(each == found[0] for each in found)
