"""Every word of every figure has its glyphs, in every language."""

import logging
import warnings

import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.ft2font import FT2Font

from unetlib import labels
from unetlib.display.labels import LABELS, label, use_language


@pytest.mark.parametrize("key", LABELS)
def test_the_font_subset_has_every_character(key):
    known = FT2Font(labels.FONT).get_charmap()
    for words in LABELS[key].values():
        assert words and not [c for c in words if ord(c) not in known]


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
    assert label("noisy") == "加噪"
    assert matplotlib.rcParams["font.family"][0] == "Noto Sans SC"
    use_language("en")
    assert label("noisy") == "noisy"
    assert label("BM3D") == "BM3D"  # names need no translation
    with pytest.raises(ValueError, match='"en" or "zh", got \'fr\''):
        use_language("fr")
