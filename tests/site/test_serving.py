"""`make serve`: right types whatever the machine thinks, and a port that is free."""

import mimetypes
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from urllib.request import urlopen

import pytest
import serving
from website import free_port

TYPES = {
    ".js": "text/javascript",
    ".wasm": "application/wasm",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".html": "text/html",
}


@pytest.fixture
def folder(tmp_path) -> Path:
    for suffix in TYPES:
        (tmp_path / f"index{suffix}").write_bytes(b"A site")
    return tmp_path


@contextmanager
def running(folder: Path, port: int) -> Iterator[str]:
    """Yields the address of the server that `make serve` starts."""
    with serving.listen(folder, port) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


def test_types_do_not_depend_on_the_machine(folder, monkeypatch):
    """Windows' registry says what any program has entered there."""
    mimetypes.init()
    for suffix in TYPES:
        monkeypatch.setitem(mimetypes.types_map, suffix, "text/plain")
    assert mimetypes.guess_type("index.js")[0] == "text/plain"
    with running(folder, free_port()) as address:
        found = {
            suffix: urlopen(f"{address}index{suffix}").headers["Content-Type"]
            for suffix in TYPES
        }
        assert found == TYPES


def test_a_port_that_something_else_has(folder, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with running(folder, taken) as address:
            assert f"port {taken} is not free" in capsys.readouterr().out
            assert urlopen(address).read() == b"A site"


def test_two_servers_at_once(folder):
    port = free_port()
    with running(folder, port) as first, running(folder, port) as second:
        assert first != second
        for address in (first, second):
            assert urlopen(address).read() == b"A site"


def test_a_site_that_is_not_built(tmp_path):
    with pytest.raises(SystemExit, match="make book"):
        serving.serve(tmp_path, free_port())
