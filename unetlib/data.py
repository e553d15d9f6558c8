"""MNIST as uint8 arrays. Introduced in chapter 01.

Nothing here scales, shuffles or unpickles anything. What others write, the article's
`.npy` pair and MNIST's IDX files, is read in `unetlib.formats`.
"""

import hashlib
import io
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import numpy as np

from unetlib.checks import UnetlibError, check_digits, check_whole

SHIPPED = Path(__file__).parent / "mnist" / "mnist.npz"
SHIPPED_SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"
VALIDATION_SIZE = 5_000  # the last training digits are for choosing, not for learning


@dataclass(frozen=True, eq=False)
class Digits:
    """Pictures with their labels.

    images: (N, 28, 28) uint8, 0 is background and 255 is ink.
    labels: (N,) uint8, the digit 0 to 9 that each picture shows.
    Raises UnetlibError for other dtypes, shapes or labels.
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
        if not isinstance(largest, Real):
            raise UnetlibError(f"largest must be a number, got {largest!r}")
        kept = self.labels <= largest
        if not kept.any():
            raise UnetlibError(
                f"up_to({largest}) keeps no picture: the labels here are "
                f"{np.unique(self.labels).tolist()}"
            )
        return Digits(self.images[kept], self.labels[kept])


def load_mnist() -> tuple[Digits, Digits]:
    """The full MNIST that ships with unetlib: 60,000 training and 10,000 test digits.

    Raises UnetlibError where the file is missing or not the one that was shipped.
    Source: LeCun, Cortes and Burges, CC BY-SA 3.0 (`unetlib/mnist/LICENSE.md`).
    """
    try:
        raw = SHIPPED.read_bytes()
    except OSError as error:
        raise UnetlibError(
            f"cannot read {SHIPPED} ({error}); expected the MNIST file that ships with "
            "unetlib; reinstall unetlib"
        ) from None
    if hashlib.sha256(raw).hexdigest() != SHIPPED_SHA256:
        raise UnetlibError(
            f"{SHIPPED} is damaged or altered: expected sha256 {SHIPPED_SHA256}; "
            "reinstall unetlib"
        )
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
