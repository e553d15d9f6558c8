"""The site in Firefox and in WebKit, where what Chromium does is no proof.

The other tests of the site look closer, in Chromium. Here stands what depends on the
engine: layout, MathML, modules and WebAssembly in a worker, mouse and keyboard. Each
check takes an engine and the address of the site, and returns what is wrong; so it is
run on the site, which must be right, and on one with a fault planted into each page.

A missing browser skips its tests, except in CI, which installs them (weekly.yml).
"""

import math
import re
from collections.abc import Iterator

import pytest
from engines import CONTROL, ENGINES, ENTER, RIGHT, Engine, Watched
from languages import LANGUAGES
from test_reading import PAGES
from website import serve

pytestmark = pytest.mark.weekly
WIDTHS = (390, 1280)
# Fractions that do not stand one above the other, and formulas without a height.
FLAT = """[...document.querySelectorAll("article math")]
  .filter((e) => e.checkVisibility()).flatMap((formula) => {
    const box = (e) => e.getBoundingClientRect();
    const flat = [...formula.querySelectorAll("mfrac")]
      .filter(({ children: [a, b] }) => box(a).bottom > box(b).top + 1);
    return box(formula).height > 5 && !flat.length ? [] : [formula.textContent];
  })"""
# How many pixels of the clean picture are bright.
INK = """document.querySelector("[data-part=clean]").getContext("2d")
  .getImageData(0, 0, 28, 28).data.filter((v, n) => n % 4 === 0 && v > 127).length"""
# The share of dark pixels among those that were made.
DARK = """(() => {
  const { width, height } = document.querySelector("[data-part=noisy]");
  const { data } = document.querySelector("[data-part=noisy]").getContext("2d")
    .getImageData(0, 0, width, height);
  return data.filter((v, n) => n % 4 === 0 && v < 64).length / (data.length / 4);
})()"""
NUMBER = re.compile(r"-?\d+\.\d\d")
READY = "document.querySelector('.live-denoiser[data-state=ready]') !== null"
SETTLED = "document.querySelector('.live-pictures').ariaBusy === 'false'"


@pytest.fixture(scope="module", params=ENGINES)
def engine(request) -> Iterator[Engine]:
    with ENGINES[request.param]() as started:
        yield started


@pytest.fixture(scope="module")
def watched(site) -> Iterator[str]:
    with serve(site, host=Watched) as address:
        yield address


def read(engine: Engine, address: str, window: str = "globalThis") -> None:
    """Open a page, and go down it once; window: where it then is."""
    engine.open(address)
    engine.wait(f"{window}.reading && {window}.document.readyState === 'complete'")
    engine.ask(f"{window}.reading.readThrough()")
    engine.wait(f"{window}.reading.isSettled()")


def readable(engine: Engine, site: str, page: str) -> list[str]:
    """No complaint, every formula in its shape, nothing that scrolls sideways."""
    read(engine, f"{site}/{page}")
    wrong = engine.ask("complaints")
    wrong += [f"formula: {formula}" for formula in engine.ask(FLAT)]
    for width in WIDTHS:
        read(engine, f"{site}/frame.html?{width},{page}", "frames[0]")
        wide = engine.ask("frames[0].reading.tooWide()")
        wrong += [f"{width} px: {what}" for what in wide]
    return wrong


def searched(engine: Engine, site: str, language: str) -> list[str]:
    """Ctrl+K and a word lead to the glossary's entry, and to the place in it."""
    read(engine, f"{site}/{language}/03_loss.html")
    engine.press(CONTROL, "k")
    engine.type("PSNR")
    engine.press(ENTER)
    first = engine.wait("globalThis.reading?.results()")[0]
    engine.click("ul.search a")
    engine.wait("location.pathname.endsWith('glossary.html') && reading.hasArrived()")
    wrong = engine.ask("complaints")
    return wrong if first.endswith("#psnr") else [first, *wrong]


def switched(engine: Engine, site: str, language: str) -> list[str]:
    """The language switch leads to the same place of the same page."""
    wrong = []
    for other in LANGUAGES.keys() - {language}:
        read(engine, f"{site}/{language}/03_loss.html")
        _, place = engine.ask("reading.places()")
        engine.ask(f"reading.scrollToPlace('{place}')")
        engine.click(f"a.language-switch[data-language={other}]")
        engine.wait(f"location.pathname.startsWith('/{other}/')")
        engine.wait("document.readyState === 'complete'")
        arrived = engine.ask("location.hash !== '' && reading.hasArrived()")
        address = engine.ask("location.pathname + location.hash")
        if not arrived or address != f"/{other}/03_loss.html{place}":
            wrong.append(f"{place}: {address}, arrived: {arrived}")
        wrong += engine.ask("complaints")
    return wrong


def decibels(engine: Engine) -> tuple[float, float]:
    """The PSNR of the noisy and of the denoised picture."""
    engine.wait(SETTLED)
    noisy, denoised = (
        engine.ask(f"document.querySelector('[data-part={part}-psnr]').textContent")
        for part in ("noisy", "denoised")
    )
    return float(noisy.removesuffix(" dB")), float(denoised.removesuffix(" dB"))


def denoised(engine: Engine, site: str, language: str) -> list[str]:
    """The live denoiser starts, shows what is drawn, and answers to the keyboard."""
    read(engine, f"{site}/{language}/00_welcome.html")
    engine.wait(READY)
    engine.click("label:has([value=draw])")
    engine.wait(SETTLED)
    x, y, width, height = engine.place("[data-part=pad]")
    strokes = ((0.3, 0.3), (0.5, 0.3), (0.7, 0.3), (0.6, 0.5), (0.45, 0.8))
    engine.drag(*((x + a * width, y + b * height) for a, b in strokes))
    engine.wait(f"{INK} > 20")
    noisy, better = decibels(engine)
    wrong = [] if better > noisy + 3 else [f"{noisy} dB became {better} dB"]
    engine.ask("document.querySelector('[name=sigma]').focus()")
    for _ in range(5):
        engine.press(RIGHT)
    heard = "document.querySelector('.live-announce').textContent"
    engine.wait(f"{heard}.includes('0.55')")
    told = engine.ask(heard)
    wrong += [told for value in decibels(engine) if f"{value:.1f} dB" not in told]
    engine.click(".live-inside summary")
    engine.wait("document.querySelectorAll('[data-part=blocks] canvas').length === 40")
    return wrong + engine.ask("complaints")


def trained(engine: Engine, site: str, language: str) -> list[str]:
    """A network learns in the page."""
    settings = "network%3Dskip-4%26steps%3D100"
    read(engine, f"{site}/{language}/train.html?train={settings}")
    engine.click(".live-trainer .live-go")
    engine.wait("document.querySelector('.live-trainer[data-state=ready]') !== null")
    engine.click("[name=unguessed]")
    engine.wait("document.querySelector('[data-part=verdict]').textContent !== ''")
    reached = engine.ask("document.querySelector('[data-part=now]').textContent")
    wrong = [] if float(reached.removesuffix(" dB")) > 14 else [reached]
    return wrong + engine.ask("complaints")


def generated(engine: Engine, site: str, language: str) -> list[str]:
    """Digits come out of noise."""
    read(engine, f"{site}/{language}/generate.html?generate=steps%3D5")
    engine.click(".live-generator .live-go")
    engine.wait("document.querySelector('.live-generator[data-state=ready]') !== null")
    engine.click("[name=make]")
    engine.wait("document.querySelector('.live-announce').textContent !== ''")
    dark = engine.ask(DARK)
    wrong = [] if 0.5 < dark < 0.95 else [f"{dark:.0%} of the pixels are dark"]
    return wrong + engine.ask("complaints")


def explained(engine: Engine, site: str, language: str) -> list[str]:
    """What counts for a pixel, who votes, how a map is made, what can be estimated."""
    read(engine, f"{site}/{language}/02_architecture.html")
    engine.wait(READY)
    engine.wait("/\\d/.test(document.querySelector('.live-field').textContent)")
    engine.click("[name=votes]")
    engine.wait("document.querySelectorAll('.live-votes canvas').length === 8")
    engine.wait("/\\d/.test(document.querySelector('.live-voted').textContent)")
    engine.click("[data-part=blocks] figure:nth-child(4) button:nth-child(3)")
    said = "document.querySelector('.live-window output').textContent"
    engine.wait(f"/\\d/.test({said})")
    sums = [float(x) for x in NUMBER.findall(engine.ask(said).replace("−", "-"))]
    total, value = sums[-2:]
    expected = total * (1 + math.erf(total / math.sqrt(2))) / 2  # GELU
    wrong = [] if abs(value - expected) < 0.02 else [f"{total} became {value}"]
    engine.click(".live-unseen summary")
    read_off = "document.querySelector('[data-part=unseen-sigma] td').textContent"
    engine.wait(f"/\\d/.test({read_off})")
    sigma = float(engine.ask(read_off))
    wrong += [] if 0.4 < sigma < 0.6 else [f"sigma {sigma}"]
    return wrong + engine.ask("complaints")


def played(engine: Engine, site: str, language: str) -> list[str]:
    """A round of each game."""
    read(engine, f"{site}/{language}/games.html")
    for part in ("guessing", "duel"):
        engine.click(f".live-{part} .live-go")
        ready = f".live-{part}[data-state=ready]"
        engine.wait(f"document.querySelector('{ready}') !== null")
    engine.wait("!document.querySelector('[name=pick]').disabled")
    engine.click("[name=pick]")
    engine.wait("/\\d/.test(document.querySelector('[data-part=score]').textContent)")
    x, y, width, height = engine.place(".live-duel [data-part=pad]")
    engine.drag((x + width / 2, y + height / 4), (x + width / 2, y + 3 * height / 4))
    engine.click("[name=compare]")
    engine.wait("document.querySelector('[data-part=yours-psnr]').textContent !== ''")
    told = engine.ask("document.querySelector('[data-part=network-psnr]').textContent")
    wrong = [] if float(told.removesuffix(" dB")) > 12 else [told]
    return wrong + engine.ask("complaints")


IN_USE = (searched, switched, denoised, trained, generated, explained, played)
# What is planted, the check that must see it, and what that must say.
FAULTS = {
    "an error": (readable, "null.fault", "null"),
    "a file that is missing": (
        readable,
        "document.body.append(new Image());document.body.lastChild.src = 'nowhere.png'",
        "not loaded: http",
    ),
    "another server": (readable, "new Image().src = 'http://a.example/'", "stopped: "),
    "a wide heading": (
        readable,
        "document.querySelector('h1').style.width = '2000px'",
        "1280 px: H1",
    ),
    "a fallen numerator": (
        readable,
        "document.querySelector('mfrac > *').style.transform = 'translateY(3em)'",
        "formula: ",
    ),
    "a field without a name": (
        searched,
        "document.querySelectorAll('[name=q]').forEach((e) => { e.name = ''; })",
        "reading?.results()",
    ),
    "a plain link as switch": (
        switched,
        "const a = document.querySelector('.language-switch');"
        "a.replaceWith(a.cloneNode(true))",
        "/zh/03_loss.html, ",
    ),
    "a dull pad": (
        denoised,
        "document.querySelector('.live-pad').style.pointerEvents = 'none'",
        "getImageData",
    ),
    "a mute slider": (
        denoised,
        "document.querySelector('.live-announce').remove()",
        "live-announce",
    ),
    "a dull start": (
        trained,
        "document.querySelector('[name=unguessed]').style.pointerEvents = 'none'",
        "verdict",
    ),
    "no window": (
        explained,
        "document.querySelector('.live-window').replaceChildren()",
        "live-window",
    ),
    "a dull choice": (
        played,
        "document.querySelectorAll('[name=pick]')"
        ".forEach((e) => { e.style.pointerEvents = 'none'; })",
        "score",
    ),
    "a grey picture": (
        generated,
        "CanvasRenderingContext2D.prototype.putImageData = () => {}",
        "are dark",
    ),
}


@pytest.mark.parametrize("page", PAGES)
def test_page_can_be_read(engine, watched, page):
    assert readable(engine, watched, page) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("check", IN_USE, ids=lambda check: check.__name__)
def test_site_can_be_used(engine, watched, check, language):
    assert check(engine, watched, language) == []


@pytest.mark.parametrize("name", FAULTS)
def test_check_sees_a_planted_fault(engine, watched, name, monkeypatch):
    check, fault, seen = FAULTS[name]
    monkeypatch.setattr(Watched, "fault", fault)
    monkeypatch.setattr("engines.PATIENCE", 10)
    try:
        wrong = check(engine, watched, "en/03_loss.html" if check is readable else "en")
    except TimeoutError as error:
        wrong = [str(error)]
    assert any(seen in what for what in wrong), wrong
