"""Screen readers are told which words of a page are in another language."""

from types import SimpleNamespace

import pytest
from book_language import mark_languages
from docutils import nodes
from docutils.utils import new_document

TAGS = {"zh": ["zh-CN", "中文"], "en": ["en", "English"], "ja": ["ja", "日本語"]}


def marked(language: str, text: str) -> list[tuple[str, list[str]]]:
    """(words, classes) of what a page of this language gets marked."""
    document = new_document("page")
    document += nodes.paragraph("", "", nodes.Text(text))
    config = SimpleNamespace(book_languages=TAGS, book_language=language)
    mark_languages(SimpleNamespace(config=config), document, "page")
    return [(n.astext(), n["classes"]) for n in document.findall(nodes.inline)]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "the noise (噪声) is", [("噪声", ["language-zh-CN"])]),
        ("en", "the noise is", []),
        ("zh", "噪声是随机的", []),
        ("ja", "雑音は乱数です", []),
    ],
)
def test_chinese_words_are_marked_where_they_are_foreign(language, text, expected):
    assert marked(language, text) == expected
