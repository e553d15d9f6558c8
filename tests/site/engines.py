"""Browsers that Playwright cannot drive: the system's own Firefox and WebKitGTK.

Firefox speaks WebDriver BiDi itself; for WebKit, WebKitWebDriver speaks the WebDriver
that came before. A page can be opened, typed into, touched with the mouse and asked;
what goes wrong in it, it notes itself (watch.js).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
from website import StaticHost, free_port
from websocket import create_connection

PATIENCE = 30  # seconds that a browser has for what it was asked
HERE = Path(__file__).parent
# The keys that have no character of their own: WebDriver gives them private ones.
CONTROL, ENTER, TAB, RIGHT = "\ue009", "\ue007", "\ue004", "\ue014"


class Watched(StaticHost):
    """A host that puts watch.js and reading.js before all else on each page.

    Its /frame.html?WIDTH,PAGE shows that page in a frame so many pixels wide: not every
    browser's window can be as narrow as a phone.
    """

    fault = ""  # JavaScript that spoils the page, each time it has loaded

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.name == "watch.js":
            self.answer(200, {"Content-Type": "text/javascript"}, self.script())
        elif path.name == "frame.html":
            width, page = self.path.partition("?")[2].split(",")
            frame = f'<iframe src="{page}" width="{width}" height="800"></iframe>'
            self.answer(200, {"Content-Type": "text/html"}, frame.encode())
        elif path.suffix == ".html" and path.is_file():
            # Before the page's policy, which would allow it, too: it is on this host.
            html = path.read_text(encoding="utf-8")
            html = html.replace("<head>", '<head><script src="/watch.js"></script>', 1)
            self.answer(200, {"Content-Type": "text/html"}, html.encode())
        else:
            super().do_GET()

    def script(self) -> bytes:
        parts = [(HERE / f"{n}.js").read_text("utf-8") for n in ("watch", "reading")]
        parts.append(f"addEventListener('load', () => {{ {self.fault} }});")
        return "".join(f"(() => {{\n{part}\n}})();\n" for part in parts).encode()


class Engine(ABC):
    """An open window of a browser."""

    @abstractmethod
    def open(self, address: str) -> None:
        """Go to a page and wait until it has loaded."""

    @abstractmethod
    def answer(self, expression: str) -> str:
        """What a JavaScript expression, a promise, comes to: a string."""

    @abstractmethod
    def act(self, source: dict) -> None:
        """Perform the actions of one input source, as both WebDrivers write them."""

    def ask(self, expression: str):
        """The value of a JavaScript expression, awaited where it is a promise."""
        whole = f"(async () => JSON.stringify((await ({expression})) ?? null))()"
        return json.loads(self.answer(whole))

    def wait(self, expression: str):
        """The expression's value, once it is true; TimeoutError if that is never."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with suppress(RuntimeError):  # the page is just leaving
                if value := self.ask(expression):
                    return value
            time.sleep(0.05)
        raise TimeoutError(expression)

    def press(self, *keys: str) -> None:
        """Press keys, then let go of them, last first."""
        actions = [{"type": "keyDown", "value": key} for key in keys]
        actions += [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self.act({"type": "key", "id": "keys", "actions": actions})

    def type(self, text: str) -> None:
        for character in text:
            self.press(character)

    def drag(self, *points: tuple[float, float]) -> None:
        """Move the mouse to the first point, then, its button down, to the others."""
        moves = [
            {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 30}
            for x, y in points
        ]
        down, up = ({"type": f"pointer{way}", "button": 0} for way in ("Down", "Up"))
        actions = [moves[0], down, *moves[1:], up]
        mouse = {"pointerType": "mouse"}
        self.act(
            {"type": "pointer", "id": "mouse", "parameters": mouse, "actions": actions}
        )

    def place(self, selector: str) -> tuple[float, float, float, float]:
        """Where an element is in the window: its left, top, width and height.

        Scrolls to it where it is not: what sticks to the window stays as it is.
        """
        return self.ask(
            f"""((e) => {{
              const {{ top, bottom }} = e.getBoundingClientRect();
              if (top < 0 || bottom > innerHeight)
                e.scrollIntoView({{ block: "center", behavior: "instant" }});
              const box = e.getBoundingClientRect();
              return [box.x, box.y, box.width, box.height];
            }})(document.querySelector({json.dumps(selector)}))"""
        )

    def click(self, selector: str) -> None:
        x, y, width, height = self.place(selector)
        self.drag((x + width / 2, y + height / 2))


class Firefox(Engine):
    """WebDriver BiDi, over the WebSocket that Firefox opens."""

    def __init__(self, address: str) -> None:
        # As a program, not as a page: a page says where it comes from.
        self.socket = create_connection(
            address, timeout=PATIENCE, suppress_origin=True, http_no_proxy=["*"]
        )
        self.sent = 0
        self.tell("session.new", capabilities={})
        (tab,) = self.tell("browsingContext.getTree")["contexts"]
        self.tab = tab["context"]

    def tell(self, method: str, **parameters) -> dict:
        """Send a command, and return its result; RuntimeError if it failed."""
        self.sent += 1
        command = {"id": self.sent, "method": method, "params": parameters}
        self.socket.send(json.dumps(command))
        while (heard := json.loads(self.socket.recv())).get("id") != self.sent:
            pass  # an event
        if heard["type"] == "error":
            raise RuntimeError(f"{method}: {heard['message']}")
        return heard["result"]

    def open(self, address: str) -> None:
        self.tell(
            "browsingContext.navigate", context=self.tab, url=address, wait="complete"
        )

    def answer(self, expression: str) -> str:
        done = self.tell(
            "script.evaluate",
            expression=expression,
            target={"context": self.tab},
            awaitPromise=True,
        )
        if done["type"] == "exception":
            raise RuntimeError(done["exceptionDetails"]["text"])
        return done["result"]["value"]

    def act(self, source: dict) -> None:
        self.tell("input.performActions", context=self.tab, actions=[source])


class WebKit(Engine):
    """WebDriver, the requests that WebKitWebDriver answers."""

    def __init__(self, port: int, browser: str) -> None:
        self.port = port
        options = {"binary": browser, "args": ["--automation"]}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        self.session = "/session"
        started = self.tell("POST", "", capabilities=wanted)
        self.session += f"/{started['sessionId']}"

    def tell(self, method: str, path: str, **parameters):
        """Send a command, and return its value; RuntimeError if it failed."""
        body = json.dumps(parameters) if method == "POST" else None
        with closing(HTTPConnection("127.0.0.1", self.port, PATIENCE)) as connection:
            connection.request(method, self.session + path, body)
            answer = connection.getresponse()
            value = json.load(answer)["value"]
        if answer.status != 200:
            raise RuntimeError(f"{path}: {value}")
        return value

    def open(self, address: str) -> None:
        self.tell("POST", "/url", url=address)

    def answer(self, expression: str) -> str:
        script = f"return {expression}"
        return self.tell("POST", "/execute/sync", script=script, args=[])

    def act(self, source: dict) -> None:
        self.tell("POST", "/actions", actions=[source])


def missing(what: str) -> None:
    """Skip the test; where CI should have installed it, fail."""
    give_up = pytest.fail if os.environ.get("CI") else pytest.skip
    give_up(f"no {what} on this machine")


def find(*names: str) -> str:
    """The first of these programs that is there."""
    return next(filter(None, map(shutil.which, names)), None) or missing(names[0])


@contextmanager
def program(*command: str, **environment: str) -> Iterator[subprocess.Popen]:
    """A program that runs meanwhile, and says nothing."""
    with subprocess.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.terminate()


def eventually(attempt: Callable, *errors: type[Exception]):
    """What the attempt returns once it no longer fails with one of the errors."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return attempt()
        except errors:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@contextmanager
def start_firefox() -> Iterator[Engine]:
    browser = find("firefox-esr", "firefox")
    with ExitStack() as stack:
        # What Firefox still writes as it ends must not keep the folder.
        temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        profile = stack.enter_context(temporary)
        options = ["--headless", "--no-remote", "--remote-debugging-port=0"]
        stack.enter_context(program(browser, *options, "--profile", profile))
        told = Path(profile) / "WebDriverBiDiServer.json"
        read = lambda: json.loads(told.read_text("utf-8"))  # noqa: E731
        server = eventually(read, FileNotFoundError, json.JSONDecodeError)
        firefox = Firefox(f"ws://{server['ws_host']}:{server['ws_port']}/session")
        yield firefox
        firefox.tell("browser.close")


@contextmanager
def start_webkit() -> Iterator[Engine]:
    if sys.platform != "linux":
        missing("WebKitGTK")
    driver, screen = find("WebKitWebDriver"), find("Xvfb")
    found = Path("/usr").glob("lib*/**/webkit2gtk-4.*/MiniBrowser")
    browser = next(found, None) or missing("MiniBrowser")
    port = free_port()
    with ExitStack() as stack:
        size = ("-screen", "0", "1600x1200x24")
        xvfb = program(screen, "-displayfd", "1", "-nolisten", "tcp", *size)
        number = stack.enter_context(xvfb).stdout.readline().strip()
        stack.enter_context(program(driver, f"--port={port}", DISPLAY=f":{number}"))
        connect = lambda: WebKit(port, str(browser))  # noqa: E731
        webkit = eventually(connect, ConnectionRefusedError)
        yield webkit
        webkit.tell("DELETE", "")


ENGINES = {"firefox": start_firefox, "webkit": start_webkit}
