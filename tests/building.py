"""The folder of the project, and what only one test process at a time may do in it."""

from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]


def alone() -> FileLock:
    """Within it no other process of the tests writes into build/."""
    (ROOT / "build").mkdir(exist_ok=True)
    return FileLock(ROOT / "build" / "tests.lock")
