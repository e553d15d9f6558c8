"""What authors do wrong is found in seconds, and said with its line and its cure."""

import re
from pathlib import Path

import check
import pytest
import yaml
from building import ROOT
from chapters import FRONT_MATTER

# As short as a chapter may be: no figure, no output to compare, one exercise.
CHAPTER = (
    FRONT_MATTER
    + """
+++ {"lang": "zh"}

# 标题 {#title}

**你将学到**：很少。需要：CPU 或 GPU，一点时间。

+++ {"lang": "en"}

# Title {#title}

What you will learn: little. What you need: a CPU or GPU; **Time**: short.

```{code-cell} ipython3
:name: first
:tags: [nbval-ignore-output]
:alt: {zh: 八, en: Eight}
1  # zh: 一 # en: one
```

+++ {"lang": "zh"}

## 小结 {#summary}

见[标题](#title)和[Efron](@efron2011)，误差是 $x$。

共 {{loss_scale/steps}} 步。

+++ {"lang": "en"}

## Summary {#summary}

See [the title](#title) and [Efron](@efron2011), the error is $x$.

It takes {{loss_scale/steps}} steps.

```{code-cell} ipython3
:name: second
2
```

+++ {"lang": "zh"}

## 练习 {#exercises}

### 00-1 想（容易） {#exercise-1}

想一想。

+++ {"lang": "en"}

## Exercises {#exercises}

### 00-1 Thinking (easy) {#exercise-1}

Think.
"""
)
GLOSSARY = """\
# Terms.
- id: noise
  where: 00_new.ipynb#title
  zh: 噪声
  en: noise
  zh_text: 随机数。
  en_text: Random numbers.
  avoid_zh: [杂讯]
  avoid_en: [static hiss]
"""
PAPERS = """\
- key: efron2011
  authors: B. Efron
  title: Selection bias
  source: Journal 106, 1602–1614
  year: 2011
  doi: 10.1198/jasa.2011.tm11181
"""
MISTAKES = yaml.safe_load(Path(__file__).with_name("mistakes.yml").read_text("utf-8"))


@pytest.fixture
def book(tmp_path) -> Path:
    (tmp_path / "chapters").mkdir()
    write(tmp_path / "chapters" / "00_new.md", CHAPTER)
    write(tmp_path / "glossary.yml", GLOSSARY)
    write(tmp_path / "references.yml", PAPERS)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


def said(book: Path) -> list[str]:
    """What the check says, files named from the book's folder."""
    faults = map(str, check.faults(book))
    return [fault.replace(f"{book.as_posix()}/", "") for fault in faults]


def test_a_short_chapter_is_a_chapter(book):
    assert said(book) == []


@pytest.mark.parametrize("exercises", [2, 4])
def test_there_may_be_any_number_of_exercises(book, exercises):
    text = CHAPTER
    for line in re.findall(r"### .* {#exercise-1}\n", CHAPTER):
        more = [line.replace("-1", f"-{n}") for n in range(1, exercises + 1)]
        text = text.replace(line, "\n".join(more))
    write(book / "chapters" / "00_new.md", text)
    assert said(book) == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["fault"])
def test_a_mistake_in_a_chapter_is_said(book, mistake):
    assert mistake["old"] in CHAPTER
    text = CHAPTER.replace(mistake["old"], mistake["new"], 1)
    write(book / "chapters" / "00_new.md", text)
    assert said(book) == [f"chapters/00_new.md:{what}" for what in mistake["said"]]


def test_line_ends_of_windows_are_said(book):
    write(book / "chapters" / "00_new.md", CHAPTER.replace("\n", "\r\n"))
    (fault,) = said(book)
    assert fault.startswith("chapters/00_new.md:1: line ends of Windows (CRLF)")


def test_missing_front_matter_is_said(book):
    write(book / "chapters" / "00_new.md", CHAPTER.partition("---\n\n")[2])
    (fault,) = said(book)
    assert fault.startswith("chapters/00_new.md:1: no front matter; begin as")


def test_a_file_that_is_no_text_is_said(book):
    path = book / "chapters" / "00_new.md"
    path.write_bytes(path.read_bytes().replace("想".encode(), "想".encode("gb18030")))
    assert "chapters/00_new.md:56: not UTF-8; save the file in this encoding" in said(
        book
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("1_new.md", "1_new.md:1: the table of contents won't have it"),
        ("01-new.md", "01-new.md:1: the table of contents won't have it"),
        ("02_new.md", "02_new.md:1: chapters count from 00 without a gap; name this"),
        ("00_more.md", "00_new.md:1: chapters count from 00 without a gap; name this"),
    ],
)
def test_a_chapter_outside_the_table_of_contents_is_said(book, name, message):
    write(book / "chapters" / name, CHAPTER)
    assert any(fault.startswith(f"chapters/{message}") for fault in said(book))


GLOSSARY_FAULTS = [
    ("  zh: 噪声\n", "", "2: zh: noise lacks zh"),
    ("  en_text: Random numbers.\n", "", "2: en: noise lacks en_text"),
    ("  avoid_zh: [杂讯]\n", "", "2: zh: noise lacks avoid_zh"),
    (
        "[杂讯]",
        "杂讯",
        "2: zh: avoid_zh of noise must be a list, such as [wording], got '杂讯'",
    ),
    ("id: noise", "ID: noise", "2: {'ID': 'noise'"),
    ("#title", "#titel", "2: where of noise is '00_new.ipynb#titel'"),
    (
        "  where: 00_new.ipynb#title\n",
        "",
        "2: where of noise is '': no chapter has",
    ),
    ("[杂讯]", "[杂讯", "9: while parsing a flow sequence"),
    ("- id", "- noise\n- id", "2: expected an entry of `field: value`, got 'noise'"),
]
PAPER_FAULTS = [
    ("authors: B. Efron\n  ", "", "1: efron2011 lacks authors"),
    (
        "  doi: 10.1198/jasa.2011.tm11181\n",
        "",
        "1: efron2011 lacks doi or arxiv or",
    ),
    ("10.1198/", "doi.org/10.1198/", "1: 'doi.org/10.1198/jasa.2011.tm11181' of"),
    ("doi: 10.1198/jasa.2011.tm11181", "arxiv: 2011", "1: 2011 of efron2011 is no"),
    ("efron2011", "efron2012", "1: no chapter cites efron2012; leave it out"),
    ("source: ", "source: [", "5: while parsing a flow sequence"),
    ("year: 2011", "year: 2011a", "1: year of efron2011 must be a whole number"),
    ("- ", "  ", "1: expected a list of entries"),
]
IN_LISTS = [("glossary.yml", GLOSSARY, *fault) for fault in GLOSSARY_FAULTS]
IN_LISTS += [("references.yml", PAPERS, *fault) for fault in PAPER_FAULTS]


@pytest.mark.parametrize(("file", "text", "old", "new", "message"), IN_LISTS)
def test_a_fault_in_a_list_is_said(book, file, text, old, new, message):
    assert old in text
    write(book / file, text.replace(old, new))
    assert any(fault.startswith(f"{file}:{message}") for fault in said(book))


def test_two_terms_with_one_id_are_said(book):
    write(book / "glossary.yml", GLOSSARY + GLOSSARY.partition("\n")[2])
    assert said(book) == [
        "glossary.yml:10: two terms have the id noise; each needs its own"
    ]


def test_papers_stand_by_year_each_with_its_own_key(book):
    earlier = PAPERS.replace("year: 2011", "year: 2009")
    write(book / "references.yml", PAPERS + earlier)
    assert said(book) == [
        "references.yml:7: efron2011 is out of order; papers stand by year",
        "references.yml:7: two papers have the key efron2011; each needs its own",
    ]


def test_a_citation_of_no_paper_is_said(book):
    write(book / "chapters" / "00_new.md", CHAPTER.replace("@efron2011", "@efron2012"))
    what = "@efron2012 is none of the papers in references.yml"
    found = [fault for fault in said(book) if fault.endswith(what)]
    assert [fault.split(":")[2] for fault in found] == [" zh", " en"]


def test_a_page_that_lacks_a_section_is_said(book):
    for code, text in (("zh", '# <a id="a"></a>甲\n'), ("en", "# A\n")):
        (book / "pages" / code).mkdir(parents=True)
        write(book / "pages" / code / "api.md", text)
    assert said(book) == [
        'pages/en/api.md:1: en: <a id="a"> of the page in another language is not here'
    ]


def test_a_page_that_cites_no_result_is_said(book):
    for code in ("zh", "en"):
        (book / "pages" / code).mkdir(parents=True)
        write(book / "pages" / code / "api.md", "# A\n\n{{loss_scale/no}}\n")
    assert [fault.split(": ")[0] for fault in said(book)] == [
        "pages/en/api.md:3",
        "pages/zh/api.md:3",
    ]


def test_nothing_is_wrong_with_the_book():
    assert [str(fault) for fault in check.faults(ROOT / "book")] == []
