"""Style sheets without the rules that no page can use: nothing looks otherwise."""

from pathlib import Path

import myst_nb
import pydata_sphinx_theme
import pytest
import sphinx_book_theme

WHOLE = {
    "pydata-sphinx-theme.css": Path(pydata_sphinx_theme.__file__).parent,
    "sphinx-book-theme.css": Path(sphinx_book_theme.__file__).parent,
    "mystnb*.css": Path(myst_nb.__file__).parent,
}
# A page of each kind; looked at as they are, and with dialogs and menus open.
PAGES = ("zh/00_welcome", "en/02_architecture", "en/api", "zh/search", "en/references")
OPENED = """() => {
    for (const dialog of document.querySelectorAll("dialog:not([open])")) dialog.show();
    for (const details of document.querySelectorAll("details")) details.open = true;
    for (const menu of document.querySelectorAll("[popover]")) menu.showPopover();
}"""
LOOKS = """() => [...document.querySelectorAll("body, body *")].map((element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    const box = [x, y + scrollY, width, height].map(Math.round);
    return [element, null, "::before", "::after"].flatMap((part, index) => {
        if (index == 0) return [element.tagName, ...box];
        const style = getComputedStyle(element, part);
        return ["color", "backgroundColor", "borderColor", "display", "visibility",
            "fontSize", "fontWeight", "content", "maskImage", "opacity", "cursor"]
            .map((property) => style[property]);
    }).join(" ");
})"""


def whole(name: str) -> str:
    (file,) = (
        file for file in WHOLE[name].rglob(name) if "node_modules" not in file.parts
    )
    return file.read_text(encoding="utf-8")


def looks(page, address: str) -> list[str]:
    page.goto(address, wait_until="load")
    page.wait_for_timeout(500)
    closed = page.evaluate(LOOKS)
    page.evaluate(OPENED)
    return closed + page.evaluate(LOOKS)


@pytest.mark.parametrize(
    ("width", "theme"),
    [pytest.param(1280, "light", marks=pytest.mark.weekly), (390, "dark")],
)
@pytest.mark.parametrize("name", PAGES)
def test_no_page_looks_otherwise(name, width, theme, browser, served):
    page = browser.new_page(
        viewport={"width": width, "height": 844},
        color_scheme=theme,
        reduced_motion="reduce",
        bypass_csp=True,
    )
    address = f"{served}/{name}.html"
    ours = looks(page, address)
    for sheet in WHOLE:
        options = {"body": whole(sheet), "content_type": "text/css"}
        page.route(f"**/{sheet}*", lambda route, _, o=options: route.fulfill(**o))
    theirs = looks(page, address)
    page.close()
    assert len(ours) > 200
    assert [pair for pair in zip(ours, theirs, strict=True) if len(set(pair)) > 1] == []


def test_the_sheets_are_short(site):
    for code in ("zh", "en"):
        sheets = (site / code / "_static" / "styles").glob("*.css")
        assert sum(sheet.stat().st_size for sheet in sheets) < 150_000
