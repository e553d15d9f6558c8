"""Every word of every figure has its glyphs, in every language."""

import logging
import shutil
import sys
import warnings
from types import SimpleNamespace

import cut_font
import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.ft2font import FT2Font

from unetlib.checks import UnetlibError
from unetlib.display import labels
from unetlib.display.labels import LABELS, label, use_language


@pytest.mark.parametrize("key", LABELS)
def test_the_font_subset_has_every_character(key):
    known = FT2Font(labels.FONT).get_charmap()
    for words in LABELS[key].values():
        assert words and not [c for c in words if ord(c) not in known]


def test_the_same_words_make_the_same_font(tmp_path, monkeypatch):
    monkeypatch.setattr(cut_font, "FONT", tmp_path / labels.FONT.name)
    made = set()
    for day in ("1000000000", "2000000000"):  # what fontTools takes for today
        monkeypatch.setenv("SOURCE_DATE_EPOCH", day)
        cut_font.main()
        made.add(cut_font.FONT.read_bytes())
    assert len(made) == 1


def test_a_word_that_a_language_lacks_is_named(tmp_path):
    for path in labels.WORDS.glob("*.toml"):
        shutil.copy(path, tmp_path)
    text = (tmp_path / "zh.toml").read_text(encoding="utf-8")
    (tmp_path / "zh.toml").write_text(text.replace("\nlr =", "\n# "), encoding="utf-8")
    with pytest.raises(ValueError, match=r"zh\.toml has no words for: lr"):
        labels._read(tmp_path)


def draw(text: str) -> None:
    figure = plt.figure()
    figure.text(0, 0, text)
    figure.canvas.draw()
    plt.close(figure)


def test_no_label_is_drawn_as_a_box(caplog):
    for language in labels.LANGUAGES:
        use_language(language)
        with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
            warnings.simplefilter("error")
            draw(" ".join(label(key) for key in LABELS) + r" $\sigma^2$ −1")
    assert not caplog.records


def test_a_box_would_be_seen():
    use_language("zh")
    with pytest.warns(UserWarning, match="Glyph .* missing"):
        draw("龘")  # in neither of the two fonts


def test_language_is_chosen_once():
    use_language("zh")
    assert label("noisy") == "带噪"
    assert matplotlib.rcParams["font.family"][0] == "Noto Sans SC"
    use_language("en")
    assert label("noisy") == "noisy"
    assert label("BM3D") == "BM3D"  # names need no translation
    with pytest.raises(UnetlibError, match='"en" or "zh", got \'fr\''):
        use_language("fr")


@pytest.mark.parametrize(
    ("shell", "backend", "warned"),
    [
        (
            SimpleNamespace(kernel=1, ast_transformers=[]),
            "agg",
            True,
        ),  # MPLBACKEND=agg in a notebook
        (SimpleNamespace(kernel=1, ast_transformers=[]), "svg", False),
        (SimpleNamespace(ast_transformers=[]), "agg", False),  # IPython in a terminal
        (None, "agg", False),
    ],
)
def test_a_notebook_without_figures_is_told(shell, backend, warned, monkeypatch):
    formats = "matplotlib_inline.backend_inline.set_matplotlib_formats"
    monkeypatch.setattr(formats, lambda *_, **__: None)  # it wants a whole IPython
    ipython = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    with (
        matplotlib.rc_context({"backend": backend}),
        warnings.catch_warnings(record=True, action="always") as seen,
    ):
        use_language("en")
    said = [str(one.message) for one in seen]
    assert [text for text in said if "%matplotlib inline" in text] == said
    assert bool(said) == warned
