"""How the chapters are written: the rules that a machine can check."""

import json
import re

import prose as prose_tool
import pytest
import yaml
from chapters import CHAPTERS, NAMES, ROOT, prose
from languages import LANGUAGES
from manuscript import read_cells
from prose import finished, finished_code, with_comments
from sources import PAGES, glossary

from unetlib.display.labels import LABELS

CHINESE = r"[\u3400-\u9fff]"
CODE_OR_MATHS = re.compile(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]+\$", re.S)
LINK_TARGET = re.compile(r"\]\([^)]*\)|<[^>]*>")
# A number with the unit of something that we measured. What follows from arithmetic is
# maths and stands between dollars; what was measured comes from book/results.
MEASURED = re.compile(
    r"\d[\d.,]*\s*(dB|%|‰|ms|毫秒|微秒|秒|分钟|小时|倍|images/s|seconds?|minutes?|hours?)"
    r"|\d[\d.,]*\s*(times|×) (faster|slower|as)",
    re.I,
)
GLOSSARY = yaml.safe_load((ROOT / "book/glossary.yml").read_text(encoding="utf-8"))

# What is said in the chapters for the same thing, now so, now otherwise: a pattern, and
# the one word to use. (Wordings that are wrong as terms stand in the glossary.)
WANDERING = {
    "zh": {
        r"显卡|(?<![关打])卡(?![死住在])": "GPU",
        "加噪(?!声)": "带噪（形容图像），或加噪声（动作）",
        "噪音": "噪声",
        "接着训(?!练)": "断点续训，或接着训练",
        "随机数发生器": "随机数生成器",
        r"(卷积|窗口)[^，。；]{0,8}步长|步长[^，。；]{0,8}卷积": "步幅",
    },
    "en": {
        r"\b(graphics )?[Cc]ards?\b": "GPU",
        r"\b[Gg]ray": "grey",
        r"\b[Ww]armup\b": "warm-up",
        r"\bback-?propagated? backwards\b": "backpropagated",
    },
}

by_chapter = pytest.mark.parametrize("name", NAMES)
by_language = pytest.mark.parametrize("language", LANGUAGES)


def sources(name: str, language: str) -> str:
    """The prose of a chapter before measured numbers are put in."""
    cells = read_cells(ROOT / "book" / "chapters" / f"{name}.md")
    return "\n\n".join(c.source for c in cells if c.metadata.get("lang") == language)


def words(name: str, language: str) -> str:
    """The prose that a reader reads: no code, maths or addresses."""
    page = ROOT / "book" / "pages" / language / f"{name}.md"
    cells = [page.read_text("utf-8")] if name in PAGES else prose(name, language)
    text = "\n\n".join(cells)
    if name == "glossary":
        text += glossary(language)
    return LINK_TARGET.sub("", CODE_OR_MATHS.sub(" ", text))


def test_comments_in_each_language():
    code = "x = y  # zh: 落到 [0, 1] # en: in [0, 1]\n# zh: 甲 # en: a: b\nz  # (8,)"
    assert with_comments(code, "zh") == "x = y  # 落到 [0, 1]\n# 甲\nz  # (8,)"
    assert with_comments(code, "en") == "x = y  # in [0, 1]\n# a: b\nz  # (8,)"
    with pytest.raises(ValueError, match="'# zh: 甲' says nothing in en"):
        with_comments("x  # zh: 甲", "en")


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


@by_language
@by_chapter
def test_no_measured_number_is_typed(name, language):
    text = CODE_OR_MATHS.sub(" ", sources(name, language))
    text = re.sub(r"\{\{.*?\}\}", "", text)
    typed = [match.group() for match in MEASURED.finditer(text)]
    assert not typed, f"{typed}: measured? then {{{{result/key}}}}; computed? then $…$"


@by_language
@by_chapter
def test_terms_are_the_glossarys(name, language):
    text = words(name, language)
    for entry in GLOSSARY:
        for wrong in entry[f"avoid_{language}"]:
            assert wrong not in text, f"{wrong}: say {entry[language]}"


@by_language
@pytest.mark.parametrize("name", [*NAMES, *PAGES])
def test_one_thing_has_one_word(name, language):
    text = words(name, language)
    for pattern, word in WANDERING[language].items():
        found = [
            match.group()
            for match in re.finditer(f".{{0,12}}({pattern}).{{0,12}}", text)
        ]
        assert not found, f"say {word}: {found}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_use_the_same_words(language):
    for key, said in LABELS.items():
        for pattern, word in WANDERING[language].items():
            assert not re.search(pattern, said[language]), f"{key}: say {word}"


@pytest.mark.parametrize("name", [*NAMES, *PAGES])
def test_chinese_is_set_as_chinese(name):
    text = words(name, "zh")
    for pattern, rule in (
        (rf"{CHINESE}[,;:!?]", "full-width punctuation after Chinese"),
        (rf"{CHINESE}[A-Za-z0-9]|[A-Za-z0-9]{CHINESE}", "a space between scripts"),
        (r"您", "你, not 您"),
        (rf"{CHINESE}\n{CHINESE}", "no line break inside a paragraph"),
        (r"[，。；：！？]\*\*(?!\s)", "bold does not end on punctuation"),
        (r"\.\.\.", "…… and not three dots"),
    ):
        found = re.search(rf".{{0,12}}({pattern}).{{0,12}}", text)
        assert not found, f"{rule}: {found.group()}"


@by_chapter
def test_code_and_maths_stand_apart_from_chinese(name):
    text = "\n\n".join(prose(name, "zh"))
    found = re.search(rf"{CHINESE}(`[^`\n]+`|\$[^$\n]+\$)|(`[^`\n]+`){CHINESE}", text)
    assert not found, found.group()


@by_language
@by_chapter
def test_prose_is_plain_markdown(name, language):
    for cell in prose(name, language):
        assert not re.search(r"```\{|^:::|\{(ref|doc|eq|term|numref)\}`", cell, re.M)
        assert "{{" not in cell


@by_language
@by_chapter
def test_a_chapter_opens_and_closes_as_promised(name, language):
    opening = prose(name, language)[0]
    assert "CPU" in opening and "GPU" in opening
    for word in LANGUAGES[language].opening:
        assert word in opening
    text = "\n\n".join(prose(name, language))
    assert '<a id="summary"></a>' in text
    exercises = text.partition('<a id="exercises"></a>')[2]
    assert len(re.findall(r"(?m)^\d\. ", exercises)) == 3
