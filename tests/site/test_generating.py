"""The page that generates: its sampling against the library's; what a reader does."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from languages import FALLBACK
from live_parts import import_modules, pixels, without_complaint
from playwright.sync_api import Locator, Page
from torch.nn.functional import avg_pool2d, interpolate

from unetlib.classifier import load_classifier
from unetlib.data import split
from unetlib.generation import noise_levels, sample
from unetlib.metrics import psnr

READY = '.live-generator[data-state="ready"]'


# ---------- what the page computes ----------


@pytest.fixture(scope="module")
def modules(browser, served) -> Iterator[Page]:
    """A page that has what generates at hand."""
    with without_complaint(browser) as page:
        names = ("denoiser", "own", "pictures", "random", "sampling")
        import_modules(page, served, *names)
        yield page


def flat(pictures: torch.Tensor) -> list[float]:
    return pictures.flatten().tolist()


@pytest.mark.parametrize(("highest", "steps"), [(3.0, 20), (1.0, 1), (0.2, 7)])
def test_noise_levels_are_the_librarys(modules, highest, steps):
    found = modules.evaluate("([a, b]) => live.noiseLevels(a, b)", [highest, steps])
    assert found == pytest.approx(noise_levels(highest, steps))


@pytest.mark.parametrize("gamma", [1.0, 1.3])
def test_the_way_without_fresh_noise_is_the_librarys(modules, gamma):
    noisy = 3 * torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    found = modules.evaluate(
        """async ([noisy, levels, gamma]) => {
          const denoise = async (y) => y.map((value) => Math.tanh(value) / 2);
          const options = { eta: 0, gamma };
          const frames = [];
          const start = Float32Array.from(noisy);
          for await (const { y } of live.sample(denoise, start, levels, options)) {
            frames.push([...y]);
          }
          return frames;
        }""",
        [flat(noisy), levels := noise_levels(3.0, 12), gamma],
    )
    expected = sample(lambda y: y.tanh() / 2, noisy, levels, gamma=gamma)
    assert len(found) == len(levels)
    assert found[0] == pytest.approx(flat(noisy))
    assert found[-1] == pytest.approx(flat(expected), abs=1e-4)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_fresh_noise_leaves_as_much_as_the_level_says(modules, eta):
    """Where nothing is but noise, for the denoiser answers black."""
    found = modules.evaluate(
        """async ([levels, eta]) => {
          const random = live.seeded(1);
          const start = live.normals(20000, random).map((value) => levels[0] * value);
          const black = async (y) => y.map(() => 0);
          const frames = [];
          const options = { eta, gamma: 1, random };
          for await (const { y } of live.sample(black, start, levels, options)) {
            frames.push([...y]);
          }
          return frames;
        }""",
        [levels := noise_levels(2.0, 5), eta],
    )
    assert np.std(found, axis=1) == pytest.approx(levels, rel=0.03, abs=1e-6)
    kept = np.corrcoef(found[0], found[3])[0, 1]
    assert kept == pytest.approx(1, abs=1e-3) if eta == 0 else kept < 0.95


def damaged(modules: Page, kind: str, clean, guesses, sigma: float) -> list:
    """What is left of `clean`, and the guesses made to agree with it."""
    left, agreeing = modules.evaluate(
        """([kind, clean, guesses, sigma]) => {
          const random = live.seeded(2);
          const { left, agree } = live.DAMAGES[kind](Float32Array.from(clean), random);
          const rows = live.eachAgrees(agree, Float32Array.from(guesses), sigma);
          return [[...left], [...rows]];
        }""",
        [kind, flat(clean), flat(guesses), sigma],
    )
    shaped = (torch.tensor(x).view(-1, 1, 28, 28) for x in (left, agreeing))
    return list(shaped)


@pytest.fixture
def guesses() -> torch.Tensor:
    return torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(4))


def test_what_is_not_erased_stays(modules, clean, guesses):
    left, found = damaged(modules, "erased", clean[0], guesses, 1.0)
    upper, lower = (..., slice(14), slice(None)), (..., slice(14, 28), slice(None))
    assert torch.equal(left[upper], clean[:1][upper])
    assert (left[lower] == 0.5).all()
    assert torch.equal(found[upper], clean[:1][upper].expand(3, -1, -1, -1))
    assert torch.equal(found[lower], guesses[lower])


def test_small_pictures_keep_their_means(modules, clean, guesses):
    left, found = damaged(modules, "shrunk", clean[0], guesses, 1.0)
    small = avg_pool2d(clean[:1], 2)
    assert torch.allclose(left, interpolate(small, scale_factor=2), atol=1e-6)
    assert torch.allclose(avg_pool2d(found, 2), small.expand(3, -1, -1, -1), atol=1e-6)
    added = found - guesses  # the same within each block
    assert torch.allclose(
        added, interpolate(avg_pool2d(added, 2), scale_factor=2), atol=1e-6
    )


def blur_by_fourier() -> torch.Tensor:
    near = torch.minimum(torch.arange(28.0), 28 - torch.arange(28.0))
    bell = (-(near**2) / (2 * 2.0**2)).exp()
    return torch.fft.fft2(torch.outer(bell, bell) / bell.sum() ** 2)


@pytest.mark.parametrize("sigma", [0.05, 1.0])
def test_blurred_pictures_agree_as_in_chapter_08(modules, clean, guesses, sigma):
    """Oracle: the formula of chapter 08 by PyTorch's Fourier transform."""
    kernel, fft = blur_by_fourier(), torch.fft.fft2
    left, found = damaged(modules, "blurred", clean[0], guesses, sigma)
    noise = left - torch.fft.ifft2(kernel * fft(clean[:1])).real
    assert noise.std().item() == pytest.approx(0.02, rel=0.15)
    assert noise.mean().item() == pytest.approx(0, abs=0.003)
    trust = (0.02 / sigma) ** 2
    balance = kernel.conj() * fft(left) + trust * fft(guesses)
    expected = torch.fft.ifft2(balance / (kernel.abs() ** 2 + trust)).real
    assert torch.allclose(found, expected, atol=1e-2 if sigma == 1 else 1e-4)


def test_answers_taken_together(modules, clean):
    mean, doubt = modules.evaluate(
        """([rows]) => {
          const { mean, doubt } = live.together(Float32Array.from(rows));
          return [[...mean], [...doubt]];
        }""",
        [flat(clean[:12])],
    )
    assert mean == pytest.approx(flat(clean[:12].mean(dim=0)), abs=1e-6)
    assert doubt == pytest.approx(flat(clean[:12].std(dim=0)), abs=1e-6)


def test_the_mean_digit_is_that_of_the_digits_learned_from(mnist, site):
    learning, _ = split(mnist[0])
    mean = np.frombuffer((site / "live" / "mean.bin").read_bytes(), np.uint8)
    ours = learning.images.mean(axis=0)
    assert np.abs(mean.reshape(28, 28) - ours).max() <= 0.5


def test_several_pictures_are_denoised_as_one_by_one(modules, clean):
    together, alone = modules.evaluate(
        """async ([noisy]) => {
          const all = Float32Array.from(noisy);
          const run = async (x) => [...(await denoiser.run("mixer", x)).denoised];
          const parts = [0, 1, 2].map((n) => all.slice(784 * n, 784 * (n + 1)));
          const alone = [];
          for (const part of parts) alone.push(...(await run(part)));
          return [await run(all), alone];
        }""",
        [flat(clean[:3])],
    )
    assert together == pytest.approx(alone, abs=1e-5)


def test_what_the_page_makes_are_digits(modules):
    """The judge of chapter 06 is sure of most; of what `skip` makes, of far fewer."""
    judge, share = load_classifier(), {}
    for network, highest in (("mixer", 3), ("skip", 1)):
        made = modules.evaluate(
            """async ([network, highest]) => {
              const mean = live.grey(await whole("mean.bin"));
              const random = live.seeded(1);
              const start = live.pureNoise(32, highest, mean, random);
              const denoise = async (y) => (await denoiser.run(network, y)).denoised;
              const levels = live.noiseLevels(highest, 12);
              const options = { eta: 1, gamma: 1.3, random };
              let last;
              for await (const frame of live.sample(denoise, start, levels, options)) {
                last = frame;
              }
              return [...last.y];
            }""",
            [network, highest],
        )
        digits = torch.tensor(made).view(-1, 1, 28, 28).clamp(0, 1)
        sure = judge(digits).softmax(dim=1).amax(dim=1) > 0.9
        share[network] = sure.float().mean().item()
    assert share["mixer"] > 0.6 > share["skip"]


# ---------- what a reader does ----------


@pytest.fixture
def page(browser, served) -> Iterator[Page]:
    """The page that generates, started."""
    with without_complaint(browser, viewport={"width": 1000, "height": 900}) as page:
        page.address = f"{served}/{FALLBACK}/generate.html"
        open_page(page)
        yield page


def open_page(page: Page, **settings: str) -> None:
    query = "%26".join(f"{key}%3D{value}" for key, value in settings.items())
    page.goto(f"{page.address}?generate={query}")
    load(page)


def load(page: Page) -> None:
    """Say that it may: so much is not loaded unasked."""
    page.locator(".live-generator .live-go").click()
    page.wait_for_selector(READY, timeout=60_000)


def part(page: Page, name: str) -> Locator:
    return page.locator(f'[data-part="{name}"]')


def make(page: Page, steps: int) -> None:
    """Press the button, and wait for the last step."""
    page.locator("[name=make]").click()
    finish(page, steps)


def finish(page: Page, steps: int) -> None:
    page.wait_for_function(
        """(steps) => document.querySelector("[name=at]").value === steps
          && document.querySelector(".live-announce").textContent""",
        arg=str(steps),
        timeout=60_000,
    )


def test_digits_from_noise_step_by_step_and_back(page):
    open_page(page, steps=5)
    assert page.locator("[name=at]").is_disabled()
    make(page, 5)
    last = pixels(page, "noisy")
    assert last.shape == (118, 118)
    assert np.array_equal(last, pixels(page, "guess"))
    page.locator("[name=at]").focus()
    page.keyboard.press("Home")
    assert "3.00" in part(page, "at").inner_text()
    first = pixels(page, "noisy")
    assert ((first == 0) | (first == 1)).mean() > 0.6 > (last == 1).mean()
    page.keyboard.press("End")
    assert np.array_equal(pixels(page, "noisy"), last)
    make(page, 5)
    assert not np.array_equal(pixels(page, "noisy"), last)  # other noise


def test_the_same_address_makes_the_same(page):
    open_page(page, task="new", steps=3, fresh=1)
    make(page, 3)
    made = pixels(page, "noisy")
    page.reload()
    load(page)
    assert page.locator("[name=steps]").input_value() == "3"
    make(page, 3)
    assert np.array_equal(pixels(page, "noisy"), made)


def test_other_settings_begin_in_the_same_noise(page):
    open_page(page, steps=3, fresh=0)
    make(page, 3)
    made = pixels(page, "noisy")
    steps = page.locator("[name=steps]")
    steps.focus()
    page.keyboard.press("ArrowRight")
    finish(page, 4)
    longer = pixels(page, "noisy")
    assert not np.array_equal(longer, made)
    page.locator("[name=at]").focus()
    page.keyboard.press("Home")
    first = pixels(page, "noisy")
    steps.focus()
    page.keyboard.press("ArrowLeft")
    finish(page, 3)
    assert np.array_equal(pixels(page, "noisy"), made)
    page.locator("[name=at]").focus()
    page.keyboard.press("Home")
    assert np.array_equal(pixels(page, "noisy"), first)


def answers(page: Page) -> np.ndarray:
    """The twelve, (12, 28, 28)."""
    grid = pixels(page, "noisy")
    assert grid.shape == (88, 118)
    return np.stack(
        [
            grid[30 * (n // 4) : 30 * (n // 4) + 28, 30 * (n % 4) : 30 * (n % 4) + 28]
            for n in range(12)
        ]
    )


def test_twelve_answers_to_one_noisy_picture(page, clean):
    open_page(page, task="noisy", steps=6, digit=7)
    make(page, 6)
    twelve = answers(page)
    assert len({one.tobytes() for one in twelve}) == 12
    shown = pixels(page, "clean")
    assert part(page, "clean").is_visible()
    db = {n: float(part(page, f"{n}-psnr").inner_text()[:-3]) for n in ("one", "mean")}
    assert db["mean"] > db["one"]
    mean = torch.tensor(twelve.mean(axis=0)).view(1, 1, 28, 28)
    truth = torch.tensor(shown).view(1, 1, 28, 28)
    assert db["mean"] == pytest.approx(psnr(mean, truth).item(), abs=0.1)
    doubt = pixels(page, "doubt") / 2
    ours = twelve.std(axis=0, ddof=1)
    assert doubt == pytest.approx(ours.clip(max=0.5), abs=0.01)


@pytest.mark.parametrize("task", ["erased", "blurred", "shrunk"])
def test_what_is_left_of_a_digit_is_completed(page, task):
    open_page(page, task=task, steps=6, digit=7)
    make(page, 6)
    twelve, truth = answers(page), pixels(page, "clean")
    if task == "erased":
        assert (np.abs(twelve[:, :14] - truth[:14]) < 0.005).all()
    left, mean = (
        float(part(page, f"{name}-psnr").inner_text()[:-3]) for name in ("left", "mean")
    )
    assert mean > left + 1
    assert part(page, "answer").inner_text()


def test_a_drawing_is_completed(page):
    open_page(page, task="erased", steps=3, digit="draw")
    part(page, "pad").focus()
    for key in (" ", *["ArrowDown"] * 6):
        page.keyboard.press(key)
    make(page, 3)
    assert pixels(page, "clean").max() == 1
    page.locator("[name=clear]").click()
    assert part(page, "clean").is_hidden()
    make(page, 3)
    assert part(page, "mean-psnr").inner_text() == ""


def test_another_network_and_another_task(page):
    open_page(page, steps=3)
    make(page, 3)
    page.locator("[name=network]").select_option("skip")
    finish(page, 3)
    page.locator("[name=at]").focus()
    page.keyboard.press("Home")
    assert "1.00" in part(page, "at").inner_text()
    page.locator("[name=task][value=noisy]").check()
    assert page.locator("[name=at]").is_disabled()
    assert not pixels(page, "noisy").any()


def test_the_readers_own_network(page):
    assert page.locator("[name=network] option").count() == 2
    page.evaluate(
        """async () => {
          const { keepOwn } = await import(new URL("../live/own.js", location));
          const weights = new Float32Array(3713).map((_, i) => Math.sin(i) / 9);
          keepOwn({ network: "skip-4", psnr: 19.04, weights });
        }"""
    )
    open_page(page, network="own", steps=3)
    option = page.locator("[name=network] option").last
    assert "19.0 dB" in option.inner_text()
    assert page.locator("[name=network]").input_value() == "own"
    make(page, 3)
    assert pixels(page, "noisy").any()


@pytest.mark.parametrize("kept", ["", "{", "{}", '{"weights": "?"}', "null"])
def test_what_is_no_network_is_not_offered(modules, kept):
    modules.evaluate("(kept) => localStorage.setItem('book-network', kept)", kept)
    assert modules.evaluate("live.own() === undefined")
    modules.evaluate("localStorage.removeItem('book-network')")
