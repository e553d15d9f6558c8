"""Chapters, glossary and languages are read, or it is said what they lack."""

import re

import nbformat
import pytest
import sources
from chapters import FRONT_MATTER, prose
from execution import undescribed
from languages import FILE, LANGUAGES, read
from manuscript import read_cells
from terms import read_glossary

import notebooks
from notebooks import generate

CHAPTER = (
    FRONT_MATTER
    + """
+++ {"lang": "zh"}

# 标题 {#title}

+++ {"lang": "en"}

# Title {#title}

```{code-cell} ipython3
:name: first
:alt: {zh: 八, en: Eight}
:caption: {zh: 图, en: Figure}
1
```

+++ {"lang": "zh"}

中文

+++ {"lang": "en"}

English

```{code-cell} ipython3
:name: second
2
```
"""
)


@pytest.fixture
def chapter(tmp_path):
    def write(text: str = CHAPTER):
        path = tmp_path / "07_new.md"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def prose_of(path, language: str) -> list[str]:
    cells = generate(path, language).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def test_a_whole_chapter_is_read(chapter):
    assert len(read_cells(chapter())) == 6


def test_all_that_is_missing_in_a_chapter_is_said_at_once(chapter):
    text = CHAPTER.replace(", en: Eight", "").replace("name: second", "name: first")
    with pytest.raises(ValueError) as caught:
        read_cells(chapter(text))
    first, second = str(caught.value).split("\n")
    assert re.search(r"07_new.md:24: en: the `:alt:` of cell first lacks en", first)
    assert re.search(r"07_new.md:37: two code cells have the name first", second)


def test_a_figure_has_no_alternative(chapter):
    drawn = generate(chapter(), "en")
    for cell in drawn.cells:
        if cell.cell_type == "code":
            cell.outputs = [{"output_type": "display_data", "data": {"image/png": ""}}]
    assert undescribed(drawn) == ["second"]


def test_a_figure_without_alternative_keeps_the_work(chapter, tmp_path, monkeypatch):
    def draw(notebook, folder):
        for cell in notebook.cells:
            if cell.cell_type == "code":
                data = {"image/png": ""}
                cell.outputs = [nbformat.v4.new_output("display_data", data=data)]
        return {"seconds": 1.0}

    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(notebooks, "record_time", lambda *_: None)
    monkeypatch.setattr(notebooks, "execute", draw)
    with pytest.raises(ValueError, match="without an `:alt:` in second"):
        notebooks.make(chapter(), "en")
    monkeypatch.setattr(notebooks, "execute", None)  # nothing is executed again
    named = ":name: second\n"
    described = CHAPTER.replace(named, f"{named}:alt: {{zh: 二, en: Two}}\n")
    notebooks.make(chapter(described), "en")


def test_figures_are_numbered_and_referred_to(chapter):
    text = CHAPTER.replace("\n中文\n", "\n中文[](#figure-first)\n")
    text = text.replace("English\n", "English [](#figure-first)\n")
    path = chapter(text)
    chapter_08 = path.with_stem("08_next")
    chapter_08.write_text(text.replace("(#fig", "(07_new.ipynb#fig"), "utf-8")
    beneath = '<a id="figure-first"></a>**{} {}** {}'
    assert prose_of(path, "en")[1:] == [
        beneath.format("Figure", "7.1", "Figure"),
        "English [Figure 7.1](#figure-first)",
    ]
    assert prose_of(chapter_08, "zh")[1:] == [
        beneath.format("图", "8.1", "图"),
        "中文[图 7.1](07_new.ipynb#figure-first)",
    ]


@pytest.mark.parametrize("place", ["#figure-second", "08_no.ipynb#figure-first"])
def test_a_reference_to_no_figure_is_named(chapter, place):
    text = CHAPTER.replace("English\n", f"English []({place})\n")
    with pytest.raises(ValueError, match=rf"07_new.md, line 33: .*{place}.* no figure"):
        generate(chapter(text), "en")


def shape(value):
    """The keys of a mapping, at every depth."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return type(value)


def test_every_language_says_the_same_things():
    first, *others = LANGUAGES.values()
    for other in others:
        assert shape(vars(other)) == shape(vars(first)), other.code


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    tagline: B", "    tag_line: B", "en lacks, .*: tag_line, tagline"),
        ("fallback: en", "fallback: fr", "one of zh, en, got 'fr'"),
    ],
)
def test_something_is_wrong_with_a_language(tmp_path, old, new, message):
    file = tmp_path / "languages.yml"
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read(file)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_term_leads_to_the_section_that_introduces_it(language):
    for entry in read_glossary():
        chapter, _, section = entry["where"].partition(".ipynb#")
        assert f'<a id="{section}"></a>' in "\n".join(prose(chapter, language)), entry
        assert f"]({entry['where']})" in sources.glossary(language)
