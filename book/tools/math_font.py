"""Cuts the font of the formulas: what the pages of a built site need of STIX Two Math.

Few phones and Linux machines have a font with the measures of formulas, and the whole
one weighs more than a chapter.
"""

import re
from pathlib import Path

from bs4 import BeautifulSoup
from fontTools import subset
from fontTools.ttLib import TTFont

FULL = "@fontsource/stix-two-math/files/stix-two-math-latin-400-normal.woff"
# What browsers put in themselves: the root of <msqrt>, and for <mi>x</mi> the italic of
# its own code point: Latin, the h that stands apart, and Greek.
DRAWN = [ord("√"), *range(0x1D434, 0x1D468), 0x210E, *range(0x1D6E2, 0x1D71C)]


def characters(site: Path) -> set[int]:
    """The code points of all formulas of a site, and what stands for others."""
    pages = (page.read_text("utf-8") for page in site.rglob("*.html"))
    formulas = {f for page in pages for f in re.findall(r"(?s)<math.*?</math>", page)}
    texts = BeautifulSoup("".join(formulas), "html.parser").text
    return {ord(c) for c in texts}.union(DRAWN)


def cut_math_font(modules: Path, needed: set[int], target: Path) -> None:
    """Write the part of the font that has the code points `needed`.

    modules: node_modules. With it come the larger variants that roots, brackets and
    fractions grow into.
    """
    font = TTFont(modules / FULL, recalcTimestamp=False)
    subsetter = subset.Subsetter(subset.Options(notdef_outline=True, hinting=False))
    subsetter.populate(unicodes=needed)
    subsetter.subset(font)
    font.save(target)
