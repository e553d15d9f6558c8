"""A failing assert of a notebook tells what it compared, and computes nothing twice."""

import ast
import subprocess
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from unetlib.display.assertions import NOTES, Assertions
from unetlib.display.labels import LANGUAGES, label, use_language


@pytest.fixture(scope="module")
def shell():
    """IPython, in this process, as it is after the first cell of a chapter."""
    main = sys.modules["__main__"]
    shell = InteractiveShell.instance()  # which puts a module of its own there
    use_language("en")
    yield shell
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main


def failing(shell: InteractiveShell, cell: str) -> list[str]:
    """The lines of the message with which the cell fails."""
    error = shell.run_cell(cell).error_in_exec
    assert type(error) is AssertionError, error
    return str(error).splitlines()


DICTIONARY = "{'a': 0.3333333333333333, 'b': 3}"
SET_UP = "import numpy as np, torch; x = torch.zeros(2, 3); d = {'a': 1 / 3, 'b': 3}\n"


@pytest.mark.parametrize(
    "condition, found",
    [
        ("d['b'] < 3", "d['b'] = 3"),
        ("1 < d['a'] < d['b']", "d['a'] = 0.333333"),
        ("d['b'] == 3 and d['a'] == 1", "d['b'] = 3, d['a'] = 0.333333"),
        ("not d", f"d = {DICTIONARY}"),
        ("all(d[k] > 1 for k in 'ba')", "k = 'a', d[k] = 0.333333"),
        ("all(p < q for p, q in [(1, 2), (4, 3)])", "p = 4, q = 3"),
        ("(x > 1).all()", "x = float32 (2, 3) [0 … 0]"),
        (
            "torch.equal(x, x + 1)",
            "x = float32 (2, 3) [0 … 0], x + 1 = float32 (2, 3) [1 … 1]",
        ),
        ("x.mean() > 1 / 2", "x.mean() = 0"),
        ("np.float32(0.25) > d['b']", "np.float32(0.25) = 0.25, d['b'] = 3"),
        ("x.shape == (3, 2)", "x.shape = torch.Size([2, 3])"),
        (
            "'y' * 99 * d['b'] == d",
            f"'y' * 99 * d['b'] = '{'y' * 118}…, d = {DICTIONARY}",
        ),
    ],
)
def test_values_are_told(shell, condition, found):
    expected, told, advice = failing(shell, f"{SET_UP}assert {condition}")
    assert expected == "expected: " + ast.unparse(ast.parse(condition))
    assert told == f"found: {found}"
    assert advice == label("check_failed")


def test_nothing_is_computed_twice(shell):
    set_up = "calls = []\ndef once():\n    calls.append(1)\n    return len(calls)\n"
    _, told, _ = failing(shell, f"{set_up}assert once() == 2")
    assert told == "found: once() = 1"
    assert shell.user_ns["calls"] == [1]


def test_what_holds_is_left_alone(shell):
    assert shell.run_cell(f"{SET_UP}assert x is not None and all(d), 'own'").success
    assert shell.run_cell("for _ in range(3):\n    assert (d['b'] > 2) is True").success
    (notes,) = [x for x in shell.ast_transformers if isinstance(x, Assertions)]
    assert notes.noted == {}  # nothing is kept alive
    assert failing(shell, "assert d == 0, 'own'") == ["own"]


def test_another_error_is_that_error(shell):
    error = shell.run_cell("assert nowhere > 1").error_in_exec
    assert isinstance(error, NameError) and "nowhere" in str(error)


def test_a_function_and_an_emptied_notebook_tell_too(shell):
    defined = "def check(n):\n    assert n > 0 or check(n + 1) is None\n"
    assert (
        failing(shell, f"{defined}assert check(-1) == 5")[1]
        == "found: check(-1) = None"
    )
    assert failing(shell, "%reset -f\nq = 3\nassert q == 4")[1] == "found: q = 3"
    assert NOTES not in shell.user_ns


def test_each_language_has_its_words(shell):
    said = set()
    for language in LANGUAGES:
        use_language(language)  # again: and yet it is rewritten once
        said.add("\n".join(failing(shell, "q = 3\nassert q == 4")))
    use_language("en")
    assert len(said) == len(LANGUAGES)
    assert all("q == 4" in text and "q = 3" in text for text in said)


def test_plain_python_does_not_import_ipython():
    code = "import sys, unetlib; unetlib.use_language('en'); assert 'IPython' not in "
    subprocess.run([sys.executable, "-c", f"{code}sys.modules"], check=True)
