"""`make serve`: right types whatever the machine thinks, and a port that is free."""

import mimetypes
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from build_site import Handler
from building import ROOT
from website import free_port

BUILDER = ROOT / "book" / "tools" / "build_site.py"
# A registry in which some program has entered what it likes.
ODD_REGISTRY = f"""
import mimetypes, runpy, sys
for suffix in (".js", ".wasm", ".css", ".json", ".svg", ".html", ".woff2"):
    mimetypes.add_type("text/plain", suffix)
sys.argv[0] = {str(BUILDER)!r}
sys.path.insert(0, {str(BUILDER.parent)!r})
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "index.html").write_text("<p>A site</p>")
    for suffix in (".js", ".wasm", ".css", ".json"):
        (tmp_path / f"some{suffix}").write_bytes(b"")
    return tmp_path


@pytest.fixture
def start(folder) -> Iterator[Callable[[int], tuple[str, str]]]:
    """start(port) serves the folder; returns its address and what came before that."""
    running = []

    def started(port: int) -> tuple[str, str]:
        command = [sys.executable, "-c", ODD_REGISTRY, "serve"]
        command += ["--out", str(folder), "--port", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        running.append(server)
        said = ""
        for line in server.stdout:
            if line.startswith("http"):
                return line.split()[0], said
            said += line
        raise AssertionError(f"it ended: {said}")

    yield started
    for server in running:
        server.terminate()
        server.wait(20)
        server.stdout.close()


def test_types_do_not_depend_on_the_machine(start):
    address, _ = start(free_port())
    types = {
        suffix: urlopen(f"{address}some{suffix}").headers["Content-Type"]
        for suffix in (".js", ".wasm", ".css", ".json")
    }
    assert types == {
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".css": "text/css",
        ".json": "application/json",
    }
    assert urlopen(address).headers["Content-Type"] == "text/html"


def test_the_server_has_a_type_for_all_that_a_page_asks_for(site):
    """For the rest, such as licences and notebooks, bytes or text will do."""
    pages = {"", ".txt", ".inv", ".ipynb", ".whl", ".bin"}
    there = {f.suffix for f in site.rglob("*") if f.is_file()}
    assert there - pages <= Handler.extensions_map.keys()
    expected = {s: mimetypes.MimeTypes().guess_type(f"a{s}")[0] for s in (".png",)}
    assert {s: Handler.extensions_map[s] for s in expected} == expected


def test_a_port_that_is_taken(start):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        address, said = start(taken)
        assert str(taken) in said
        assert f":{taken}/" not in address
        assert urlopen(address).read() == b"<p>A site</p>"


def test_two_servers_at_once(start):
    port = free_port()
    first, second = start(port)[0], start(port)[0]
    assert first != second
    for address in (first, second):
        assert urlopen(address).status == 200


def test_a_site_that_is_not_built(tmp_path):
    command = [sys.executable, str(BUILDER), "serve", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "make book" in done.stderr and "Traceback" not in done.stderr
