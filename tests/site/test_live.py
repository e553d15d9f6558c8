"""The live denoiser: exported networks, what the page computes, what a reader does."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import onnx
import pytest
import torch
from book_live import DOORS, OPEN
from building import ROOT
from languages import LANGUAGES
from live_parts import import_modules, pixels, without_complaint
from onnx import numpy_helper
from playwright.sync_api import BrowserContext, Locator, Page
from safetensors.numpy import load_file
from website import compressed, parse

from unetlib.baselines import LocalPosteriorMean
from unetlib.display.feature_maps import feature_maps
from unetlib.display.labels import LABELS
from unetlib.display.noises import NOISES
from unetlib.metrics import psnr
from unetlib.model import Denoiser
from unetlib.pretrained import OFFERED, WEIGHTS, load_pretrained

LIVE = ROOT / "book" / "web" / "live"
READY = '.live-denoiser[data-state="ready"]'
FAILED = '.live-denoiser[data-state="failed"]'


# ---------- what is exported ----------


@pytest.mark.parametrize("name", OFFERED)
def test_exported_model_holds_the_shipped_weights(name):
    """Where this fails, run `make models`."""
    model = onnx.load(LIVE / "models" / f"{name}.onnx")
    exported = [numpy_helper.to_array(i).ravel() for i in model.graph.initializer]
    for key, weight in load_file(WEIGHTS / f"{name}.safetensors").items():
        weight = weight.ravel()
        rounded = weight if weight.size == 1 else weight.astype(np.float16)
        assert any(np.array_equal(values, rounded) for values in exported), key


def as_exported(name: str) -> Denoiser:
    """A network that ships, its weights in half precision."""
    denoiser = load_pretrained(name)
    for weight in denoiser.parameters():
        if weight.numel() > 1:
            weight.copy_(weight.half())
    return denoiser


@pytest.mark.parametrize("name", OFFERED)
def test_half_precision_costs_nothing_that_is_seen(name, clean):
    noisy = NOISES["gaussian"](clean, 0.5, torch.Generator().manual_seed(1))
    found, exact = (net(noisy) for net in (as_exported(name), load_pretrained(name)))
    lost = psnr(exact, clean).mean() - psnr(found, clean).mean()
    assert abs(lost.item()) < 0.01


def test_the_digits_are_ten_test_digits(mnist):
    _, test = mnist
    digits = np.frombuffer((LIVE / "digits.bin").read_bytes(), np.uint8)
    for label, digit in enumerate(digits.reshape(10, 28, 28)):
        index = (test.images == digit).all(axis=(1, 2)).argmax()
        assert np.array_equal(test.images[index], digit)
        assert test.labels[index] == label


def test_the_runtimes_licence_travels_with_it(site):
    folder = site / "live" / "ort"
    assert (folder / "ort-wasm-simd-threaded.wasm").is_file()
    assert "MIT License" in (folder / "LICENSE").read_text(encoding="utf-8")


# ---------- what the page computes ----------


@pytest.fixture(scope="module")
def modules(browser, served) -> Iterator[Page]:
    """A page that has the live denoiser's modules at hand."""
    with without_complaint(browser) as page:
        import_modules(page, served, "denoiser", "pictures", "votes")
        yield page


def flat(picture: torch.Tensor) -> list[float]:
    return picture.flatten().tolist()


@pytest.mark.parametrize("name", OFFERED)
@pytest.mark.parametrize("sigma", [0.0, 0.5, 1.0])
def test_the_page_agrees_with_pytorch(modules, clean, name, sigma):
    noisy = NOISES["gaussian"](clean[3:4], sigma, torch.Generator().manual_seed(1))
    result = modules.evaluate(
        """async ([name, noisy]) => {
          const result = await denoiser.run(name, Float32Array.from(noisy), true);
          const blocks = result.blocks.map((b) => [b.name, b.dims, [...b.data]]);
          return { denoised: [...result.denoised], blocks };
        }""",
        [name, flat(noisy)],
    )
    denoiser = as_exported(name)
    expected = denoiser(noisy).numpy()
    assert np.reshape(result["denoised"], (1, 1, 28, 28)) == pytest.approx(
        expected, abs=1e-4
    )
    inside = feature_maps(denoiser.network, noisy * denoiser.white)
    assert len(result["blocks"]) == (7 if name == "mixer" else 5)
    for block, dims, data in result["blocks"]:
        assert np.reshape(data, dims) == pytest.approx(inside[block].numpy(), abs=1e-4)


@pytest.mark.parametrize("pixel", [0, 14 * 28 + 13, 783])
def test_what_counts_for_a_pixel_is_its_gradient(modules, clean, pixel):
    noisy = NOISES["gaussian"](clean[3:4], 0.5, torch.Generator().manual_seed(1))
    found = modules.evaluate(
        """async ([noisy, pixel]) =>
          [...(await denoiser.trace(Float32Array.from(noisy), pixel))]""",
        [flat(noisy), pixel],
    )
    noisy.requires_grad_()
    as_exported("skip")(noisy).flatten()[pixel].backward()
    assert found == pytest.approx(flat(noisy.grad), abs=1e-5)
    assert [x != 0 for x in found] == [x != 0 for x in flat(noisy.grad)]  # its field


@pytest.mark.parametrize(("x", "y"), [(14, 13), (0, 27), (2, 5)])
@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_votes_are_those_of_the_library(modules, clean, x, y, sigma):
    noisy = NOISES["gaussian"](clean[:1], 0.5, torch.Generator().manual_seed(1))
    found = modules.evaluate(
        """([noisy, digits, x, y, sigma]) => {
          const [picture, all] = [noisy, digits].map((x) => Float32Array.from(x));
          return [...live.votes(picture, all, x, y, sigma)];
        }""",
        [flat(noisy), flat(clean[1:60]), x, y, sigma],
    )
    expected = LocalPosteriorMean(clean[1:60], 7).weights(noisy[0, 0], sigma)
    assert found == pytest.approx(expected[:, y, x].tolist(), abs=1e-5)


def test_psnr_is_the_librarys(modules, clean):
    noisy = NOISES["gaussian"](clean[:1], 0.7, torch.Generator().manual_seed(0))
    found = modules.evaluate(
        "([a, b]) => live.psnr(Float32Array.from(a), Float32Array.from(b))",
        [flat(noisy), flat(clean[:1])],
    )
    assert found == pytest.approx(psnr(noisy, clean[:1]).item(), abs=1e-4)


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("sigma", [0.3, 0.9])
def test_noise_is_the_librarys(modules, clean, kind, sigma):
    """The same spread around the same mean, dark and bright pixels apart."""
    noisy = modules.evaluate(
        """([kind, clean, sigma]) => {
          const noisy = () =>
            live.addNoise(kind, Float32Array.from(clean), sigma, live.drawPattern());
          return Array.from({ length: 100 }, () => [...noisy()]);
        }""",
        [kind, flat(clean[0]), sigma],
    )
    theirs = np.array(noisy)
    generator = torch.Generator().manual_seed(0)
    ours = torch.stack([NOISES[kind](clean[0], sigma, generator) for _ in range(100)])
    ours = ours.flatten(1).numpy()
    for bright in (True, False):
        pixels = (clean[0].flatten().numpy() > 0.5) == bright
        for statistic in (np.mean, np.std):
            expected = statistic(ours[:, pixels])
            assert statistic(theirs[:, pixels]) == pytest.approx(expected, abs=0.07)


def as_mnist(modules: Page, ink: np.ndarray) -> np.ndarray:
    digit = modules.evaluate(
        "([ink, size]) => [...live.asMnist(Float32Array.from(ink), size)]",
        [ink.flatten().tolist(), len(ink)],
    )
    return np.reshape(digit, (28, 28))


@pytest.mark.parametrize("shift", [(0, 0), (-60, 25)])
def test_a_digit_drawn_large_comes_back_as_mnist_has_it(modules, clean, shift):
    original = clean[0, 0].numpy()
    drawn = np.roll(np.kron(original, np.ones((10, 10))), shift, axis=(0, 1))
    digit = as_mnist(modules, drawn)
    assert digit == pytest.approx(original, abs=1e-6)


def test_a_small_or_large_drawing_fills_the_same_box(modules):
    for side in (100, 250):
        drawn = np.zeros((280, 280))
        drawn[10 : 10 + side, 5 : 5 + side // 2] = 1
        rows, columns = as_mnist(modules, drawn).nonzero()
        assert np.ptp(rows) + 1 == pytest.approx(20, abs=1)
        assert np.ptp(columns) + 1 == pytest.approx(10, abs=1)


def test_nothing_drawn_is_black_and_a_dot_stays_small(modules):
    pad = np.zeros((280, 280))
    assert not as_mnist(modules, pad).any()
    pad[100:120, 100:120] = 1
    assert 0 < (as_mnist(modules, pad) > 0).sum() <= 49


# ---------- what a reader does ----------


def seldom(language: str) -> pytest.param:
    """What one does here hardly depends on the language: once a week in the others."""
    return pytest.param(language, marks=() if language == "zh" else pytest.mark.weekly)


@pytest.fixture(params=map(seldom, LANGUAGES))
def language(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def context(browser) -> Iterator[BrowserContext]:
    """One for all, so that the runtime is fetched once."""
    with browser.new_context(viewport={"width": 1000, "height": 800}) as context:
        yield context


@pytest.fixture
def page(context, served, language) -> Iterator[Page]:
    """The welcome chapter, not yet scrolled."""
    with without_complaint(context) as page:
        page.goto(f"{served}/{language}/00_welcome.html")
        yield page


@pytest.fixture
def demo(page) -> Locator:
    """The live denoiser of the page, started."""
    page.locator("#explore").scroll_into_view_if_needed()
    demo = page.locator(READY)
    demo.wait_for()
    return demo


@pytest.fixture(scope="module")
def sliding(context, served) -> Iterator[Locator]:
    """A live denoiser for tests that leave nothing behind."""
    page = context.new_page()
    page.goto(f"{served}/en/00_welcome.html#explore")
    demo = page.locator(READY)
    demo.wait_for()
    yield demo
    page.close()


def decibels(demo: Locator, part: str) -> float:
    text = demo.locator(f'[data-part="{part}-psnr"]').inner_text()
    return float(text.removesuffix(" dB").replace("∞", "inf"))


def settle(demo: Locator) -> None:
    """Wait for the picture that the last change asked for."""
    demo.locator('.live-pictures[aria-busy="false"]').wait_for()


def set_sigma(demo: Locator, value: float) -> None:
    demo.locator('[name="number"]').fill(f"{value:.2f}")
    settle(demo)


def label(language: str, key: str) -> str:
    return LABELS[key][language]


def test_it_loads_only_when_the_reader_gets_there(page):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_load_state("networkidle")
    assert not any("/live/ort" in url or "/models/" in url for url in asked)
    assert page.locator(".live-denoiser").get_attribute("data-state") == "waiting"
    page.locator("#explore").scroll_into_view_if_needed()
    page.wait_for_selector(READY)
    assert sum(url.endswith(".wasm") for url in asked) == 1
    assert not page.locator(".live-denoiser ~ .cell_output img").is_visible()


def test_psnr_falls_as_sigma_grows(demo):
    values = []
    for sigma in (0.1, 0.3, 0.6, 1.0):
        set_sigma(demo, sigma)
        values.append([decibels(demo, part) for part in ("noisy", "denoised")])
    assert values == sorted(values, reverse=True)
    assert all(denoised > noisy for noisy, denoised in values)


def test_without_noise_the_noisy_picture_is_the_clean_one(demo):
    set_sigma(demo, 0.0)
    assert np.array_equal(pixels(demo, "noisy"), pixels(demo, "clean"))
    assert decibels(demo, "noisy") == float("inf")


def test_slider_by_keyboard_and_number_agree(page, demo):
    slider, number = demo.locator('[name="sigma"]'), demo.locator('[name="number"]')
    slider.focus()
    before = pixels(demo, "denoised")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    settle(demo)
    assert number.input_value() == "0.55" and slider.input_value() == "0.55"
    assert not np.array_equal(pixels(demo, "denoised"), before)
    page.keyboard.press("End")
    assert number.input_value() == "1.00"
    number.fill("7")  # out of range: it is not taken, and comes back when left
    assert slider.input_value() == "1"
    number.blur()
    assert number.input_value() == "1.00"
    number.press("ArrowDown")
    assert number.input_value() == "0.99" and slider.input_value() == "0.99"


@pytest.mark.parametrize(
    ("typed", "sigma"),
    [
        ("0,5", "0.5"),
        (".25", "0.25"),
        ("０．７５", "0.75"),
        (" 1 ", "1"),
        ("0,333", "0.33"),
        ("-1", "0.2"),
        ("1e9", "0.2"),
        ("abc", "0.2"),
        ("", "0.2"),
        ("0.5.1", "0.2"),
    ],
)
def test_numbers_as_people_type_them(sliding, typed, sigma):
    """What is no number from 0 to 1 is not taken, and goes when the field is left."""
    number = sliding.locator('[name="number"]')
    number.fill("0.20")
    number.fill(typed)
    assert sliding.locator('[name="sigma"]').input_value() == sigma
    number.blur()
    assert number.input_value() == f"{float(sigma):.2f}"
    settle(sliding)


def test_an_enter_in_the_number_field_leaves_the_page_alone(sliding):
    number = sliding.locator('[name="number"]')
    number.fill("0,4")
    number.press("Enter")
    assert number.input_value() == "0.40"
    assert sliding.get_attribute("data-state") == "ready"


def test_what_is_shown_is_in_the_address(page, demo):
    demo.locator('[name="noise"]').select_option("speckle")
    demo.get_by_role("radio", name="3").check(force=True)
    set_sigma(demo, 0.25)
    demo.locator('[name="number"]').blur()
    page.wait_for_function("() => location.search.includes('0.25')")
    shown = pixels(demo, "clean")
    page.goto(page.url)
    page.locator("#explore").scroll_into_view_if_needed()
    again = page.locator(READY)
    again.wait_for()
    assert np.array_equal(pixels(again, "clean"), shown)
    assert again.locator('[name="noise"]').input_value() == "speckle"
    assert again.locator('[name="number"]').input_value() == "0.25"


def test_a_fast_drag_ends_on_the_last_value(page, demo):
    slider = demo.locator('[name="sigma"]')
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    for place in np.linspace(0.5, 0.99, 60):
        page.mouse.move(box["x"] + place * box["width"], y)
    page.mouse.up()
    settle(demo)
    dragged = pixels(demo, "noisy"), slider.input_value()
    assert float(dragged[1]) > 0.9
    set_sigma(demo, 0.2)
    set_sigma(demo, float(dragged[1]))  # the same value, come to by another way
    assert np.array_equal(pixels(demo, "noisy"), dragged[0])
    slider.press("Home")
    settle(demo)
    assert np.array_equal(pixels(demo, "noisy"), pixels(demo, "clean"))


def test_changes_faster_than_the_network_end_on_the_last(demo):
    demo.locator('[name="sigma"]').evaluate(
        """slider => {
          for (const sigma of [0.9, 0.1, 0.8, 0.2, 0]) {
            slider.value = sigma;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
          }
        }"""
    )
    settle(demo)
    assert np.array_equal(pixels(demo, "noisy"), pixels(demo, "clean"))


def test_each_choice_changes_what_it_should(page, demo, language):
    before = {part: pixels(demo, part) for part in ("clean", "noisy", "denoised")}

    def changed() -> set[str]:
        settle(demo)
        now = {part: pixels(demo, part) for part in before}
        different = {p for p in before if not np.array_equal(now[p], before[p])}
        before.update(now)
        return different

    demo.locator('[name="renew"]').click()
    assert changed() == {"noisy", "denoised"}
    model = label(language, "article")
    demo.get_by_label(label(language, "model")).select_option(model)
    assert changed() == {"denoised"}
    noise = label(language, "salt_and_pepper")
    demo.get_by_label(label(language, "noise"), exact=True).select_option(noise)
    assert changed() == {"noisy", "denoised"}
    demo.get_by_role("radio", name="3").check(force=True)
    assert changed() == {"clean", "noisy", "denoised"}
    page.keyboard.press("ArrowRight")  # from the 3 to the 4
    assert changed() == {"clean", "noisy", "denoised"}
    assert demo.get_by_role("radio", name="4").is_checked()


def test_a_screen_reader_hears_the_psnr_once_the_slider_rests(page, demo):
    set_sigma(demo, 0.25)
    heard = demo.locator(".live-announce")
    page.wait_for_function(
        "e => e.textContent.includes('0.25')", arg=heard.element_handle()
    )
    for part in ("noisy", "denoised"):
        assert f"{decibels(demo, part):.1f} dB" in heard.inner_text()


def draw(page: Page, demo: Locator) -> None:
    """Write a 7 on the pad with the mouse."""
    pad = demo.locator('[data-part="pad"]')
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    strokes = [(0.3, 0.3), (0.7, 0.3), (0.45, 0.8)]
    points = [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in strokes
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()
    settle(demo)


def test_draw_your_own_digit(page, demo):
    demo.locator('[value="draw"]').check(force=True)
    settle(demo)
    assert not pixels(demo, "clean").any()
    for part in ("noisy", "denoised"):  # an empty pad is nothing to compare with
        assert demo.locator(f'[data-part="{part}-psnr"]').inner_text() == ""
    draw(page, demo)
    digit = pixels(demo, "clean")
    assert digit.max() > 0.9 and 40 < (digit > 0.5).sum() < 200
    rows, columns = digit.nonzero()
    assert max(np.ptp(rows), np.ptp(columns)) == pytest.approx(20, abs=1)
    assert decibels(demo, "denoised") > decibels(demo, "noisy")
    box = demo.locator('[data-part="pad"]').bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)  # the pen is up
    settle(demo)
    assert np.array_equal(pixels(demo, "clean"), digit)
    demo.locator('[name="clear"]').click()
    settle(demo)
    assert not pixels(demo, "clean").any()


@pytest.fixture(scope="module")
def phone(browser, served) -> Iterator[Locator]:
    """The live denoiser on a phone, with an empty pad."""
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(f"{served}/zh/00_welcome.html#explore")
    demo = page.locator(READY)
    demo.wait_for()
    demo.locator('[value="draw"]').check(force=True)
    yield demo
    context.close()


@pytest.fixture
def touch(phone) -> Callable[[str, dict[int, tuple[float, float]]], None]:
    """touch("Start", {finger: (x, y)}) touches an empty pad, all fingers at once.

    x and y are shares of its sides.
    """
    phone.locator('[name="clear"]').click()
    settle(phone)
    pad = phone.locator('[data-part="pad"]')
    pad.evaluate("pad => pad.scrollIntoView({ block: 'center', behavior: 'instant' })")
    box = pad.bounding_box()
    devtools = phone.page.context.new_cdp_session(phone.page)

    def send(kind: str, fingers: dict[int, tuple[float, float]]) -> None:
        points = [
            {
                "id": finger,
                "x": box["x"] + x * box["width"],
                "y": box["y"] + y * box["height"],
            }
            for finger, (x, y) in fingers.items()
        ]
        devtools.send(
            "Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points}
        )

    return send


def ink(demo: Locator) -> np.ndarray:
    """Where the pad is drawn on: (280, 280), of bool."""
    settle(demo)
    return pixels(demo, "pad") > 0.5


def test_draw_with_a_finger(phone, touch):
    top = phone.page.evaluate("scrollY")
    for kind, place in (("Start", 0.3), ("Move", 0.5), ("Move", 0.7)):
        touch(kind, {0: (0.5, place)})
    touch("End", {})
    assert (pixels(phone, "clean") > 0.5).sum() > 20
    # A finger on the pad draws, it does not scroll.
    assert phone.page.evaluate("scrollY") == top
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_second_finger_does_not_draw(phone, touch):
    """Nor does a palm beside the pen."""
    touch("Start", {0: (0.2, 0.2)})
    touch("Start", {0: (0.2, 0.2), 1: (0.8, 0.5)})
    touch("Move", {0: (0.2, 0.4), 1: (0.8, 0.7)})
    touch("Move", {0: (0.2, 0.8)})
    touch("End", {})
    drawn = ink(phone)
    _, columns = drawn.nonzero()
    assert columns.max() < 0.3 * 280
    assert drawn[int(0.75 * 280), int(0.2 * 280)]
    touch("Start", {0: (0.8, 0.2)})  # and a new finger draws a line of its own
    touch("End", {})
    assert ink(phone)[int(0.2 * 280), int(0.8 * 280)]
    assert not ink(phone)[:, 140].any()


def test_a_stroke_that_the_system_takes_away_has_ended(phone, touch):
    touch("Start", {0: (0.2, 0.2)})
    touch("Move", {0: (0.2, 0.4)})
    touch("Cancel", {})
    touch("Start", {0: (0.8, 0.8)})
    touch("End", {})
    assert not ink(phone)[:, 140].any()
    assert ink(phone)[int(0.8 * 280), int(0.8 * 280)]


@pytest.mark.parametrize("size", [(390, 800), (360, 640), (320, 568), (844, 390)])
@pytest.mark.parametrize("part", ["pad", "sigma"])
def test_on_a_phone_the_denoised_picture_is_seen_while_one_draws(phone, size, part):
    """Wherever on the screen the finger is, above the pictures."""
    page = phone.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    control = phone.locator(f'[data-part="{part}"], [name="{part}"]')
    for block in ("start", "center"):
        control.evaluate("(e, block) => e.scrollIntoView({ block })", block)
        box = phone.locator('[data-part="denoised"]').bounding_box()
        assert box["y"] > 0 and box["y"] + box["height"] <= size[1]
        caption = phone.locator(".live-pictures figcaption").nth(2).bounding_box()
        assert caption["y"] + caption["height"] <= size[1] + 1
    strip = phone.locator(".live-pictures").bounding_box()
    assert strip["height"] < size[1] / 2  # and there is room to draw
    page.set_viewport_size({"width": 390, "height": 800})


def test_everything_is_large_enough_for_a_finger(phone):
    """24 px in each direction (WCAG 2.2, 2.5.8)."""
    for target in phone.locator("button, select, input, summary").all():
        if target.is_visible():
            box = target.bounding_box()
            assert min(box["width"], box["height"]) >= 24, target.evaluate(
                "e => e.outerHTML"
            )


@pytest.mark.parametrize(
    ("before", "where"), [([], (14, 14)), (["ArrowUp"] * 20, (14, 1))]
)
def test_draw_with_the_keyboard(page, demo, language, before, where):
    words = LANGUAGES[language].words["live"]
    heard = demo.locator(".live-announce")
    demo.locator('[value="9"]').focus()
    page.keyboard.press("ArrowRight")
    settle(demo)
    page.wait_for_function("e => e.textContent", arg=heard.element_handle())
    page.keyboard.press("Tab")
    pad = demo.locator('[data-part="pad"]')
    assert pad.evaluate("pad => pad === document.activeElement")
    assert pad.get_attribute("aria-label") == words["pad"]
    top = page.evaluate("scrollY")
    for key in [*before, "ArrowRight", "ArrowLeft"]:
        page.keyboard.press(key)
    x, y = where
    assert heard.text_content() == words["move"].format(x=x, y=y)
    assert not pixels(demo, "pad").any()  # the pen is up
    page.keyboard.press("Space")
    assert heard.text_content() == words["down"].format(x=x, y=y)
    assert ink(demo).sum() > 300  # a dot
    for key in ["ArrowRight"] * 6 + ["ArrowDown"] * 9:
        page.keyboard.press(key)
    page.keyboard.press("Space")
    assert heard.text_content() == words["up"].format(x=x + 6, y=y + 9)
    drawn = ink(demo)
    for column, row in ((x, y), (x + 6, y), (x + 6, y + 9)):
        assert drawn[row * 10 - 5, column * 10 - 5]
    assert not drawn[row * 10 - 5, x * 10 - 5]
    page.keyboard.press("ArrowLeft")
    assert np.array_equal(ink(demo), drawn)
    assert page.evaluate("scrollY") == top
    page.wait_for_function(
        "e => e.textContent.includes('dB')", arg=heard.element_handle()
    )
    page.keyboard.press("Tab")
    assert not pad.evaluate("pad => pad === document.activeElement")


def test_an_empty_pad_tells_what_to_do(page, demo, language):
    demo.locator('[value="draw"]').check(force=True)
    page.wait_for_function(
        "([e, words]) => e.textContent === words",
        arg=[
            demo.locator(".live-announce").element_handle(),
            LANGUAGES[language].words["live"]["pad"],
        ],
    )


def test_the_networks_come_in_order_and_their_names_fit_a_phone(page, demo, language):
    model = demo.get_by_label(label(language, "model"))
    names = [label(language, key) for key in OFFERED]
    assert model.locator("option").all_inner_texts() == names
    assert model.input_value() == "skip"
    page.set_viewport_size({"width": 390, "height": 800})
    needed, there = model.evaluate(
        """select => {
          const there = select.offsetWidth;
          select.style.maxWidth = "none";
          select.style.flexShrink = 0;
          return [select.offsetWidth, there];
        }"""
    )
    assert needed == there
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_feature_maps_appear_when_asked_for(page, demo):
    # Whatever the state: it is "loading" while more comes for what else is inside.
    maps = page.locator('.live-denoiser [data-part="blocks"] canvas')
    assert maps.count() == 0
    demo.locator(".live-inside summary").click()
    maps.last.wait_for()
    assert maps.count() == 5 * 8
    shapes = demo.locator(".live-inside figcaption span").all_inner_texts()
    assert [s.strip() for s in shapes] == [
        "28×28×28", "56×14×14", "112×7×7", "56×14×14", "28×28×28",
    ]  # fmt: skip
    before = maps.first.evaluate("c => c.toDataURL()")
    set_sigma(demo, 0.9)
    assert maps.first.evaluate("c => c.toDataURL()") != before


def test_which_noisy_pixels_count(page, demo):
    demo.locator(".live-inside summary").click()
    target, counts = demo.locator(".live-trace canvas").all()

    def shown() -> str:
        return counts.evaluate("c => c.toDataURL()")

    page.wait_for_function("(c) => c.width === 28", arg=counts.element_handle())
    before = shown()
    demo.locator("[name=votes]").click()
    voters = demo.locator(".live-votes figure")
    voters.last.wait_for()
    assert voters.count() == 8 and demo.locator("[name=votes]").is_hidden()
    shares = [float(s[:-1]) for s in voters.locator("figcaption").all_inner_texts()]
    assert shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 100
    said = demo.locator(".live-jury").inner_text()  # the values, and each one's share
    target.focus()
    page.keyboard.press("ArrowRight")
    assert demo.locator(".live-jury").inner_text() != said
    moved = "([c, before]) => c.toDataURL() !== before"
    page.wait_for_function(moved, arg=[counts.element_handle(), before])
    box, frame = target.bounding_box(), demo.locator(".live-frame").first
    before = shown()
    target.click(position={"x": 3.5 * box["width"] / 28, "y": 5.5 * box["height"] / 28})
    page.wait_for_function(moved, arg=[counts.element_handle(), before])
    at = frame.bounding_box()
    assert at["x"] - box["x"] == pytest.approx(3 * box["width"] / 28, abs=1)
    assert at["y"] - box["y"] == pytest.approx(5 * box["height"] / 28, abs=1)
    demo.locator('[name="model"]').select_option("article")
    settle(demo)
    assert target.is_hidden()


BLOCKS = ("down1", "down2", "bottleneck", "up2", "up1")


def test_a_window_slides_over_the_picture(page, demo):
    """Nine products, their sum; after GELU it is what the network has there."""
    window = open_window(demo, "down1")
    said = window.locator("output")
    for presses in (0, 3, 14):
        for _ in range(presses):
            window.locator("canvas").first.press("ArrowLeft")
        *_, bias, total, value = numbers(said.inner_text())
        assert sum(products(window)) + bias == pytest.approx(total, abs=0.06)
        assert value == pytest.approx(after_gelu(total), abs=0.011)
    assert "0.00 × " in window.locator("td").first.inner_text()  # beyond the border
    before = said.inner_text()
    window.locator("[name=slide]").click()
    page.wait_for_function(
        "([said, before]) => said.textContent !== before",
        arg=[said.element_handle(), before],
    )
    demo.locator('[name="model"]').select_option("article")
    settle(demo)
    assert window.is_hidden()
    assert demo.locator('[data-part="blocks"] button').first.is_disabled()


@pytest.mark.parametrize("block", BLOCKS[1:])
def test_a_window_goes_through_all_that_a_convolution_sees(demo, block):
    """Nine products for each; with the bias and GELU they are what the network has."""
    window = open_window(demo, block)
    choices = window.locator(".live-seen button")
    for key in ("", "ArrowLeft", "ArrowUp"):
        if key:
            window.locator("canvas").first.press(key)
        part, *_, total, value = numbers(window.locator("output").inner_text())
        shown = [numbers(text)[0] for text in choices.all_inner_texts()]
        assert shown == sorted(shown, key=abs, reverse=True) and shown[0] == part
        assert sum(products(window)) == pytest.approx(part, abs=0.06)
        assert value == pytest.approx(after_gelu(total), abs=0.011)
    choices.nth(2).click()
    part, *_, same, _ = numbers(window.locator("output").inner_text())
    assert same == total and part == shown[2]
    assert choices.nth(2).get_attribute("aria-pressed") == "true"
    assert sum(products(window)) == pytest.approx(part, abs=0.06)


def test_arrow_keys_lead_along_a_row_of_maps(page, demo):
    demo.locator(".live-inside summary").click()
    row = demo.locator('[data-part="blocks"] figure').nth(1).locator("button")
    row.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    demo.locator(".live-window").wait_for()
    assert row.nth(1).evaluate("button => button === document.activeElement")


def open_window(demo: Locator, block: str) -> Locator:
    demo.locator(".live-inside summary").click()
    rows = demo.locator('[data-part="blocks"] figure')
    rows.nth(BLOCKS.index(block)).locator("button").nth(3).click()
    window = demo.locator(".live-window")
    window.wait_for()
    return window


def products(window: Locator) -> list[float]:
    texts = window.locator("td").all_inner_texts()
    return numbers(" ".join(text.split("\n")[1] for text in texts))


def after_gelu(total: float) -> float:
    return torch.nn.functional.gelu(torch.tensor(total)).item()


def numbers(text: str) -> list[float]:
    return [float(x.replace("−", "-")) for x in re.findall(r"−?\d+\.\d\d", text)]


def row(demo: Locator, name: str) -> list[float]:
    """What is estimated without the clean picture, and what is true."""
    cells = demo.locator(f'[data-part="unseen-{name}"] td').all_inner_texts()
    return [float(text) if text not in ("", "–") else float("nan") for text in cells]


def test_what_can_be_told_without_the_truth(page, demo):
    demo.locator(".live-unseen summary").click()
    page.wait_for_function(
        """() => document.querySelector('[data-part="unseen-one"] td').textContent"""
    )
    sigma = row(demo, "sigma")
    assert sigma == [pytest.approx(0.5, abs=0.05), 0.5]
    shown = [pixels(demo, part) for part in ("denoised", "clean")]
    error = np.square(shown[0] - shown[1]).mean()  # of clamped pictures: a little less
    assert row(demo, "one")[1] == pytest.approx(error, rel=0.25)
    ask = demo.locator(".live-unseen button")
    ask.click()
    page.wait_for_function(
        """() => document.querySelector('[data-part="count"]').textContent === "64" """,
        timeout=60_000,
    )
    estimated, true = row(demo, "many")
    assert abs(estimated - true) < 0.006  # three standard errors, most of the noise
    demo.locator('[name="noise"]').select_option("speckle")
    settle(demo)
    assert ask.is_disabled() and np.isnan(row(demo, "one")[0])


# ---------- where it can't run ----------


def still_stands(page: Page) -> bool:
    """The figure is there; waits for it, since it loads when scrolled to."""
    page.locator("#explore").scroll_into_view_if_needed()
    page.locator(".live-denoiser ~ .cell_output img").wait_for()
    return True


def test_without_javascript_a_figure_stands_there(browser, served, language):
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{served}/{language}/00_welcome.html")
    assert still_stands(page)
    assert page.locator("noscript .live-message").is_visible()
    assert not page.locator(".live-denoiser").is_visible()
    page.close()


@pytest.mark.parametrize("what", ["no wasm", "model missing", "runtime missing"])
def test_where_it_cannot_start_it_says_so(browser, served, what):
    page = browser.new_page()
    if what == "no wasm":
        page.add_init_script("delete globalThis.WebAssembly")
    missing = {"model missing": "**/skip.onnx", "runtime missing": "**/*.wasm"}
    if what in missing:
        page.route(missing[what], lambda route: route.abort())
    page.goto(f"{served}/en/00_welcome.html")
    assert still_stands(page)
    failed = page.locator(FAILED)
    failed.wait_for()
    assert "did not start" in failed.locator(".live-state").inner_text()
    assert failed.locator(".live-detail").inner_text()
    assert still_stands(page)
    assert not failed.locator("form").is_visible()
    page.close()


def test_opened_as_a_file_it_says_what_to_do(browser, site, language):
    page = browser.new_page()
    page.goto((site / language / "00_welcome.html").as_uri())
    assert still_stands(page)
    failed = page.locator(FAILED)
    failed.wait_for()
    assert "make serve" in failed.inner_text()
    assert still_stands(page)
    page.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("page", "kinds"),
    [
        ("train", ["train"]),
        ("generate", ["generate"]),
        ("games", ["guess", "duel"]),
    ],
)
def test_without_javascript_a_still_picture_stands_there(
    browser, served, language, page, kinds
):
    words = LANGUAGES[language].words
    without = browser.new_page(java_script_enabled=False)
    without.goto(f"{served}/{language}/{page}.html")
    for kind in kinds:
        still = without.get_by_alt_text(words[kind]["still"], exact=True)
        still.scroll_into_view_if_needed()
        box = still.bounding_box()
        assert 300 < box["width"] <= 714 and box["height"] > 100
        assert without.get_by_role("group", name=words[kind]["name"]).count() == 0
    without.close()


def test_a_still_picture_leaves_when_the_live_part_runs(browser, served):
    page = browser.new_page()
    page.goto(f"{served}/en/generate.html")
    assert page.locator(".live-still").is_visible()
    page.locator(".live-go").click()
    page.wait_for_selector('.live-generator[data-state="ready"]')
    assert page.locator(".live-still").is_hidden()
    page.close()


def test_a_network_that_cannot_be_fetched_leaves_the_rest_usable(browser, served):
    """And nothing that another network made stands under its name."""
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.route("**/article.onnx", lambda route: route.abort())
    page.goto(f"{served}/en/02_architecture.html")
    page.locator(".cell:has(.live-denoiser)").scroll_into_view_if_needed()
    page.locator(READY).wait_for()
    demo = page.locator(".live-denoiser")
    demo.locator('[name="model"]').select_option("article")
    page.locator(FAILED).wait_for()
    assert "try another" in demo.locator(".live-state").inner_text()
    settle(demo)
    assert not pixels(demo, "denoised").any() and not pixels(demo, "error").any()
    assert pixels(demo, "clean").any() and pixels(demo, "noisy").any()
    for part in ("noisy", "denoised"):
        assert demo.locator(f'[data-part="{part}-psnr"]').inner_text() == ""
    assert demo.locator('[data-part="blocks"] canvas').count() == 0
    assert demo.locator(".live-trace").is_hidden()
    tries = sum(url.endswith("/article.onnx") for url in asked)
    demo.locator('[name="number"]').fill("0.1")  # this is no wish to try again
    settle(demo)
    assert sum(url.endswith("/article.onnx") for url in asked) == tries
    page.unroute("**/article.onnx")
    demo.get_by_role("button", name="Try again").click()
    page.locator(READY).wait_for()
    assert decibels(demo, "denoised") > 10
    assert demo.locator('[data-part="blocks"] canvas').count() == 40
    page.close()


def test_another_network_can_be_chosen_while_one_is_on_its_way(browser, served):
    page = browser.new_page()
    page.goto(f"{served}/en/00_welcome.html#explore")
    demo = page.locator(READY)
    demo.wait_for()
    page.route("**/article.onnx", lambda route: None)  # it never comes
    demo.locator('[name="model"]').select_option("article")
    loading = page.locator('.live-denoiser[data-state="loading"]')
    loading.wait_for()
    assert not pixels(loading, "denoised").any()
    loading.locator('[name="model"]').select_option("skip")
    demo.wait_for()
    settle(demo)
    assert decibels(demo, "denoised") > 10
    assert not demo.locator(".live-go").is_visible()
    page.close()


@pytest.mark.parametrize(
    ("chapter", "open_"),
    [("00_welcome", False), ("02_architecture", True), ("05_visualisation", False)],
)
def test_the_chapters_that_have_it(site, language, chapter, open_):
    html = (site / language / f"{chapter}.html").read_text(encoding="utf-8")
    assert html.count('class="live-part live-denoiser"') == 1
    assert ('class="live-inside" open' in html) == open_


# ---------- where it is, and what it weighs ----------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("chapter", DOORS)
def test_sections_lead_to_the_live_parts(site, language, chapter):
    """At the end of the section, with what is chosen there."""
    page = parse(site / language / f"{chapter}.html")
    doors = DOORS[chapter]
    links = {link.parent.parent["id"]: link for link in page.select(".live-door > a")}
    assert links.keys() == doors.keys()
    for anchor, (place, chosen) in doors.items():
        address = urlsplit(links[anchor]["href"])
        name, _, within = place.partition("#")
        assert (address.path, address.fragment) == (f"{name}.html", within)
        part = "live" if within else name
        given = dict(parse_qsl(dict(parse_qsl(address.query)).get(part, "")))
        assert given == chosen
        controls = parse(site / language / f"{name}.html")
        for key, value in chosen.items():
            assert controls.select(f'[name="{key}"]'), key
            offered = controls.select(f'[name="{key}"] option, [name="{key}"][value]')
            assert not offered or value in {x.get("value") for x in offered}


@pytest.mark.parametrize("chapter, section", sorted(OPEN))
def test_a_part_stands_in_the_chapter_and_starts(browser, served, chapter, section):
    with without_complaint(browser) as page:
        page.goto(f"{served}/en/{chapter}.html#{section}")
        place = page.locator(f"section#{section} .live-place")
        place.scroll_into_view_if_needed()
        part = place.locator(".live-part")
        part.locator(".live-go").click()
        page.locator(f"section#{section} [data-state=ready]").wait_for()
        assert part.locator("form").is_visible()


# The networks that the live denoiser began with.
FIRST = ("skip", "no-skip", "article", "article-noise")


def test_all_live_parts_weigh_little(site):
    """Two million bytes, compressed, besides the runtime and its first networks."""
    folder = site / "live"
    sizes = {
        file.relative_to(folder).as_posix(): len(compressed(file))
        for file in folder.rglob("*")
        if file.is_file() and "ort" not in file.parts and file.stem not in FIRST
    }
    assert sum(sizes.values()) < 2_000_000, sizes
