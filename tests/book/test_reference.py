"""The reference of unetlib says of every name what it is, in the page's language."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import pytest
from languages import FALLBACK, LANGUAGES
from sources import summaries

import unetlib

WITH_SUMMARIES = [code for code in LANGUAGES if summaries(code)]


def public(holder: object) -> Iterator[tuple[str, object]]:
    """What a module or a class defines itself, for others to use."""
    for name, value in vars(holder).items():
        function = inspect.unwrap(getattr(value, "__func__", value))
        kinds = (inspect.isclass, inspect.isfunction)
        if not name.startswith("_") and any(is_kind(function) for is_kind in kinds):
            yield name, value


def documented() -> Iterator[str]:
    """Every function and class of unetlib, and each method with a docstring."""
    for found in pkgutil.walk_packages(unetlib.__path__, "unetlib."):
        if found.name.startswith("unetlib.exercises."):
            continue  # what each check asks, readers see in the chapters
        module = importlib.import_module(found.name)
        for name, value in public(module):
            if value.__module__ != module.__name__:
                continue  # imported from elsewhere
            yield f"{module.__name__}.{name}"
            for inner, method in public(value) if inspect.isclass(value) else ():
                if method.__doc__:
                    yield f"{module.__name__}.{name}.{inner}"


@pytest.mark.parametrize("language", WITH_SUMMARIES)
def test_each_name_has_a_line(language):
    names = set(documented())
    assert len(names) > 100
    assert summaries(language).keys() == names


def test_docstrings_are_english_and_need_none_there():
    assert "zh" in WITH_SUMMARIES and FALLBACK not in WITH_SUMMARIES


def test_a_summary_is_in_its_language_and_one_line():
    for name, line in summaries("zh").items():
        assert re.search("[一-鿿]", line) and line.endswith(("。", "”")), name
        assert "\n" not in line, name
