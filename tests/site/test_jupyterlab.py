"""A reader opens the welcome notebook in a real JupyterLab and drags the noise."""

import re
from collections.abc import Iterator

import nbformat
import pytest
from chapters import committed
from languages import FALLBACK, LANGUAGES
from playwright.sync_api import Browser, Locator, Page, expect

from unetlib.display.labels import LABELS, label, use_language
from unetlib.display.widgets import noise_explorer
from unetlib.metrics import psnr, ssim

NAMES = ["sigma", "digit", "noise", "model", "new_noise"]
NAMES += ["clean", "noisy", "denoised", "error"]
SECONDS = 60  # for what a slow machine may take; a test that passes waits far less


def two_explorers(language: str) -> nbformat.NotebookNode:
    """The welcome notebook up to its explorer, and a cell that shows another one."""
    notebook = committed("00_welcome", language)
    ids = [cell.id for cell in notebook.cells]
    notebook.cells = notebook.cells[: ids.index("explorer") + 1]
    another = "another = noise_explorer(digits=3)\nanother"
    notebook.cells.append(nbformat.v4.new_code_cell(another, id="another"))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


class Explorer:
    """An explorer on the page, as its reader sees and moves it."""

    def __init__(self, page: Page, widget: Locator) -> None:
        self.page, self.widget = page, widget
        self.sigma = widget.locator(".widget-slider").first

    def pictures(self) -> list[str]:
        return [i.get_attribute("src") for i in self.widget.locator("img").all()]

    def caption(self, index: int) -> Locator:
        return self.widget.locator("figcaption").nth(index)

    def captions(self) -> list[str]:
        return self.widget.locator("figcaption").all_inner_texts()

    def names(self) -> list[str]:
        """What the controls and the pictures are called, from top to bottom."""
        controls = self.widget.locator(".widget-label:visible").all_inner_texts()
        button = self.widget.get_by_role("button").inner_text()
        figures = self.widget.locator("figure").all_inner_texts()
        return [*controls, button, *(text.split("\n")[0] for text in figures)]

    def handle(self) -> tuple[float, float]:
        box = self.sigma.locator(".noUi-handle").bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, pixels: float, steps: int) -> None:
        """Move the handle of the noise level, the mouse button still down."""
        x, y = self.handle()
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + pixels, y, steps=steps)

    def settled(self) -> tuple[float, float]:
        """(sigma, PSNR before denoising) once the page shows what Python computes."""
        sigma = float(self.sigma.locator(".widget-readout").inner_text())
        expected = numbers(sigma)
        for index, key in ((1, "noisy"), (2, "denoised")):
            expect(self.caption(index)).to_have_text(expected[key], use_inner_text=True)
        return sigma, float(re.match(r"[-\d.]+", expected["noisy"])[0])


def numbers(sigma: float) -> dict[str, str]:
    """What stands beneath noisy and denoised for the first digit."""
    panels = noise_explorer(digits=1).panels(sigma)
    clean = panels.pop("clean")
    return {
        key: f"{psnr(image, clean).item():.1f} dB SSIM {ssim(image, clean).item():.2f}"
        for key, image in panels.items()
    }


def what_goes_wrong(page: Page) -> list[str]:
    """Grows by each error on the page, and each request to another server."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: m.type == "error" and wrong.append(m.text))
    ours = re.compile(r"(http|ws)://127\.0\.0\.1:|data:|blob:")
    page.on("request", lambda r: ours.match(r.url) or wrong.append(r.url))
    return wrong


@pytest.fixture
def explorers(request, lab, browser: Browser) -> Iterator[tuple[Explorer, Explorer]]:
    """Both explorers of the executed notebook; afterwards: nothing went wrong."""
    use_language(request.param)
    name = f"{request.param}.ipynb"
    nbformat.write(two_explorers(request.param), lab.folder / name)
    page = browser.new_page(viewport={"width": 1280, "height": 1400})
    page.set_default_timeout(1000 * SECONDS)
    expect.set_options(timeout=1000 * SECONDS)
    wrong = what_goes_wrong(page)
    page.goto(lab.url(name))
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    widgets = page.locator(".jp-OutputArea-output > .widget-vbox")
    expect(widgets).to_have_count(2)
    expect(widgets.locator("img")).to_have_count(8)
    yield Explorer(page, widgets.nth(0)), Explorer(page, widgets.nth(1))
    page.close()
    expect.set_options(timeout=None)  # what other tests are used to
    assert not wrong


@pytest.mark.parametrize(
    "explorers",
    [
        pytest.param(code, marks=() if code == FALLBACK else pytest.mark.weekly)
        for code in LANGUAGES
    ],
    indirect=True,
)
def test_the_explorer_speaks_the_readers_language_and_follows_the_slider(explorers):
    first, second = explorers
    assert first.names() == [label(key) for key in NAMES]
    untouched = second.pictures(), second.captions()
    sigma, before = first.settled()
    assert sigma == 0.5

    seen = first.pictures()
    beneath = first.captions()[1]
    first.drag(-50, steps=5)  # and while the mouse button is still down:
    expect(first.caption(1)).not_to_have_text(beneath, use_inner_text=True)
    first.page.mouse.up()
    sigma, clearer = first.settled()
    assert sigma < 0.5 and clearer > before

    first.drag(120, steps=120)  # fast: values may be skipped, the last one may not
    first.page.mouse.up()
    sigma, worse = first.settled()
    assert sigma > 0.5 and worse < before
    assert len({*first.pictures(), *seen}) == 7  # only the clean one stays

    for _ in range(10):
        first.page.keyboard.press("ArrowRight")
    by_keyboard, worst = first.settled()
    assert by_keyboard == pytest.approx(sigma + 0.1) and worst < worse
    assert (second.pictures(), second.captions()) == untouched
    outputs = first.page.locator(".jp-CodeCell:has(figure) .jp-OutputArea-output")
    assert outputs.count() == 2  # one beneath each of the two cells


@pytest.mark.parametrize("explorers", ["en"], indirect=True)
def test_every_other_control_changes_the_pictures(explorers):
    first, _ = explorers
    widget = first.widget
    digit = widget.locator(".widget-slider").nth(1).locator(".noUi-handle")
    noise, network = (widget.get_by_label(x, exact=True) for x in ("noise", "network"))
    for act in (
        lambda: digit.press("ArrowRight"),
        lambda: noise.select_option("salt and pepper"),
        lambda: network.select_option(LABELS["article-noise"]["en"]),
        lambda: widget.get_by_role("button", name="new noise").click(),
    ):
        denoised, beneath = first.pictures()[2], first.captions()[2]
        act()
        expect(first.caption(2)).not_to_have_text(beneath, use_inner_text=True)
        assert first.pictures()[2] != denoised
