"""The built site: where it lies, what is in it, and a server that shows it."""

import gzip
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "site"
BUILD = ROOT / "book" / "tools" / "build_site.py"
TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".onnx": "application/octet-stream",
    ".woff2": "font/woff2",
}
TEXT = ("text/", "application/json", "image/svg+xml")


def build() -> Path:
    """The site folder, built again only where something it is made of is newer."""
    inputs = [ROOT / "book", ROOT / "unetlib", ROOT / "notebooks"]
    files = [f for folder in inputs for f in folder.rglob("*") if f.is_file()]
    newest = max(
        f.stat().st_mtime for f in files if not {"__pycache__", "runs"} & set(f.parts)
    )
    index = SITE / "index.html"
    if not index.is_file() or index.stat().st_mtime < newest:
        command = [sys.executable, str(BUILD)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-5000:]
    return SITE


def build_published(folder: Path, **address: str) -> Path:
    """The site as it is published at an address (REPOSITORY=…, SITE_URL=…)."""
    command = [sys.executable, str(BUILD), "--out", folder]
    done = subprocess.run(
        command, env=os.environ | address, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return folder


def pages(site: Path, language: str | None = None) -> list[Path]:
    """Every page that has the book's look; not the redirects and the root page."""
    found = sorted(site.glob(f"{language or '*'}/**/*.html"))
    return [p for p in found if p.name != "index.html" and "_static" not in p.parts]


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
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if squeeze:
            self.send_header("Content-Encoding", "gzip")
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
def serve(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve a folder to this machine, on a free port by default; yields the address."""
    handler = partial(StaticHost, directory=str(folder))
    with Server(("127.0.0.1", port), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
