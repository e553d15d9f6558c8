"""The live denoiser on servers that are not as they should be, and on bad lines.

It works, or it says why; and once the trouble is over, one click sets it going.
"""

import gzip
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest
from bs4 import BeautifulSoup
from languages import LANGUAGES
from playwright.sync_api import Browser, BrowserContext, Locator, Page
from website import StaticHost, link, serve

DEMO = ".live-denoiser"
RUNTIME, NETWORK = "simd-threaded.wasm", "/skip.onnx"
LINES = 100  # above the demo: the reader has to scroll to it


@dataclass
class Answer:
    """What a server is about to send for a path, for a trouble to change."""

    path: str
    status: int
    headers: dict[str, str]
    body: bytes
    sent: float = 1.0  # the share of the body after which the line breaks
    pause: Event | None = None  # what the second half of the body waits for


Trouble = Callable[[Answer], None]


@dataclass
class OddServer:
    """Where the site can be read, with the trouble that it has at the moment."""

    address: str = ""
    trouble: Trouble = lambda answer: None
    asked: list[str] = field(default_factory=list)


STATE = OddServer()


class OddHost(StaticHost):
    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        answer = Answer(self.path, status, headers, body)
        STATE.asked.append(self.path)
        STATE.trouble(answer)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.pause:
            half = len(answer.body) // 2
            self.wfile.write(answer.body[:half])
            answer.pause.wait(60)
            self.wfile.write(answer.body[half:])
            return
        self.wfile.write(answer.body[: int(answer.sent * len(answer.body))])
        self.close_connection = self.close_connection or answer.sent < 1


@pytest.fixture(scope="module")
def small_site(site, tmp_path_factory) -> Path:
    """The site, with pages of the live denoiser alone, which load faster."""
    folder = tmp_path_factory.mktemp("small") / "site"
    shutil.copytree(site, folder, copy_function=link)
    for code in LANGUAGES:
        html = (site / code / "00_welcome.html").read_text(encoding="utf-8")
        chapter = BeautifulSoup(html, "html.parser")
        demo = chapter.select_one(DEMO)
        parts = [chapter.select_one("meta[http-equiv]"), demo, demo.find_next("script")]
        policy, demo, script = map(str, parts)
        text = (
            f'<html lang="{chapter.html["lang"]}"><meta charset="utf-8">{policy}'
            f'<link rel="stylesheet" href="../live/live.css">{"<br>" * LINES}'
            f'<div class="cell">{demo}<div class="cell_output">figure</div></div>'
            f"{script}"
        )
        (folder / code / "live-alone.html").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def odd_server(small_site) -> Iterator[OddServer]:
    with serve(small_site, host=OddHost) as STATE.address:
        yield STATE


@pytest.fixture
def server(odd_server) -> Iterator[OddServer]:
    odd_server.trouble = lambda answer: None
    odd_server.asked.clear()
    return odd_server


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """With a cache of its own."""
    with browser.new_context() as context:
        yield context


@pytest.fixture
def page(context) -> Page:
    return context.new_page()


def start(page: Page, address: str, language: str = "en") -> Locator:
    page.goto(f"{address}/{language}/live-alone.html")
    page.locator(".cell").scroll_into_view_if_needed()
    return page.locator(DEMO)


def wait(demo: Locator, state: str) -> None:
    demo.page.locator(f'{DEMO}[data-state="{state}"]').wait_for()


def works(demo: Locator) -> bool:
    """Whether a digit comes back out of noise, and the figure has gone."""
    wait(demo, "ready")
    noisy, denoised = (
        float(demo.locator(f'[data-part="{part}-psnr"]').inner_text().split()[0])
        for part in ("noisy", "denoised")
    )
    return denoised > noisy + 5 and not demo.page.locator(".cell_output").is_visible()


def says(demo: Locator, key: str, language: str = "en") -> bool:
    """Whether a failed demo gives that reason, in the page's words, over its figure."""
    wait(demo, "failed")
    words = LANGUAGES[language].words["live"]
    detail = demo.locator(".live-detail").inner_text()
    parts = words[key].replace("{", "}").split("}")[::2]  # without the gaps
    assert demo.page.locator(".cell_output").is_visible()
    assert demo.locator(".live-state").inner_text() == words["failed"]
    return all(part in detail for part in parts) and "undefined" not in detail


# ---------- troubles ----------


def named(kind: str, *suffixes: str) -> Trouble:
    """The server says that files are of that type."""

    def change(answer: Answer) -> None:
        if answer.path.endswith(suffixes):
            answer.headers["Content-Type"] = kind

    return change


def status(code: int, *suffixes: str) -> Trouble:
    def change(answer: Answer) -> None:
        if answer.path.endswith(suffixes):
            answer.status, answer.body = code, b"No."
            answer.headers.pop("Content-Encoding", None)

    return change


def web_page(*suffixes: str) -> Trouble:
    """The server answers with its fallback, as for an address of one-page apps."""

    def change(answer: Answer) -> None:
        if answer.path.endswith(suffixes):
            answer.headers = {"Content-Type": "text/html"}
            answer.body = b"<!doctype html><title>Welcome</title>"

    return change


def shortened(*suffixes: str) -> Trouble:
    """The file on the server is not whole."""

    def change(answer: Answer) -> None:
        if answer.path.endswith(suffixes):
            text = answer.headers.get("Content-Encoding") == "gzip"
            whole = gzip.decompress(answer.body) if text else answer.body
            half = whole[: len(whole) // 2]
            answer.body = gzip.compress(half) if text else half

    return change


def broken_off(*suffixes: str) -> Trouble:
    def change(answer: Answer) -> None:
        if answer.path.endswith(suffixes):
            answer.sent = 0.5

    return change


def compressed(answer: Answer) -> None:
    if answer.path.endswith((".wasm", ".onnx", ".bin")):
        answer.body = gzip.compress(answer.body, 1)
        answer.headers["Content-Encoding"] = "gzip"


def redirected(answer: Answer) -> None:
    """Each file of the live denoiser has moved, on the same server."""
    if "/live/" in answer.path and not answer.path.endswith("?moved"):
        answer.status, answer.body = 302, b""
        answer.headers = {"Location": f"{answer.path}?moved"}


def captive(answer: Answer) -> None:
    """A hotel's network leads everything to its page, on another server."""
    if "/live/" in answer.path and not answer.path.endswith(("loader.js", ".css")):
        answer.status, answer.body = 302, b""
        answer.headers = {"Location": "http://127.0.0.1:9/login"}


def with_header(name: str, value: str, *suffixes: str) -> Trouble:
    def change(answer: Answer) -> None:
        if answer.path.endswith(suffixes or ""):
            answer.headers[name] = value

    return change


def once(trouble: Trouble) -> Trouble:
    """Only the first time that a file is asked for."""
    asked: set[str] = set()

    def change(answer: Answer) -> None:
        if answer.path not in asked:
            asked.add(answer.path)
            trouble(answer)

    return change


LOADED = (".wasm", ".onnx", ".bin", "explorer.js", "worker.js", "ort.wasm.min.js")
BORNE = {
    "wasm as octet-stream": lambda: named("application/octet-stream", ".wasm"),
    "wasm as text": lambda: named("text/plain", ".wasm", ".onnx", ".bin"),
    "all but scripts as pages": lambda: named("text/html", ".wasm", ".onnx", ".json"),
    "scripts under an old name": lambda: named("application/x-javascript", ".js"),
    "compressed": lambda: compressed,
    "redirects": lambda: redirected,
    "types are not guessed": lambda: with_header("X-Content-Type-Options", "nosniff"),
    "nothing is kept": lambda: with_header("Cache-Control", "no-store"),
    "404 once": lambda: once(status(404, *LOADED)),
    "503 once": lambda: once(status(503, *LOADED)),
    "a page once": lambda: once(web_page(*LOADED)),
    "broken off once": lambda: once(broken_off(*LOADED)),
    "not whole once": lambda: once(shortened(*LOADED)),
}


@pytest.mark.parametrize("name", BORNE)
def test_it_works_all_the_same(server, page, name):
    server.trouble = BORNE[name]()
    assert works(start(page, server.address))


# What the server does, and what the page says then; in the order of loading, since what
# has come is not asked for again.
TOLD = {
    "a page to log in": (captive, "offline"),
    "no list": (status(404, "files.json"), "status"),
    "a page as list": (web_page("files.json"), "page"),
    "scripts as text": (named("text/plain", ".js"), "type"),
    "scripts as octet-stream": (named("application/octet-stream", ".js"), "type"),
    "no explorer": (status(404, "explorer.js"), "status"),
    "no worker": (status(503, "worker.js"), "status"),
    "a page as script": (web_page("pad.js"), "page"),
    "half a script": (shortened("pictures.js"), "cut"),
    "a page as digits": (web_page("digits.bin"), "page"),
    "half the digits": (shortened("digits.bin"), "cut"),
    "no runtime": (status(404, RUNTIME), "status"),
    "a page as runtime": (web_page(RUNTIME), "page"),
    "half a runtime": (shortened(RUNTIME), "cut"),
    "the line breaks": (broken_off(RUNTIME), "offline"),
    "overloaded": (status(503, NETWORK), "status"),
    "a page as network": (web_page(NETWORK), "page"),
    "half a network": (shortened(NETWORK), "cut"),
    "a policy without WebAssembly": (
        with_header("Content-Security-Policy", "default-src 'self'", "worker.js"),
        "policy",
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_why_again_and_again_and_then_works(server, page, language):
    """Without a reload: a page goes through all troubles, one after the other."""
    words = LANGUAGES[language].words["live"]
    again = page.get_by_role("button", name=words["again"])
    demo = None
    for name, (server.trouble, reason) in TOLD.items():
        if demo is None:
            demo = start(page, server.address, language)
        else:
            again.click()
        assert says(demo, reason, language), (name, demo.inner_text())
    server.trouble = lambda answer: None
    again.click()
    assert works(demo)


@pytest.mark.parametrize("language", LANGUAGES)
def test_offline_and_online_again(server, context, page, language):
    page.goto(f"{server.address}/{language}/live-alone.html")
    context.set_offline(True)
    page.locator(".cell").scroll_into_view_if_needed()
    demo = page.locator(DEMO)
    assert says(demo, "offline", language)
    context.set_offline(False)
    demo.get_by_role("button", name=LANGUAGES[language].words["live"]["again"]).click()
    assert works(demo)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("key", "spoil"),
    [
        ("wasm", "delete globalThis.WebAssembly"),
        ("simd", "WebAssembly.validate = () => false"),
    ],
)
def test_a_browser_that_cannot_is_told_so(server, page, language, key, spoil):
    page.add_init_script(spoil)
    demo = start(page, server.address, language)
    assert says(demo, key, language)
    assert not demo.locator(".live-go").is_visible()  # it would not help
    assert not any("/ort/" in path for path in server.asked)


def test_simd_is_asked_for_by_a_program_that_needs_it(server, page):
    """The few bytes are valid here, and not without their one instruction of SIMD."""
    page.add_init_script(
        """const { validate } = WebAssembly;
        WebAssembly.validate = (bytes) => {
          const other = [...bytes];
          other[other.indexOf(253) + 1] = 255; // no instruction has this number
          globalThis.seen = [validate(bytes), validate(Uint8Array.from(other))];
          return validate(bytes);
        }"""
    )
    assert works(start(page, server.address))
    assert page.evaluate("seen") == [True, False]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_slow_line_shows_how_much_has_come_and_can_be_cancelled(
    server, page, language
):
    words = LANGUAGES[language].words["live"]
    go_on = Event()

    def stall(answer: Answer) -> None:
        if answer.path.endswith(RUNTIME):
            answer.pause = go_on

    server.trouble = stall
    demo = start(page, server.address, language)
    bar = demo.get_by_role("progressbar")
    page.wait_for_function("e => e.value > 0.4", arg=bar.element_handle())
    assert bar.evaluate("e => e.value") < 0.6
    text = demo.locator(".live-progress span").inner_text()
    came, size = map(float, re.findall(r"[\d.]+", text))
    assert came / size == pytest.approx(0.5, abs=0.1)
    assert size == pytest.approx(15, abs=1)
    demo.get_by_role("button", name=words["cancel"]).click()
    assert says(demo, "cancelled", language)
    assert not bar.is_visible()
    go_on.set()
    demo.get_by_role("button", name=words["again"]).click()
    assert works(demo)


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_saves_data_is_asked_first(server, page, language):
    page.add_init_script(
        """Object.defineProperty(navigator, "connection", {
          value: { saveData: true }, configurable: true })"""
    )
    words = LANGUAGES[language].words["live"]
    demo = start(page, server.address, language)
    wait(demo, "asking")
    listed = [path for path in server.asked if "/live/" in path]
    assert {path.rpartition("/")[2] for path in listed} == {
        "live.css", "loader.js", "files.json",
    }  # fmt: skip
    asked = demo.locator(".live-state").inner_text()
    demo.get_by_role("button", name=words["load"]).click()
    assert works(demo)
    sizes = json.loads((page.request.get(f"{server.address}/live/files.json")).text())
    came = {path.partition("/live/")[2] for path in server.asked} & sizes.keys()
    size = sum(sizes[name] for name in came) / 1e6
    assert asked == words["asking"].format(size=f"{size:.1f}")


def test_nothing_is_fetched_twice(server, page):
    server.trouble = with_header("Cache-Control", "max-age=600")  # as hosts do
    assert works(start(page, server.address))
    loaded = [path for path in server.asked if "/live/" in path]
    assert sorted(set(loaded)) == sorted(loaded)


def test_no_file_has_a_name_that_servers_do_not_know(site):
    assert {f.suffix for f in (site / "live").rglob("*") if f.is_file()} == {
        "", ".bin", ".css", ".js", ".json", ".onnx", ".png", ".wasm",
    }  # fmt: skip


def test_under_a_folder(small_site, page):
    with serve(small_site.parents[1]) as address:
        within = small_site.relative_to(small_site.parents[1]).as_posix()
        assert works(start(page, f"{address}/{within}"))
