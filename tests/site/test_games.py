"""The two games: which digit is real, and the reader against the network."""

import zlib
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from languages import FALLBACK
from live_parts import pixels, without_complaint
from playwright.sync_api import Locator, Page

from unetlib.metrics import psnr
from unetlib.pretrained import load_pretrained


@pytest.fixture
def page(browser, served) -> Iterator[Page]:
    """The page of games, with nothing started."""
    with without_complaint(browser, viewport={"width": 1000, "height": 900}) as page:
        page.goto(f"{served}/{FALLBACK}/games.html")
        yield page


def start(page: Page, kind: str) -> Locator:
    """One of the two, loaded because the reader says so."""
    game = page.locator(f".live-{kind}")
    game.locator("..").scroll_into_view_if_needed()
    game.locator(".live-go").click()
    page.locator(f'.live-{kind}[data-state="ready"]').wait_for()
    return game


def test_the_real_digits_are_test_digits(mnist, site):
    packed = (site / "live" / "real.bin").read_bytes()
    real = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(-1, 28, 28)
    ours = {image.tobytes() for image in mnist[1].images}
    assert len(real) == 200 and all(digit.tobytes() in ours for digit in real)


def test_ten_rounds_and_the_score(page, mnist):
    """Someone who knows all test digits by heart sees which one is real."""
    game = start(page, "guessing")
    known = {image.tobytes() for image in mnist[1].images}
    said, score = (game.locator(f'[data-part="{n}"]') for n in ("said", "score"))
    pick, go_on = game.locator("[name=pick]"), game.locator("[name=next]")
    sides = []
    for turn in range(10):
        pair = [pixels(game, f"picture-{side}") for side in range(2)]
        read = [(255 * picture).round().astype(np.uint8).tobytes() for picture in pair]
        real = [side for side in range(2) if read[side] in known]
        assert len(real) == 1 and f"Round {turn + 1}" in said.inner_text()
        sides += real
        wrong = turn == 3
        pick.nth(real[0] ^ wrong).click()
        assert said.inner_text().startswith("No, it" if wrong else "Correct!")
        captions = pick.locator("span").all_inner_texts()
        assert captions == (["made", "real"] if real[0] else ["real", "made"])
        assert game.locator(".live-real").count() == 1
        assert pick.first.is_disabled()
        if turn < 9:
            go_on.click()
    assert set(sides) == {0, 1}  # not always on the same side
    assert score.inner_text() == "9 of 10 correct"
    assert "A good eye" in said.inner_text()
    go_on.click()
    page.wait_for_function(
        "(said) => said.textContent.startsWith('Round 1:')", arg=said.element_handle()
    )
    assert score.inner_text() == ""


def draw(game: Locator, page: Page) -> None:
    """A stroke down the middle of the pad, by keyboard."""
    game.locator('[data-part="pad"]').focus()
    for key in ("ArrowUp", "ArrowUp", " ", *["ArrowDown"] * 9):
        page.keyboard.press(key)


def test_both_are_compared_with_the_original(page):
    game = start(page, "duel")
    compare, answers = game.locator("[name=compare]"), game.locator(".duel-answers")
    assert compare.is_disabled() and answers.is_hidden()
    draw(game, page)
    compare.click()
    answers.wait_for()
    shown = {
        name: torch.tensor(pixels(game, name)).view(1, 1, 28, 28)
        for name in ("yours", "network", "clean")
    }
    for name in ("yours", "network"):
        text = game.locator(f'[data-part="{name}-psnr"]').inner_text()
        expected = psnr(shown[name], shown["clean"]).item()
        assert float(text.removesuffix(" dB")) == pytest.approx(expected, abs=0.11)
    assert shown["yours"].max() == 1
    assert game.locator('[data-part="said"]').inner_text() != ""
    assert compare.is_disabled() and game.locator("[name=clear]").is_disabled()
    game.locator("[name=next]").click()
    assert answers.is_hidden()


def test_the_stroke_stays_where_it_is_drawn(page):
    """Not in the middle, where the live denoiser puts a digit."""
    game = start(page, "duel")
    game.locator('[data-part="pad"]').focus()
    for key in (*["ArrowLeft"] * 9, " ", *["ArrowDown"] * 3):
        page.keyboard.press(key)
    game.locator("[name=compare]").click()
    game.locator(".duel-answers").wait_for()
    _, columns = pixels(game, "yours").nonzero()
    assert columns.min() >= 2 and columns.max() <= 7


def test_the_network_sees_the_same_noisy_picture(page):
    game = start(page, "duel")
    game.locator("[name=sigma]").select_option("0.5")
    draw(game, page)
    game.locator("[name=compare]").click()
    game.locator(".duel-answers").wait_for()
    # What is shown is clamped, so this is not exactly what the network was given.
    noisy = torch.tensor(pixels(game, "noisy")).float().view(1, 1, 28, 28)
    ours = load_pretrained("skip")(noisy).clamp(0, 1)
    theirs = torch.tensor(pixels(game, "network")).view(1, 1, 28, 28)
    assert psnr(theirs.float(), ours).item() > 12
