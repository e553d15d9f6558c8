"""What several tests share."""

import matplotlib
import numpy as np
import pytest
import torch

from unetlib.data import Digits, load_mnist

matplotlib.use("Agg")


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
