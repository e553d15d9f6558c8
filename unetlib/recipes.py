"""What a training run does: the article's recipe, and the book's.

Introduced in chapter 04.
"""

from dataclasses import dataclass, replace

from torch import Tensor
from torch.nn.functional import mse_loss


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run computes, save data and seed."""

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

    def steps_per_epoch(self, images: int) -> int:
        """Steps in one epoch over `images` pictures; at least 1."""
        return max(1, self.draws_per_image * images // self.batch_size)

    def loss(self, output: Tensor, clean: Tensor) -> Tensor:
        """The scalar that is made small: squared error, reduced, times a factor."""
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
