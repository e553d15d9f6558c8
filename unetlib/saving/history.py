"""What came of a training run. Introduced in chapter 04."""

from dataclasses import dataclass, field
from itertools import zip_longest

TABLE = "history.csv"


@dataclass
class Progress:
    """How far an epoch has come."""

    steps: int = 0
    loss: float = 0.0  # the sum over these steps
    seconds: float = 0.0


@dataclass
class History:
    """What `fit` saw: one entry per finished epoch in each list, and the one begun."""

    loss: list[float] = field(default_factory=list)  # mean of the steps' losses
    psnr_db: list[float] = field(default_factory=list)  # held-out digits, sigma 0.5
    seconds: list[float] = field(default_factory=list)
    unfinished: Progress = field(default_factory=Progress)
    held_out: str | None = None  # SHA-256 of the held-out digits; see `fingerprint`

    def table(self) -> str:
        """A line per finished epoch, comma-separated, beneath a line of names."""
        columns = zip_longest(self.loss, self.psnr_db, self.seconds, fillvalue="")
        rows = [
            f"{epoch},{','.join(map(str, row))}" for epoch, row in enumerate(columns)
        ]
        return "\n".join(["epoch,train_loss,psnr_db,seconds", *rows, ""])
