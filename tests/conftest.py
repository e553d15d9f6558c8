"""What several tests share."""

import os
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from building import alone
from hypothesis import HealthCheck, settings
from npm_packages import install_npm

# Read as torch is loaded, here and in what the tests start: kernels, other processes.
# Waiting threads give way to other programs (see unetlib/__init__.py); and where the
# tests themselves run in several processes (pytest -n 2), one thread for each.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch  # noqa: E402

from unetlib.data import Digits, load_mnist  # noqa: E402

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
def node_modules() -> Path:
    """The folder that npm filled."""
    with alone():
        return install_npm()
