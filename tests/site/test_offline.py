"""The copy to carry: unpacked, served by what lies in it, read without a network."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import offline
import pytest
from chapters import NAMES
from languages import LANGUAGES
from live_parts import without_complaint
from playwright.sync_api import BrowserContext, Route
from sources import PAGES

MEGABYTES = 80


@pytest.fixture(scope="module")
def packed(site, tmp_path_factory) -> Path:
    zipped = tmp_path_factory.mktemp("zip") / "book.zip"
    if (site / "copies").exists():
        return offline.pack(site, zipped, site / "copies")
    copies = tmp_path_factory.mktemp("copies")
    for language in LANGUAGES:
        for kind in ("epub", "pdf"):
            # As much as the files themselves weigh, and as little to be compressed.
            (copies / f"unet-{language}.{kind}").write_bytes(os.urandom(8_000_000))
    return offline.pack(site, zipped, copies)


@pytest.fixture(scope="module")
def unpacked(packed, tmp_path_factory) -> Path:
    with ZipFile(packed) as book:
        book.extractall(folder := tmp_path_factory.mktemp("stick"))
    return folder / offline.NAME


@pytest.fixture(scope="module")
def address(unpacked) -> Iterator[str]:
    """The server that lies in it, by a Python that has nothing installed."""
    command = [sys.executable, "-I", "-S", "-u", "serve.py"]
    with subprocess.Popen(
        command, cwd=unpacked, stdout=subprocess.PIPE, text=True
    ) as server:
        line = ""
        while "http" not in line:  # it may say first that a port is taken
            line = server.stdout.readline()
        yield re.search(r"http://localhost:\d+", line)[0]
        server.terminate()


@pytest.fixture(scope="module")
def cut_off(browser, address) -> Iterator[BrowserContext]:
    """A browser that reaches this server, and nothing else."""
    context = browser.new_context()
    asked: list[str] = []

    def allow(route: Route) -> None:
        if route.request.url.startswith((address, "blob:", "data:")):
            route.continue_()
        else:
            asked.append(route.request.url)
            route.abort()

    context.route("**/*", allow)
    yield context
    context.close()
    assert asked == []


def test_it_fits_on_a_small_stick(packed):
    assert packed.stat().st_size < MEGABYTES * 1e6


def test_it_says_in_each_language_what_there_is(unpacked):
    for language in LANGUAGES:
        text = (unpacked / f"README.{language}.txt").read_text(encoding="utf-8")
        for name in re.findall(r"(?:site|serve)[\w./*-]*", text):
            assert [*unpacked.glob(name.rstrip("."))], name


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [*NAMES, *PAGES])
def test_every_page_can_be_read(cut_off, address, language, name):
    with without_complaint(cut_off) as page:
        page.goto(f"{address}/{language}/{name}.html")
        assert page.locator("h1").is_visible()


@pytest.mark.parametrize(
    "language, word", [("zh", "感受野"), ("en", "receptive field")]
)
def test_a_search_finds(cut_off, address, language, word):
    with without_complaint(cut_off) as page:
        page.goto(f"{address}/{language}/search.html?q={word}")
        page.locator("ul.search a").first.wait_for()


@pytest.mark.parametrize(
    "page_, part",
    [
        ("00_welcome", "denoiser"),
        ("train", "trainer"),
        ("generate", "generator"),
        ("games", "guessing"),
        ("games", "duel"),
    ],
)
def test_every_live_part_starts(cut_off, address, page_, part):
    with without_complaint(cut_off) as page:
        page.goto(f"{address}/en/{page_}.html")
        place = page.locator(f":has(> .live-{part})")
        place.scroll_into_view_if_needed()
        if part != "denoiser":
            place.locator(".live-go").click()
        page.locator(f".live-{part}[data-state=ready]").wait_for()


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_can_be_read_as_files(browser, unpacked, language):
    """Without a server: a page, its pictures, and the way to another."""
    page = browser.new_page()
    page.goto((unpacked / "site" / "index.html").as_uri())
    page.wait_for_url(re.compile(r"/(zh|en)/"))
    page.goto((unpacked / f"site/{language}/02_architecture.html").as_uri())
    shown = "[...document.images].every((i) => i.loading === 'lazy' || i.naturalWidth)"
    page.wait_for_function(shown)
    page.locator("a.language-switch").first.click()
    page.wait_for_url(re.compile(rf"/(?!{language}/)(zh|en)/02_architecture"))
    page.close()
