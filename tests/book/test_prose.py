"""What becomes of prose and code; words of figures and glossary keep the rules.

Whether the chapters keep them is tested in test_check.py.
"""

import json
import re
from pathlib import Path

import prose as prose_tool
import pytest
import sources
from chapters import CHAPTERS, NAMES, prose
from languages import LANGUAGES
from prose import finished, finished_code, with_comments
from rules import CHINESE, CODE, WANDERING, Text, blank, typesetting, wordings

from unetlib.display.labels import LABELS

by_chapter = pytest.mark.parametrize("name", NAMES)
by_language = pytest.mark.parametrize("language", LANGUAGES)


def test_comments_in_each_language():
    code = "x = y  # zh: 落到 [0, 1] # en: in [0, 1]\n# zh: 甲 # en: a: b\nz  # (8,)"
    assert with_comments(code, "zh") == "x = y  # 落到 [0, 1]\n# 甲\nz  # (8,)"
    assert with_comments(code, "en") == "x = y  # in [0, 1]\n# a: b\nz  # (8,)"
    with pytest.raises(ValueError, match="'# zh: 甲' says nothing in en"):
        with_comments("x  # zh: 甲", "en")


def test_a_page_cites_as_a_chapter_does(tmp_path, monkeypatch):
    (tmp_path / "pages" / "en").mkdir(parents=True)
    page = tmp_path / "pages" / "en" / "api.md"
    page.write_text("[Efron (2011)](@efron2011) {{loss_scale/steps:.1f}}")
    for name, value in (("BOOK", tmp_path), ("BUILD", tmp_path), ("PAGES", ["api"])):
        monkeypatch.setattr(sources, name, value)
    folder, _ = sources.stage("en", tmp_path)
    text = (folder / "api.md").read_text()
    assert "[Efron (2011)](https://doi.org/" in text and " 12.0" in text


def test_a_chapters_heading_has_its_number():
    assert finished("# Some {#some}\n\n## A {#a}", "07_some", "en") == (
        '# <a id="some"></a>07 Some\n\n## <a id="a"></a>A'
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(6, "under a minute"), (77, "about a minute"), (91, "about 2 minutes")],
)
def test_how_long_a_chapter_takes(tmp_path, monkeypatch, seconds, said):
    monkeypatch.setattr(prose_tool, "RESULTS", tmp_path)
    times = json.dumps({"seconds": {"07_some": seconds}})
    (tmp_path / "chapter_times.json").write_text(times)
    assert finished("{{cpu-time}}", "07_some", "en") == said


def test_code_holds_measured_numbers():
    code = 'use("{{lang}}")\nx = {{loss_scale/steps:.1f}}  # zh: 步 # en: steps'
    assert finished_code(code, "03_x", "en") == 'use("en")\nx = 12.0  # steps'
    with pytest.raises(ValueError, match="refers to nothing"):
        finished_code("x = {{loss_scale/no}}", "03_x", "en")


def test_there_are_six_chapters():
    assert [path.stem[:2] for path in CHAPTERS][:6] == [
        "00",
        "01",
        "02",
        "03",
        "04",
        "05",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_use_the_same_words(language):
    for key, said in LABELS.items():
        for pattern, word in WANDERING[language].items():
            assert not re.search(pattern, said[language]), f"{key}: say {word}"


@by_language
def test_the_glossary_page_is_written_by_the_rules(language):
    text = Text(Path("glossary.md"), 1, language, sources.glossary(language))
    assert [*map(str, typesetting(text)), *map(str, wordings(text, []))] == []


@by_chapter
def test_no_line_breaks_within_a_chinese_paragraph(name):
    for cell in prose(name, "zh"):
        broken = re.search(rf"{CHINESE}\n{CHINESE}", blank(CODE, cell))
        assert not broken, broken.group()


@by_language
@by_chapter
def test_nothing_is_left_to_fill_in(name, language):
    assert all("{{" not in cell for cell in prose(name, language))
