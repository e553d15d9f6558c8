"""Cut the Chinese font subset that figures use: exactly the characters of LABELS.

Run it (`make font`) after changing unetlib/display/words. The full font, Noto Sans SC
(SIL Open Font License), comes from the zhplot package.
"""

import importlib.util
import string
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

from unetlib.display.labels import FONT, LABELS


def characters() -> str:
    """Every character that a figure may need, sorted."""
    words = "".join(word for words in LABELS.values() for word in words.values())
    return "".join(sorted(set(words + string.printable[:95] + "，。：；（）×→σ²−±·")))


def main() -> None:
    package = Path(importlib.util.find_spec("zhplot").submodule_search_locations[0])
    (full,) = package.rglob("NotoSansSC*.ttf")
    # With the date of the full font, not today's: same labels, same bytes.
    font = TTFont(full, recalcTimestamp=False)
    if "fvar" in font:  # a variable font: keep its regular weight
        instancer.instantiateVariableFont(font, {"wght": 400}, inplace=True)
    subsetter = subset.Subsetter(
        subset.Options(layout_features=[], notdef_outline=True)
    )
    subsetter.populate(text=characters())
    subsetter.subset(font)
    part = FONT.with_suffix(".part")  # figures may be drawing with the old one
    font.save(part)
    part.replace(FONT)
    print(f"{FONT.name}: {len(characters())} characters, {FONT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
