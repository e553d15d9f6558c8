"""Someone who opens a page of the site for the first time, and what that causes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page

DESKTOP = {"width": 1280, "height": 800}
SCRIPT = Path(__file__).with_name("reading.js")


@dataclass
class Reader:
    """An open page, scrolled through once and back at its top.

    url: its address.
    travelled: bytes that came over the network before the first scroll.
    complaints: errors and warnings in the console, and uncaught exceptions.
    foreign: addresses on other servers that it asked for; they were refused.
    stopped: what its policy did not let it load or run.
    """

    page: Page
    url: str
    travelled: int = 0
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def open(self) -> None:
        loaded = []
        self.stopped = watch_policy(self.page)
        self.page.on("requestfinished", lambda request: loaded.append(request))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self.listen)
        self.page.goto(self.url, wait_until="networkidle")
        sizes = [request.sizes() for request in loaded]
        self.travelled = sum(
            size["responseHeadersSize"] + size["responseBodySize"] for size in sizes
        )
        self.read_through()

    def read_through(self) -> None:
        self.page.bring_to_front()  # another test's page may cover it
        self.page.evaluate("reading.readThrough()")
        # A function, not a call of it: that needs eval(), which the policy forbids.
        self.page.wait_for_function("reading.isSettled")

    def listen(self, message) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} ({message.location['url']})")

    def refuse(self, route) -> None:
        self.foreign.append(route.request.url)
        route.abort()


def watch_policy(page: Page) -> list[str]:
    """A list that fills with what policies stop, on all that opens in the page."""
    stopped: list[str] = []
    page.expose_function("policyStopped", lambda what: stopped.append(what))
    page.add_init_script(
        """addEventListener("securitypolicyviolation", (e) =>
          policyStopped(`${e.effectiveDirective}: ${e.blockedURI} ${e.sample}`))"""
    )
    return stopped


@contextmanager
def visit(
    browser: Browser, served: str, name: str, fault: str = "", bypass_csp: bool = False
) -> Iterator[Reader]:
    """Open a page with nothing in the cache.

    fault: JavaScript that spoils the page, each time it has loaded.
    bypass_csp: whether the page's policy is ignored, which would stop many a fault.
    """
    context = browser.new_context(
        viewport=DESKTOP, reduced_motion="reduce", bypass_csp=bypass_csp
    )
    context.add_init_script(path=SCRIPT)
    context.add_init_script(f"addEventListener('load', () => {{ {fault} }})")
    reader = Reader(context.new_page(), f"{served}/{name}")
    context.route(lambda url: not url.startswith(served), reader.refuse)
    reader.open()
    yield reader
    context.close()
