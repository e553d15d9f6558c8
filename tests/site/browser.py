"""A real Chromium: where to find one, and how to get one where there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Playwright itself adds --no-sandbox, without which Chromium refuses to run as root,
# and keeps the browser from asking servers for updates.
FLAGS = ["--disable-gpu", "--disable-quic"]
HELP = (
    "no browser: install Chromium or Google Chrome, or let BOOK_BROWSER name one, "
    "or run `python -m playwright install --with-deps chromium`"
)


def installed() -> str | None:
    """The browser that BOOK_BROWSER names, else one of this machine's, else None."""
    named = os.environ.get("BOOK_BROWSER")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


def fetch() -> None:
    """Let Playwright download its own Chromium."""
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.fail(HELP, pytrace=False)


def launch(playwright: Playwright) -> Browser:
    """Start a browser without a window; fails the tests where none can be had."""
    path = installed()
    chromium = playwright.chromium
    if path is None and not Path(chromium.executable_path).is_file():
        fetch()
    try:
        return chromium.launch(executable_path=path, args=FLAGS)
    except Error as error:
        reason = str(error).splitlines()[0]
    pytest.fail(f"{HELP} ({path or 'Chromium'}: {reason})", pytrace=False)
