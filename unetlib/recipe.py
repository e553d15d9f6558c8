"""What a training run does: the article's recipe, and the book's.

Introduced in chapter 04.
"""

from dataclasses import dataclass, replace

from torch import Tensor
from torch.nn.functional import mse_loss

from unetlib.data import check_whole
from unetlib.noise import check_floats


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run computes, save data and seed.

    Raises ValueError for a count below 1, another `loss_reduction`, and an `lr` or
    `loss_factor` that is not in (0, 1e9].
    """

    name: str
    network: str = "Unet"  # or "SkipUnet"
    scale: float = 1 / 255  # pixel (0 to 255) times scale is what the network sees
    sigma: tuple[float, float] | None = None  # range of noise levels; None: no noise
    batch_size: int = 320
    draws_per_image: int = 1  # an epoch draws this many pictures per picture
    epochs: int = 30
    lr: float = 2e-5
    one_cycle: bool = False  # lr rises to `lr` and falls to 0; else it is constant
    loss_reduction: str = "sum"  # or "mean"
    loss_factor: float = 1.0
    save_every: int = 1  # epochs between two checkpoints

    def __post_init__(self) -> None:
        for name in ("batch_size", "draws_per_image", "epochs", "save_every"):
            check_whole(name, getattr(self, name), 1)
        if self.loss_reduction not in ("sum", "mean"):
            raise ValueError(
                f'loss_reduction must be "sum" or "mean", got {self.loss_reduction!r}'
            )
        for name in ("lr", "loss_factor"):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and 0 < value <= 1e9):
                raise ValueError(f"{name} must be in (0, 1e9], got {value!r}")

    def steps_per_epoch(self, images: int) -> int:
        """Steps in one epoch over `images` pictures; at least 1."""
        check_whole("images", images, 1)
        return max(1, self.draws_per_image * images // self.batch_size)

    def loss(self, output: Tensor, clean: Tensor) -> Tensor:
        """The scalar that is made small: squared error, reduced, times a factor.

        Raises ValueError where the shapes differ: PyTorch would broadcast them.
        Raises TypeError for integers.
        """
        check_floats("output", output)
        if output.shape != clean.shape or output.numel() == 0:
            raise ValueError(
                "expected output and target of one shape with some pixels, "
                f"got {tuple(output.shape)} and {tuple(clean.shape)}"
            )
        return self.loss_factor * mse_loss(output, clean, reduction=self.loss_reduction)


# The article's program, section 4.1: target = input, 20 draws per picture, /512.
ARTICLE = Recipe(
    name="article",
    scale=1 / 512,
    draws_per_image=20,
    loss_factor=100.0,
    save_every=6,
)
# The same, with ONLY noise added.
ARTICLE_NOISE = replace(ARTICLE, name="article-noise", sigma=(0.0, 1.0))
# What this book recommends.
BOOK = Recipe(
    name="book",
    network="SkipUnet",
    sigma=(0.0, 1.0),
    batch_size=128,
    epochs=6,
    lr=3e-3,
    one_cycle=True,
    loss_reduction="mean",
)
RECIPES = {recipe.name: recipe for recipe in (ARTICLE, ARTICLE_NOISE, BOOK)}
