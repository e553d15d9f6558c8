"""Chapters keep to what they declare, and reach it."""

import json

import nbformat
import pytest
from budgets import execution, overruns, psnr_db, read_budgets
from chapters import NAMES
from execution import execute
from languages import FALLBACK, LANGUAGES
from manuscript import CHAPTERS
from nbformat.v4 import new_code_cell, new_notebook
from prose import RESULTS

from notebooks import generate

TIMES = json.loads((RESULTS / "chapter_times.json").read_text(encoding="utf-8"))


def test_every_chapter_has_one():
    assert list(read_budgets()) == list(NAMES)
    for budget in read_budgets().values():
        assert {"reading_minutes", "cpu_seconds", "memory_mb"} <= budget.keys()


@pytest.mark.parametrize("name", NAMES)
def test_the_last_run_kept_to_it(name):
    spent = {what: TIMES[what][name] for what in ("cpu_seconds", "memory_mb")}
    assert overruns(name, spent) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "name", [name for name, budget in read_budgets().items() if "psnr_db" in budget]
)
def test_the_published_notebook_reached_what_is_declared(name, language):
    band = read_budgets()[name]["psnr_db"]
    assert band["from"] <= psnr_db(name, language, band["cell"]) <= band["to"]


@pytest.mark.weekly
@pytest.mark.parametrize("name", NAMES)
def test_a_run_keeps_to_it(name, tmp_path):
    notebook = generate(CHAPTERS / f"{name}.md", FALLBACK)
    assert overruns(name, execute(notebook, tmp_path)) == []


def test_what_a_run_uses_up_is_measured(tmp_path):
    cells = [
        "held = bytearray(300_000_000)",
        "del held",
        "import time\nwhile time.process_time() < 3.1:\n    pass",
    ]
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    used = execute(notebook, tmp_path)
    assert len(notebook.cells) == len(cells)
    assert 300 < used["memory_mb"] < 600
    assert 3 < used["cpu_seconds"] < used["seconds"] + 3
    nbformat.validate(notebook)


def test_an_overrun_is_told():
    name = NAMES[0]
    declared = read_budgets()[name]
    much = {"cpu_seconds": 1.4 * declared["cpu_seconds"], "memory_mb": 0}
    assert overruns(name, much) == []
    much["memory_mb"] = 2 * declared["memory_mb"]
    [told] = overruns(name, much)
    assert "memory_mb" in told and name in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_has_a_row_for_each_chapter(language):
    table, _, last = execution(language).split("\n\n")
    rows = table.splitlines()
    assert len({row.count("|") for row in rows}) == 1
    assert len(rows) == len(NAMES) + 2
    named = [line.partition(":")[0].split()[1:] for line in last.splitlines()]
    assert sorted(sum(named, [])) == [name[:2] for name in NAMES]
