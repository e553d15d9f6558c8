"""The built site, a browser to read it in, and a JupyterLab."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import launch
from lab import Lab, start_lab
from playwright.sync_api import Browser, sync_playwright
from website import SITE, build, serve


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what reads the built site."""
    for item in items:
        if "site" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.site)


@pytest.fixture(scope="session")
def site() -> Path:
    """The site folder, up to date; or the one that BOOK_SITE names, as it is."""
    named = os.environ.get("BOOK_SITE")
    return Path(named).resolve() if named else build(SITE)


@pytest.fixture(scope="session")
def served(site) -> Iterator[str]:
    """Where the site can be read: http://127.0.0.1:<port>, without a slash."""
    with serve(site) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for all; each test takes a context or a page of its own."""
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """One JupyterLab for all; each test has a notebook of its own."""
    home = tmp_path_factory.mktemp("home")
    with start_lab(tmp_path_factory.mktemp("notebooks"), home) as started:
        yield started
