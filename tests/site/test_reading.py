"""The site as a reader meets it, in a real browser: every page, both languages.

Each check takes an open page and returns what is wrong with it, so that it can be run
twice: on every page, which must be clean, and on one with a fault planted in it, which
must not pass. What goes on within the page stands in reading.js.
"""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import ROOT
from chapters import NAMES
from languages import LANGUAGES
from PIL import Image
from playwright.sync_api import Page
from reader import DESKTOP, Reader, visit
from sources import PAGES as AFTER

PAGES = [
    f"{language}/{name}.html"
    for language in LANGUAGES
    for name in (*NAMES, *AFTER, "search")
]
# A page of each template: with the live denoiser, with formulas, with a part that
# trains, with what one has read, of terms, of results. How a page is used depends on
# these, and hardly on what it says.
TEMPLATES = ("00_welcome", "03_loss", "train", "progress", "glossary", "search")
PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 568}  # the least that WCAG asks for (1.4.10)
PAPER = {"width": 720, "height": 1040}  # A4 between its margins
FIRST_LOAD = 1_000_000  # bytes
AXE = ROOT / "build/npm/node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="module")
def reader(request, browser, served) -> Iterator[Reader]:
    """Each page in turn, opened once for all checks."""
    with visit(browser, served, request.param) as opened:
        yield opened


def rarely(page: str) -> pytest.param:
    """The page, for each run of the tests if it stands for a template."""
    seldom = Path(page).stem not in TEMPLATES
    return pytest.param(page, marks=pytest.mark.weekly if seldom else ())


@pytest.fixture(scope="module", params=map(rarely, PAGES))
def user(request, browser, served) -> Iterator[Reader]:
    """A page that is left, and come back to: hence not one that others read."""
    with visit(browser, served, request.param) as opened:
        yield opened


def complaints(reader: Reader) -> list[str]:
    """What the page writes to the console."""
    return reader.complaints


def foreign_requests(reader: Reader) -> list[str]:
    """What it asks other servers for."""
    return reader.foreign


def heavy(reader: Reader) -> list[str]:
    """A page that takes long to arrive on a slow line."""
    over = reader.travelled > FIRST_LOAD
    return [f"{reader.travelled:,} bytes before the first scroll"] if over else []


def too_wide(reader: Reader) -> list[str]:
    """What makes a phone scroll sideways."""
    wide = []
    for size in (PHONE, NARROW):
        reader.page.set_viewport_size(size)
        wide += reader.page.evaluate("reading.tooWide()")
    reader.page.set_viewport_size(DESKTOP)
    return wide


def inaccessible(reader: Reader) -> list[str]:
    """What axe-core finds by day; by night other colours, and no more."""
    reader.page.evaluate(AXE.read_text(encoding="utf-8"))
    wrong = []
    for theme, rules in (("dark", {"runOnly": "color-contrast"}), ("light", {})):
        reader.page.emulate_media(color_scheme=theme)
        reader.page.wait_for_selector(f"html[data-theme='{theme}']")
        wrong += reader.page.evaluate("(rules) => reading.violations(rules)", rules)
    return wrong


def inaccessible_in_forced_colours(reader: Reader) -> list[str]:
    """What axe-core finds where the system chooses the colours, desktop and phone."""
    page = reader.page
    page.evaluate(AXE.read_text(encoding="utf-8"))
    wrong = []
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme, forced_colors="active")
        page.wait_for_selector(f"html[data-theme='{theme}']")
        for size in (PHONE, DESKTOP):
            page.set_viewport_size(size)
            page.wait_for_timeout(600)  # the theme looks for what scrolls after 300 ms
            wrong += page.evaluate("reading.violations({})")
    page.emulate_media(color_scheme="light", forced_colors="none")
    return wrong


def out_of_reach(reader: Reader) -> list[str]:
    """What the keyboard cannot reach, or reaches without showing it."""
    keyboard, evaluate = reader.page.keyboard, reader.page.evaluate
    stops = evaluate("reading.startRound()")
    for presses in range(2 * stops):  # boxes that scroll are stops too
        keyboard.press("Tab")
        if presses % 10 == 0 and evaluate("reading.round.done"):
            break
    return evaluate("reading.endRound()")


def lost_place(reader: Reader) -> list[str]:
    """Where a language switch leads to another page, or to another part of it."""
    page, wrong = reader.page, []
    language = reader.url.rsplit("/", 2)[1]

    def follow(code: str, place: str) -> None:
        wanted = reader.url.replace(f"/{language}/", f"/{code}/") + place
        with page.expect_navigation():
            page.click(f"a.language-switch[data-language={code}]")
        if page.url != wanted or not page.evaluate("reading.hasArrived()"):
            wrong.append(f"{wanted}: {page.url} at {page.evaluate('scrollY')}")

    for other in LANGUAGES.keys() - {language}:
        last, _ = page.evaluate("reading.places()")
        page.goto(f"{reader.url}{last}")
        follow(other, last)
        _, middle = page.evaluate("reading.places()")
        page.evaluate("reading.scrollToPlace", middle)
        follow(language, middle)
    return wrong


def unreadable_on_paper(reader: Reader) -> list[str]:
    """A dark page, printed: light, all of the text, none of the tools."""
    page = reader.page
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-theme='dark']")
    page.evaluate(
        "addEventListener('beforeprint',"
        " () => { window.printedIn = document.documentElement.dataset.theme; })"
    )
    page.pdf()
    printed_in = page.evaluate("window.printedIn")
    wrong = [] if printed_in == "light" else [f"printed in {printed_in}"]
    page.wait_for_selector("html[data-theme='dark']")  # as before
    page.emulate_media(color_scheme="light", media="print")
    page.set_viewport_size(PAPER)
    wrong += page.evaluate("reading.wrongOnPaper()")
    page.emulate_media(media="screen")
    page.set_viewport_size(DESKTOP)
    return wrong


def stopped(reader: Reader) -> list[str]:
    """What its policy stops while the page is read and used."""
    page = reader.page
    page.locator(".theme-switch-button").first.click(click_count=3)  # once round
    for control in (".copybtn", ".live-denoiser [name=renew]"):
        for button in page.locator(f"{control}:visible").all()[:1]:
            button.click()
    page.keyboard.press("Control+k")
    page.keyboard.type("PSNR")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.wait_for_function("reading.results")
    return reader.stopped


CHECKS = (complaints, foreign_requests, heavy, too_wide)
# These take long, and what they look for seldom depends on what a page says.
THOROUGH = (inaccessible, out_of_reach, unreadable_on_paper)
IN_USE = (stopped, lost_place)
STYLE = "document.head.insertAdjacentHTML('beforeend', '<style>{}</style>')"
FAULTS = {
    "an error": (complaints, "null.fault"),
    "another server": (foreign_requests, "new Image().src = 'http://a.example/'"),
    "a heavy script": (
        heavy,
        "for (let n = 0; n < 99; n++) fetch(`_static/fonts/sans.woff2?${n}`)",
    ),
    "a wide heading": (too_wide, STYLE.format("h1 { width: 500px }")),
    "pale in the dark": (
        inaccessible,
        STYLE.format("[data-theme=dark] dd { color: #444 }"),
    ),
    "a nameless button": (
        inaccessible,
        "document.querySelector('h1').after(document.createElement('button'))",
    ),
    "a heading that leaves out levels": (
        inaccessible,
        "document.querySelector('h1').insertAdjacentHTML('afterend', '<h5>Title</h5>')",
    ),
    "a nameless field in forced colours": (
        inaccessible_in_forced_colours,
        "document.querySelector('h1').after(document.createElement('input'))",
    ),
    "a link off the round": (
        out_of_reach,
        "document.querySelector('.language-switch').tabIndex = -1",
    ),
    "a trap": (
        out_of_reach,
        "document.querySelector('.language-switch').onkeydown = () => false",
    ),
    "no outlines": (
        out_of_reach,
        STYLE.format(":focus-visible:focus { outline: none !important }"),
    ),
    "a plain link as switch": (
        lost_place,
        "const a = document.querySelector('.language-switch');"
        "a.replaceWith(a.cloneNode(true))",
    ),
    "dark on paper": (
        unreadable_on_paper,
        "addEventListener('beforeprint', (e) => e.stopImmediatePropagation(), true)",
    ),
    "tools on paper": (
        unreadable_on_paper,
        STYLE.format("footer.prev-next-footer { display: flex !important }"),
    ),
    "text off the paper": (
        unreadable_on_paper,
        STYLE.format("dl { overflow: hidden } dd { width: 60em }"),
    ),
    "an inline script": (
        stopped,
        "const s = document.createElement('script');"
        "s.textContent = 'window.planted = true'; document.head.append(s)",
    ),
}


@pytest.mark.parametrize("reader", PAGES, indirect=True)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_page_is_clean(reader, check):
    assert check(reader) == []


@pytest.mark.parametrize("reader", [*map(rarely, PAGES)], indirect=True)
@pytest.mark.parametrize("check", THOROUGH, ids=lambda check: check.__name__)
def test_page_serves_everybody(reader, check):
    assert check(reader) == []


@pytest.mark.parametrize("check", IN_USE, ids=lambda check: check.__name__)
def test_page_can_be_used(user, check):
    assert check(user) == []


@pytest.mark.weekly
@pytest.mark.parametrize("reader", PAGES, indirect=True)
def test_page_is_accessible_in_forced_colours(reader):
    assert inaccessible_in_forced_colours(reader) == []


@pytest.mark.parametrize("spoiled", [False, True], ids=["", "spoiled"])
def test_icons_are_seen_in_forced_colours(browser, served, spoiled):
    context = browser.new_context(forced_colors="active", bypass_csp=True)
    page = context.new_page()
    page.goto(f"{served}/en/glossary.html")
    if spoiled:  # as browsers do where a style sheet says nothing
        page.add_style_tag(content=".fa-solid { background: Canvas !important }")
    colours = page.evaluate("""[...document.querySelectorAll(".fa-solid")]
        .map((icon) => getComputedStyle(icon).backgroundColor)""")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colours and (paper in colours) == spoiled
    context.close()


def test_no_focus_under_the_sticky_header(browser, served):
    page = browser.new_page(viewport=PHONE, reduced_motion="reduce")
    page.goto(f"{served}/en/03_loss.html")
    page.evaluate("document.querySelector('footer a').focus()")
    covered = []
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        covered += page.evaluate("""(() => {
          const e = document.activeElement.getBoundingClientRect();
          const header = document.querySelector(".bd-header-article");
          return header.contains(document.activeElement) || document.body ===
            document.activeElement || e.bottom > header.getBoundingClientRect().bottom
            ? [] : [document.activeElement.outerHTML.slice(0, 80)];
        })()""")
    assert covered == []
    page.close()


@pytest.mark.parametrize("spoiled", [False, True], ids=["", "spoiled"])
def test_a_dark_page_is_dark_from_the_start(browser, served, site, spoiled):
    """One that turns dark when it is complete flashes, and is laid out twice."""
    html = (site / "en/glossary.html").read_text(encoding="utf-8")
    context = browser.new_context(color_scheme="dark", bypass_csp=True)
    page = context.new_page()
    page.add_init_script(
        """document.addEventListener("readystatechange", () => {
          globalThis.early ??= document.documentElement.dataset.theme;
        })"""  # as it is before the theme's own script
    )
    if spoiled:
        html = html.replace("page.theme =", "page.other =")
        page.route("**/glossary.html", lambda route: route.fulfill(body=html))
    page.goto(f"{served}/en/glossary.html")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert (page.evaluate("early") == "dark") is not spoiled
    context.close()


@pytest.mark.parametrize(
    ("scheme", "quiet"), [("light", "rgb(238, 240, 251)"), ("dark", "rgb(28, 34, 54)")]
)
def test_what_a_link_led_to_is_marked_quietly(browser, served, scheme, quiet):
    page = browser.new_page(color_scheme=scheme)
    page.goto(f"{served}/en/{NAMES[3]}.html#adam")
    heading = page.locator("#adam > h2")
    assert heading.evaluate("(e) => getComputedStyle(e).backgroundColor") == quiet
    page.close()


@pytest.mark.parametrize("width", [1200, 1280, 1440])
def test_code_fits_beside_both_sidebars(browser, served, width):
    """88 columns, which is how wide ruff lets a line be, without scrolling."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(f"{served}/en/02_architecture.html")
    shown = page.evaluate(
        """async () => {
          await document.fonts.ready;
          const code = document.querySelector("div.cell_input pre");
          const fits = (columns) => {
            code.textContent = "0".repeat(columns);
            return code.scrollWidth <= code.clientWidth;
          };
          return [fits(88), fits(200)];
        }"""
    )
    assert shown == [True, False]
    page.close()


@pytest.fixture
def returning(browser, served) -> Iterator[Page]:
    """A reader of chapter 03 who left it at section #adam, and opens the first page."""
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{served}/en/{NAMES[3]}.html#adam")
    page.goto(f"{served}/en/{NAMES[0]}.html")
    yield page
    context.close()


def test_the_first_page_leads_back_to_where_the_reader_was(returning, served):
    link = returning.locator(".book-place a")
    assert link.inner_text() == "03 Loss and optimiser · Adam"
    link.click()
    assert returning.url == f"{served}/en/{NAMES[3]}.html#adam"
    returning.goto(
        f"{served}/zh/{NAMES[0]}.html"
    )  # in whose words it knows the chapter
    assert link.inner_text() == "03 损失与优化器"


def test_the_place_can_be_forgotten(returning):
    assert returning.evaluate("Object.keys(localStorage)").count("book-place") == 1
    returning.locator(".book-place button").click()
    assert returning.locator(".book-place").is_hidden()
    assert "book-place" not in returning.evaluate("Object.keys(localStorage)")
    returning.reload()
    assert returning.locator(".book-place").is_hidden()


@pytest.mark.parametrize(
    "stored", ["", "null", "{", '{"page": "gone"}', '{"page": "\\"]"}', "[]", "7"]
)
def test_a_place_that_is_none_is_not_offered(returning, stored):
    faults = []
    returning.on("pageerror", lambda error: faults.append(error))
    returning.evaluate("(text) => localStorage.setItem('book-place', text)", stored)
    returning.reload()
    assert returning.locator(".book-place").is_hidden() and faults == []


def test_the_top_of_a_chapter_is_no_place(browser, served):
    context = browser.new_context()
    page = context.new_page()
    for name in (NAMES[3], NAMES[0], "glossary", NAMES[0]):
        page.goto(f"{served}/en/{name}.html")
    assert page.locator(".book-place").is_hidden()
    context.close()


def test_a_figure_is_enlarged(browser, served):
    """By a tap, there, and by the keyboard; Escape, a tap and "back" return."""
    with browser.new_context(viewport=PHONE, has_touch=True) as context:
        context.add_init_script("localStorage.setItem('book-answers', 'open')")
        page = context.new_page()
        page.goto(f"{served}/en/01_data.html")
        figure = page.locator("article .cell_output button").last
        dialog, large = (
            page.get_by_role("dialog"),
            page.get_by_role("dialog").locator("img"),
        )
        name = figure.locator("img").get_attribute("alt")

        def leave_by_tap():
            dialog.get_by_role("button", name="Close").tap()

        for enter, leave in (
            (figure.tap, leave_by_tap),
            (lambda: figure.press("Enter"), lambda: page.keyboard.press("Escape")),
            (figure.tap, page.go_back),
        ):
            enter()
            assert dialog.is_visible() and dialog.get_attribute("aria-label") == name
            # Its words are as large as on a wide screen, or the figure fills this one.
            natural = int(figure.locator("img").get_attribute("width"))
            assert large.bounding_box()["width"] >= natural > 0
            leave()
            dialog.wait_for(state="hidden")
            assert (
                page.evaluate("document.activeElement.title") == "Enlarge this figure"
            )
            page.wait_for_function("!history.state?.enlarged")
        assert page.url == f"{served}/en/01_data.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_vector_figures_take_the_page_s_colours(browser, served, scheme):
    """Whatever the system's are: a corner of each figure is as the page around it."""
    with browser.new_context(viewport=DESKTOP, color_scheme="light") as context:
        context.add_init_script(f"localStorage.setItem('mode', '{scheme}')")
        context.add_init_script("localStorage.setItem('book-answers', 'open')")
        page = context.new_page()
        page.goto(f"{served}/en/01_data.html")
        figure = page.locator('article .cell_output img[src$=".svg"]').first
        figure.scroll_into_view_if_needed()
        figure.evaluate("(img) => img.decode()")  # until it is loaded
        box = figure.bounding_box()
        clip = {"x": box["x"] - 6, "y": box["y"] + 12, "width": 12, "height": 2}
        shot = Image.open(io.BytesIO(page.screenshot(clip=clip)))
        assert len(shot.getcolors()) == 1


@pytest.mark.parametrize(
    ("address", "locale", "language"),
    [
        ("/fork/zh/03_los.html", "en", "zh"),
        ("/fork/en/a/b/c", "zh-CN", "en"),
        ("/fork/nowhere", "zh-CN", "zh"),
        ("/nowhere", "fr", "en"),
    ],
)
def test_a_wrong_address_is_answered_in_the_readers_language(
    browser, site, address, locale, language
):
    context = browser.new_context(locale=locale)
    page = context.new_page()
    html = (site / "404.html").read_text(encoding="utf-8")
    page.route("**", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(f"http://book.example{address}")
    assert page.locator("html").get_attribute("lang") == LANGUAGES[language].tag
    way = page.locator("section:visible a")
    base = "/fork/" if f"/{language}/" in address else "/"
    assert way.get_attribute("href") == f"{base}{language}/{NAMES[0]}.html"
    form = page.locator("section:visible form").get_attribute("action")
    assert form == f"{base}{language}/search.html"
    context.close()


@pytest.mark.parametrize("name", FAULTS)
def test_check_sees_a_planted_fault(browser, served, name):
    check, fault = FAULTS[name]
    lawless = check is not stopped
    with visit(browser, served, "en/glossary.html", fault, lawless) as opened:
        assert check(opened) != []
