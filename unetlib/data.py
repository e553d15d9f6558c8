"""MNIST as uint8 arrays. Introduced in chapter 01.

Nothing here scales, shuffles or unpickles anything. What others write, the article's
`.npy` pair, IDX files or your own pictures, is read in `unetlib.formats`.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unetlib.checks import check_digits, check_kept, check_shipped, check_whole

SHIPPED = Path(__file__).parent / "mnist" / "mnist.npz"
SHIPPED_SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"
VALIDATION_SIZE = 5_000  # the last training digits are for choosing, not for learning


@dataclass(frozen=True, eq=False)
class Digits:
    """Pictures with their labels.

    images: (N, 28, 28) uint8, 0 is background and 255 is ink; other sizes may be.
    labels: (N,) uint8, the digit 0 to 9 that each picture shows.
    Raises UnetlibError for other dtypes or shapes.
    """

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        check_digits(self.images, self.labels)

    def __len__(self) -> int:
        return len(self.images)

    def up_to(self, largest: int) -> "Digits":
        """Only the digits 0 to `largest`: the article's filter, `labels <= largest`.

        Raises UnetlibError where that leaves nothing, and for what is no number.
        """
        kept = check_kept(self.labels, largest)
        return Digits(self.images[kept], self.labels[kept])

    def sample(self, count: int, seed: int = 0) -> "Digits":
        """`count` of them, drawn without replacement; the same ones for the same seed.

        MNIST's files are in an order: their first digits are no sample.
        Raises UnetlibError unless 0 < count <= len(self) and seed is a whole number.
        """
        check_whole("count", count, 1, len(self))
        rng = np.random.default_rng(check_whole("seed", seed, 0))
        chosen = rng.choice(len(self), count, replace=False)
        return Digits(self.images[chosen], self.labels[chosen])


def load_mnist() -> tuple[Digits, Digits]:
    """The full MNIST that ships with unetlib: 60,000 training and 10,000 test digits.

    Raises UnetlibError where the file is missing or not the one that was shipped.
    Source: LeCun, Cortes and Burges, CC BY-SA 3.0 (`unetlib/mnist/LICENSE.md`).
    """
    raw = check_shipped(SHIPPED, SHIPPED_SHA256)
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        train = Digits(arrays["x_train"], arrays["y_train"])
        test = Digits(arrays["x_test"], arrays["y_test"])
    return train, test


def split(
    train: Digits, validation_size: int = VALIDATION_SIZE
) -> tuple[Digits, Digits]:
    """Cut the training digits in two: (for learning, the last ones for choosing).

    Raises UnetlibError unless 0 < validation_size < len(train).
    """
    check_whole("validation_size", validation_size, 1, len(train) - 1)
    images, labels, cut = train.images, train.labels, len(train) - validation_size
    return Digits(images[:cut], labels[:cut]), Digits(images[cut:], labels[cut:])
