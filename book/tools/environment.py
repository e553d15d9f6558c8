"""The environments: made once, reused after. Needs nothing but Python.

`python book/tools/environment.py ARGUMENTS` makes .venv where it is missing or out of
date, then runs its Python with ARGUMENTS (`… environment.py -m pytest`).
`--newest ARGUMENTS` runs them in .venv-newest, made afresh without the lock. pip reads
PIP_CONSTRAINT by itself: the file that it names holds packages back there.
`--lock OPTIONS` writes requirements.lock; the OPTIONS go to uv.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
NEWEST = ROOT / ".venv-newest"
STAMP = VENV / "made-from.txt"  # what the environment was made from
LOCK = ROOT / "requirements.lock"
LOCK_HEAD = """\
# Written by `make lock`, installed by book/tools/environment.py: one set of versions
# for Linux, macOS and Windows, Python 3.11 and newer. pip refuses a file whose hash is
# not here.
# torch alone has no hash, and what only its CUDA build needs is left out: a platform
# may have several builds, and pip takes the one that your indexes offer.
"""
FAILED = """\
Installing failed, for the reason above.
  A network error: run it again.
  Hashes that do not match: a file is not the one that was locked. Do not use it.
  No matching distribution, after changing pyproject.toml: make lock."""


def python(folder: Path) -> Path:
    """The Python of the environment in that folder."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def create(folder: Path) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036, this runs before pip can refuse
        sys.exit(
            f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: "
            "name another one, e.g. make book PYTHON=python3.11"
        )
    try:
        venv.create(folder, with_pip=True, clear=True)
    except subprocess.CalledProcessError:
        sys.exit("Python has no venv here; on Debian: apt-get install python3-venv")


def pip_install(folder: Path, *arguments: str) -> None:
    command = [python(folder), "-m", "pip", "install", "--quiet"]
    command += ["--disable-pip-version-check", "--no-compile", *arguments]
    if subprocess.run(command, cwd=ROOT).returncode:
        sys.exit(FAILED)


def compile_all(folder: Path) -> None:
    """To bytecode, on all cores, where pip takes one.

    Not at all would be worse where Python may not write it later: each process that
    imports torch would compile it anew.
    """
    command = [python(folder), "-m", "compileall", "-qq", "-j", "0", str(folder)]
    subprocess.run(command, stdout=subprocess.DEVNULL)  # some are for a later Python


def install_locked() -> None:
    """Install what the lock names, then the project, which must find all it needs."""
    text = LOCK.read_text(encoding="utf-8")
    above, torch, below = re.split(r"(?m)^(torch==\S+)$", text)
    setuptools = re.search(r"(?m)^setuptools==.*(\n .*)*", text)[0]
    part = VENV / "requirements.txt"
    checked = ["--require-hashes", "--no-deps", "--no-build-isolation"]
    # setuptools first: source packages build with it, not with one fetched unchecked.
    for lines in (setuptools, above + below):
        part.write_text(lines, encoding="utf-8")
        pip_install(VENV, *checked, "--requirement", str(part))
    # With what it depends on: its CUDA build needs packages that the lock leaves out.
    pip_install(VENV, torch)
    offline = ["--no-index", "--no-build-isolation"]
    pip_install(VENV, *offline, "--editable", ".[book,test]")
    compile_all(VENV)


def ensure() -> None:
    """Make .venv from requirements.lock, unless it is up to date."""
    sources = ["pyproject.toml", "requirements.lock", "unetlib/__init__.py"]
    content = b"".join((ROOT / name).read_bytes() for name in sources)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    mark = f"{hashlib.sha256(content).hexdigest()} Python {version} {ROOT}"
    made_from = STAMP.read_text() if STAMP.exists() else ""
    if made_from == mark and python(VENV).exists():
        return
    print("Making the environment in .venv (a few minutes, once) ...", flush=True)
    if not python(VENV).exists() or f"Python {version} " not in made_from:
        create(VENV)
    install_locked()
    STAMP.write_text(mark)


def newest() -> None:
    """Make .venv-newest from pyproject.toml, everything as new as it allows."""
    print("Making the environment in .venv-newest (a few minutes) ...", flush=True)
    create(NEWEST)
    pip_install(NEWEST, "--editable", ".[book,test]")
    compile_all(NEWEST)


def lock(*options: str) -> None:
    """Write requirements.lock: versions and hashes for every platform and Python.

    Versions stay as far as pyproject.toml allows; the option --upgrade moves them all.
    """
    if not python(VENV).exists():
        create(VENV)
    pip_install(VENV, "uv")  # here, not in an extra: only locking needs it
    command = [python(VENV), "-m", "uv", "pip", "compile", "pyproject.toml"]
    command += ["--extra", "book", "--extra", "test", "--output-file", LOCK, "--quiet"]
    # "fewest": one version of a package for all, unless a Python can have none.
    command += ["--universal", "--python-version", "3.11", "--fork-strategy", "fewest"]
    command += ["--generate-hashes", "--no-header", "--no-annotate", *options]
    if subprocess.run(command, cwd=ROOT).returncode:
        sys.exit("uv did not find versions that fit, for the reason above")
    text = LOCK.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^(cuda-|nvidia-|triton==).*\n( .*\n)*", "", text)
    text = re.sub(r"(?m)^(torch==\S+).*(\n .*)*", r"\1", text)
    LOCK.write_text(LOCK_HEAD + text, encoding="utf-8")
    print(f"{LOCK.name}: {len(re.findall('(?m)^[a-z]', text))} packages")


def help_make() -> None:
    """List the Makefile's targets with what stands behind their ##."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target, what in re.findall(r"(?m)^([\w-]+):[^#\n]*## (.*)$", text):
        print(f"  make {target:<12} {what}")


def clean() -> None:
    for name in ("build", "site"):
        shutil.rmtree(ROOT / name, ignore_errors=True)


def main() -> None:
    arguments = sys.argv[1:]
    actions = {"--lock": lock, "--help-make": help_make, "--clean": clean}
    if arguments and arguments[0] in actions:
        actions[arguments[0]](*arguments[1:])
        return
    folder = VENV
    if arguments[:1] == ["--newest"]:
        folder, *arguments = NEWEST, *arguments[1:]
        newest()
    else:
        ensure()
    # torch's OpenMP threads wait for each other by spinning. While another program
    # keeps the cores busy, a wait lasts a whole tick of the scheduler, and training has
    # many in every step. Spinning only briefly costs little on a quiet machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    if arguments:
        sys.exit(subprocess.run([python(folder), *arguments], cwd=ROOT).returncode)


if __name__ == "__main__":
    main()
