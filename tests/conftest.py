"""What several tests share."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from browser import launch
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright
from website import build, build_published, free_port, serve

from unetlib.data import Digits, load_mnist

matplotlib.use("Agg")

# The same examples in every run, however slow the machine;
# `pytest --hypothesis-profile search` looks for new ones.
settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("search", settings.get_profile("same"), derandomize=False)
settings.load_profile("same")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what reads the built site: the fixture, or one that is made from it."""
    for item in items:
        if {"site", "published"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.site)


@pytest.fixture(scope="session")
def mnist() -> tuple[Digits, Digits]:
    return load_mnist()


@pytest.fixture(scope="session")
def clean(mnist) -> torch.Tensor:
    """The first 100 test digits, (100, 1, 28, 28) in [0, 1]."""
    return torch.tensor(mnist[1].images[:100]).unsqueeze(1).float() / 255


@pytest.fixture
def few_images(mnist) -> np.ndarray:
    """64 training digits, for runs of a few steps."""
    return mnist[0].images[:64]


@pytest.fixture(scope="session")
def site() -> Path:
    """The site folder, up to date."""
    return build()


@pytest.fixture(scope="session")
def served(site) -> Iterator[str]:
    """Where the site can be read: http://127.0.0.1:<port>, without a slash."""
    with serve(site) as address:
        yield address


@dataclass(frozen=True)
class Published:
    """A site that is published: the address stamped into it, and its folder."""

    address: str
    folder: Path


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Iterator[Published]:
    """The site as a fork publishes it, on this machine."""
    port, folder = free_port(), tmp_path_factory.mktemp("published")
    address = f"http://127.0.0.1:{port}"
    build_published(folder, REPOSITORY="reader/fork", SITE_URL=address)
    with serve(folder, port):
        yield Published(address, folder)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for all; each test takes a context or a page of its own."""
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()
