"""What figures and sliders say, in the reader's language.

`use_language("zh")` chooses once per notebook; `label("noisy")` gives the word. A
language is one file in `words/`. The Chinese comes in a small subset of Noto Sans SC
(SIL Open Font License, in `fonts/`) that holds exactly the characters of those files:
after adding one, run `make font`.
"""

import sys
import tomllib
import warnings
from pathlib import Path

from unetlib.checks import UnetlibError, check_choice
from unetlib.display.assertions import tell_values

FONT = Path(__file__).parent / "fonts" / "NotoSansSC-subset.ttf"
WORDS = Path(__file__).parent / "words"
_current = {"language": "en"}


def _read(folder: Path) -> dict[str, dict[str, str]]:
    """{key: {language: words}} from LANGUAGE.toml, one file for each language.

    Raises UnetlibError where a file lacks words that another has.
    """
    languages = {
        path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.toml"))
    }
    keys = dict.fromkeys(key for words in languages.values() for key in words)
    for language, words in languages.items():
        missing = ", ".join(key for key in keys if key not in words)
        if missing:
            raise UnetlibError(f"{folder / language}.toml has no words for: {missing}")
    return {
        key: {language: words[key] for language, words in languages.items()}
        for key in keys
    }


LABELS = _read(WORDS)
LANGUAGES = tuple(next(iter(LABELS.values())))


def use_language(language: str) -> None:
    """Let figures and sliders speak a language from now on: "zh" for Chinese, "en", ….

    In a notebook, so does each `assert` of the cells that follow: where it fails, it
    tells the values that it compared.
    Figures in a notebook become vector graphics, sharp at any size.
    Warns where a notebook would show no figures.
    Raises UnetlibError for one that the book is not in.
    """
    import matplotlib  # here, since it takes long to import
    from matplotlib import font_manager

    check_choice("language", language, LANGUAGES)
    _current["language"] = language
    tell_values(label)
    font_manager.fontManager.addfont(FONT)
    # Chinese first: otherwise labels that mix it with $math$ show empty boxes.
    matplotlib.rcParams["font.family"] = ["Noto Sans SC", "DejaVu Sans"]
    matplotlib.rcParams["axes.unicode_minus"] = False
    matplotlib.rcParams["svg.hashsalt"] = "unetlib"  # the same figure, the same file
    if getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None})
    _see_that_figures_are_shown()


def language() -> str:
    """The language in use, "en" before `use_language` was called."""
    return _current["language"]


def _see_that_figures_are_shown() -> None:
    """Warns in a notebook whose figures go nowhere; matplotlib says nothing."""
    import matplotlib

    ipython = sys.modules.get("IPython")
    in_a_notebook = hasattr(ipython and ipython.get_ipython(), "kernel")
    if in_a_notebook and matplotlib.get_backend().lower() == "agg":
        warnings.warn(
            "matplotlib draws figures but shows none: its backend is agg, such as "
            'MPLBACKEND="agg" in the environment sets it. To see them, run '
            "%matplotlib inline",
            stacklevel=3,
        )


def label(key: str) -> str:
    """The words for `key` in the current language.

    A key that is not in LABELS comes back as it is: names and formulas need no
    translation.
    """
    return LABELS[key][_current["language"]] if key in LABELS else key
