"""The notebooks are what the chapters say, alike in all languages, and were executed.

nbval executes them again (`pytest --nbval-lax notebooks`); here they are read.
"""

import json
import re

import nbformat
import pytest
from chapters import CHAPTERS, NAMES, committed
from execution import undescribed
from languages import FALLBACK, LANGUAGES
from nbformat import NotebookNode
from prose import fill, join_lines

import notebooks
from notebooks import NOTEBOOKS, generate

OTHERS = [code for code in LANGUAGES if code != FALLBACK]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("chapter", CHAPTERS, ids=NAMES)
def test_committed_notebook_is_what_the_chapter_generates(chapter, language):
    made, found = generate(chapter, language), committed(chapter.stem, language)
    assert [cell.id for cell in made.cells] == [cell.id for cell in found.cells]
    for new, old in zip(made.cells, found.cells, strict=True):
        assert new.source == old.source, f"{old.id}: run `make notebooks`"
        assert new.metadata == old.metadata, f"{old.id}: run `make notebooks`"


def test_no_notebook_without_a_chapter():
    for language in LANGUAGES:
        found = (NOTEBOOKS / language).glob("*.ipynb")
        assert sorted(path.stem for path in found) == NAMES


def without_comments(code: str) -> str:
    """What runs: comments may be in the reader's language."""
    return re.sub(r"(?m)\s*# .*$", "", code)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", OTHERS)
def test_all_languages_have_the_same_cells_and_code(name, language):
    here, there = (committed(name, code).cells for code in (FALLBACK, language))
    assert [(c.id, c.cell_type) for c in here] == [(c.id, c.cell_type) for c in there]
    for one, other in zip(here, there, strict=True):
        if one.cell_type == "code":
            source = one.source.replace(f'"{FALLBACK}"', f'"{language}"')
            assert without_comments(source) == without_comments(other.source), one.id
            assert one.metadata.tags == other.metadata.tags, one.id


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_id_stands_once(name):
    ids = [cell.id for cell in committed(name, FALLBACK).cells]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_every_code_cell_was_executed_in_order(name, language):
    code = [c for c in committed(name, language).cells if c.cell_type == "code"]
    assert [c.execution_count for c in code] == list(range(1, len(code) + 1))
    for cell in code:
        failed = any(output.output_type == "error" for output in cell.outputs)
        assert failed == ("raises-exception" in cell.metadata.tags), cell.id


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_alt_text(name, language):
    assert undescribed(committed(name, language)) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_outputs_hold_no_path_of_the_machine_that_ran_them(name, language):
    for cell in committed(name, language).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {}).get("text/plain", "")
            lines = [output.get("text", ""), data, *output.get("traceback", [])]
            assert not re.search(r"/(home|root|Users|tmp|work)/", "\n".join(lines)), (
                cell.id
            )


def test_outputs_are_compared():
    """nbval-lax compares only what is tagged: the book has much of it."""
    cells = [cell for name in NAMES for cell in committed(name, FALLBACK).cells]
    tagged = ["nbval-check-output" in cell.metadata.get("tags", []) for cell in cells]
    assert sum(tagged) > len(NAMES)


def test_a_time_is_noted_with_its_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "RESULTS", tmp_path)
    file = tmp_path / "chapter_times.json"
    file.write_text('{"seconds": {"01_some": 180, "02_other": 5}}')
    notebooks.record_time("01_some", {"seconds": 77.12, "memory_mb": 812.34})
    times = json.loads(file.read_text())
    assert times["seconds"] == {"01_some": 77.1, "02_other": 5}
    assert times["memory_mb"] == {"01_some": 812.3}
    assert times["circumstances"].keys() == {"01_some"}
    assert {"date", "hardware", "torch"} <= times["circumstances"]["01_some"].keys()


def test_a_reference_to_nothing_is_refused():
    with pytest.raises(
        ValueError, match=r"03_x: \{\{denoising/no\}\} refers to nothing"
    ):
        fill("{{denoising/no}}", "03_x", "en")


def test_chinese_lines_are_joined_and_blocks_are_not():
    text = (
        "你好。\n再见，\nPyTorch 好\nA 了。\n\n- 一\n- 二\n  三\n\n"
        "> 四\n> 五\n\n```\n六\n七\n```"
    )
    expected = (
        "你好。再见，PyTorch 好 A 了。\n\n- 一\n- 二三\n\n> 四五\n\n```\n六\n七\n```"
    )
    assert join_lines(text) == expected


def outputs(cell: NotebookNode) -> list[tuple]:
    """What a cell put out, save what depends on language, machine or time."""
    found = []
    for output in cell.outputs:
        kinds = sorted({*output.get("data", {})} - {"text/plain"})
        found.append(
            (output.output_type, output.get("name"), output.get("ename"), kinds)
        )
    compared = "nbval-check-output" in cell.metadata.tags
    return [*found, *(o.get("text") for o in cell.outputs if compared)]


@pytest.mark.parametrize("name", NAMES)
def test_all_languages_put_out_the_same(name):
    """So it is enough to execute one of them often."""
    one, *others = (
        [cell for cell in committed(name, language).cells if cell.cell_type == "code"]
        for language in LANGUAGES
    )
    for other in others:
        for cell, twin in zip(one, other, strict=True):
            assert outputs(cell) == outputs(twin), cell.id


def test_another_output_is_seen():
    new_output = nbformat.v4.new_output
    made = [
        new_output("stream", text="1"),
        new_output("stream", text="2"),
        new_output("stream", text="1", name="stderr"),
        new_output("display_data", data={"image/png": ""}),
    ]
    tags = {"tags": ["nbval-check-output"]}
    cells = [nbformat.v4.new_code_cell(outputs=[o], metadata=tags) for o in made]
    assert all(outputs(cells[0]) != outputs(cell) for cell in cells[1:])
