"""The built site: where it lies, what is in it, and a server that shows it."""

import gzip
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from bs4 import BeautifulSoup, Tag
from building import ROOT, alone
from publishing import MOVED

SITE = ROOT / "site"
TYPES = {
    ".js": "text/javascript",
    ".wasm": "application/wasm",
    ".onnx": "application/octet-stream",
    ".woff2": "font/woff2",
}
# What search leaves out: what stands folded, or was put there by the build.
BUILT = "script, .live-part, .book-sources, .book-uses"
UNSEEN = f"{BUILT}, [hidden], #quiz, details:not(.folded)"
TEXT = ("text/", "application/json", "image/svg+xml")


def build(folder: Path) -> Path:
    """The site in `folder`, built again only where something it is made of is newer."""
    with alone():
        index = folder / "index.html"
        if not index.is_file() or index.stat().st_mtime < newest_source():
            builder = ROOT / "book" / "tools" / "build_site.py"
            command = [sys.executable, str(builder), "--out", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-5000:]
    return folder


def newest_source() -> float:
    """When something that the site is made of changed last."""
    sources = [ROOT / "book", ROOT / "unetlib", ROOT / "notebooks"]
    files = [f for folder in sources for f in folder.rglob("*") if f.is_file()]
    made = {"__pycache__", "runs"}
    return max(f.stat().st_mtime for f in files if not made & set(f.parts))


def pages(site: Path, language: str | None = None) -> list[Path]:
    """Every page that has the book's look; not the redirects and the root page."""
    found = sorted(site.glob(f"{language or '*'}/**/*.html"))
    others = {"index", *MOVED}
    return [p for p in found if p.stem not in others and "_static" not in p.parts]


def link(source: str, target: str) -> None:
    """The same file under another name, or a copy where that lies on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


@cache
def _parsed(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def parse(page: Path) -> BeautifulSoup:
    """What a page says, to be looked at and not to be changed: others see the same."""
    return _parsed(page.read_text(encoding="utf-8"))


def said(tag: Tag) -> str:
    """Its text, without the controls of live parts and what stands folded."""
    unseen = {id(part) for part in tag.select(UNSEEN)}
    return "".join(
        string
        for string in tag.find_all(string=True)
        if not any(id(around) in unseen for around in string.parents)
    )


@cache
def _ids(html: str) -> frozenset[str]:
    return frozenset(tag["id"] for tag in _parsed(html).select("[id]"))


def ids(page: Path) -> frozenset[str]:
    """The anchors of a page."""
    return _ids(page.read_text(encoding="utf-8"))


@cache
def compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes())


class StaticHost(SimpleHTTPRequestHandler):
    """Answers as static hosts do: text travels compressed, every type has its name."""

    protocol_version = "HTTP/1.1"
    extensions_map = SimpleHTTPRequestHandler.extensions_map | TYPES

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            super().do_GET()  # a folder's index, or 404
            return
        kind = self.guess_type(path)
        squeeze = kind.startswith(TEXT)
        body = compressed(path) if squeeze else path.read_bytes()
        headers = {"Content-Type": kind}
        if squeeze:
            headers["Content-Encoding"] = "gzip"
        self.answer(200, headers, body)

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args) -> None:
        """Say nothing: only failing tests speak."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address) -> None:
        """A browser that leaves in the middle of an answer is nobody's error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def serve(
    folder: Path, port: int = 0, host: type[StaticHost] = StaticHost
) -> Iterator[str]:
    """Serve a folder to this machine, on a free port by default; yields the address."""
    handler = partial(host, directory=str(folder))
    with Server(("127.0.0.1", port), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
