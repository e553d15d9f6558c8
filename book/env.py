"""The environment: made once, reused after. Needs nothing but Python.

`python book/env.py ARGUMENTS` makes .venv where it is missing or out of date, then
runs its Python with ARGUMENTS (`python book/env.py -m pytest`).
"""

import hashlib
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "made-from.txt"  # what the environment was made from
BIN = VENV / ("Scripts" if sys.platform == "win32" else "bin")
PYTHON = BIN / ("python.exe" if sys.platform == "win32" else "python")


def ensure() -> None:
    """Make .venv from pyproject.toml and requirements.lock, unless it is up to date."""
    if sys.version_info < (3, 11):  # noqa: UP036, this runs before pip can refuse
        sys.exit(
            f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: "
            "name another one, e.g. make book PYTHON=python3.11"
        )
    sources = [ROOT / "pyproject.toml", LOCK]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    mark = f"{digest} Python {version} {ROOT}"
    made_from = STAMP.read_text() if STAMP.exists() else ""
    if made_from == mark and PYTHON.exists():
        return
    print("Making the environment in .venv (a few minutes, once) ...", flush=True)
    if not PYTHON.exists() or f"Python {version} " not in made_from:
        try:
            venv.create(VENV, with_pip=True, clear=True)
        except subprocess.CalledProcessError:
            sys.exit("Python has no venv here; on Debian: apt-get install python3-venv")
    # The lock as constraints: what another platform needs besides is still found.
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    install = [*pip, "--constraint", LOCK, "--editable", ".[book,test]"]
    if subprocess.run(install, cwd=ROOT).returncode:
        sys.exit("Installing failed: see above. Behind a slow mirror, run it again")
    STAMP.write_text(mark)


def lock() -> None:
    """Write the versions that are installed, our own package left out."""
    command = [PYTHON, "-m", "pip", "freeze", "--exclude-editable"]
    frozen = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # A build tag (+cpu, +cu130) would hold on this machine only.
    lines = [re.sub(r"\+\w+$", "", line) for line in frozen.splitlines()]
    LOCK.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{LOCK.name}: {len(lines)} packages")


def help_make() -> None:
    """List the Makefile's targets with what stands behind their ##."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target, what in re.findall(r"(?m)^(\w+):[^#\n]*## (.*)$", text):
        print(f"  make {target:<10} {what}")


def clean() -> None:
    for name in ("build", "site"):
        shutil.rmtree(ROOT / name, ignore_errors=True)


def main() -> None:
    arguments = sys.argv[1:]
    actions = {"--lock": lock, "--help-make": help_make, "--clean": clean}
    if arguments and arguments[0] in actions:
        actions[arguments[0]]()
        return
    ensure()
    if arguments:
        sys.exit(subprocess.run([PYTHON, *arguments], cwd=ROOT).returncode)


if __name__ == "__main__":
    main()
