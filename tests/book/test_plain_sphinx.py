"""Whether the comparison of two builds sees what one of them lacks."""

import pytest
from plain_sphinx import differences, table

PAGE = """<title>Noise</title><link href="book.css?v=1">
<article><h1 id="noise">Noise</h1><p>So it is <a href="b.html#c">said</a>.</p>
<img src="a.png" alt=""><button>Copy</button></article>"""


def changed(tmp_path, before: str, after: str) -> set[tuple[str, str, str]]:
    """The differences of a page from one in which `before` became `after`."""
    assert before in PAGE
    folders = tmp_path / "ours", tmp_path / "theirs"
    for folder, html in zip(folders, (PAGE, PAGE.replace(before, after)), strict=True):
        folder.mkdir()
        (folder / "a.html").write_text(html, encoding="utf-8")
    return set(differences(*folders))


@pytest.mark.parametrize(
    ("before", "after", "lost", "new"),
    [
        (' id="noise"', "", ("id", "noise"), None),
        ('id="noise"', 'id="id1"', ("id", "noise"), ("id", "id1")),
        ("<title>Noise", "<title>Loss", None, ("title", "Loss")),
        ("b.html#c", "b.html", ("link", "b.html#c"), ("link", "b.html")),
        ("a.png", "b.png", ("picture", "a.png"), ("picture", "b.png")),
        ("Copy", "Kopieren", ("control", "Copy"), ("control", "Kopieren")),
        ("is <a", "was <a", ("text", "So it is said ."), ("text", "So it was said .")),
        ("book.css", "theme.css", ("file", "book.css"), ("file", "theme.css")),
        ("book.css?v=1", "book.css?v=2", None, None),
    ],
)
def test_each_difference_is_found(tmp_path, before, after, lost, new):
    expected = set()
    if lost:
        expected.add((lost[0], "missing", f"a.html: {lost[1]}"))
    if new:
        expected.add((new[0], "new", f"a.html: {new[1]}"))
    assert changed(tmp_path, before, after) == expected


def test_a_missing_page_is_found_and_counted(tmp_path):
    found = changed(tmp_path, "Copy", "Copy")
    assert found == set()
    (tmp_path / "theirs" / "a.html").unlink()
    found = differences(tmp_path / "ours", tmp_path / "theirs")
    assert found == [("page", "missing", "a.html")]
    assert table(found).splitlines()[1].split() == ["page", "1", "0"]
