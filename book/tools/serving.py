"""Shows a built site on this machine only: python serving.py, then open the address.

It needs Python and nothing else, and so goes along in the copy to carry (offline.py),
as serve.py beside the site.
"""

import os
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# What our own server says that files are, whatever the machine thinks: on Windows any
# program may have entered another type for .js, and then browsers run no module.
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}


class Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | TYPES


class Server(ThreadingHTTPServer):
    # Windows would let two servers have the same port.
    allow_reuse_address = os.name == "posix"


def listen(out: Path, port: int) -> Server:
    """A server of the site for this machine only, on another port if this is taken."""
    handler = partial(Handler, directory=str(out))
    try:
        return Server(("127.0.0.1", port), handler)
    except OSError as error:
        print(f"port {port} is not free ({error.strerror}); taking another")
        return Server(("127.0.0.1", 0), handler)


def serve(out: Path, port: int = 8000) -> None:
    """Show the site at http://localhost:<port>, to this machine only."""
    if not (out / "index.html").is_file():
        sys.exit(f"there is no site in {out}: build it first, with make book")
    with listen(out, port) as server:
        # At once, also to those who read it from a file or a pipe.
        print(f"http://localhost:{server.server_port}/ (stop with Ctrl+C)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    serve(Path(__file__).resolve().parent / "site")
