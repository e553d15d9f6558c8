"""What a training run does. Introduced in chapters 03 and 04."""

from dataclasses import dataclass, replace

from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from unetlib.checks import check_recipe, check_same_shape, check_weighed, check_whole
from unetlib.model import Denoiser
from unetlib.noise import DISTRIBUTIONS, LARGEST_SIGMA


def charbonnier_loss(output: Tensor, clean: Tensor, reduction: str) -> Tensor:
    """sqrt(error² + 0.001²): the absolute error, smooth where it is 0.

    Source: Charbonnier, Blanc-Féraud, Aubert and Barlaud, ICIP (1994).
    """
    error = ((output - clean).square() + 1e-6).sqrt()
    return error if reduction == "none" else getattr(error, reduction)()


LOSSES = {"squared": mse_loss, "absolute": l1_loss, "charbonnier": charbonnier_loss}
CHOICES = {
    "sigma_distribution": DISTRIBUTIONS,
    "prediction": ("clean", "residual"),
    "loss_function": tuple(LOSSES),
    "loss_reduction": ("sum", "mean"),
}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run computes, save data and seed.

    Raises UnetlibError for a value that cannot be right.
    """

    name: str
    network: str = "Unet"  # or "SkipUnet", "MixerUnet"
    scale: float = 1 / 255  # pixel (0 to 255) times scale is what the network sees
    sigma: tuple[float, float] | None = None  # range of noise levels; None: no noise
    batch_size: int = 320
    draws_per_image: int = 1  # an epoch draws this many pictures per picture
    epochs: int = 30
    lr: float = 2e-5
    one_cycle: bool = False  # lr rises to `lr` and falls to 0; else it is constant
    loss_reduction: str = "sum"  # or "mean"
    loss_factor: float = 1.0
    save_every: int = 1  # epochs between two savings of the weights
    # what else may be varied:
    sigma_distribution: str = "uniform"  # or "log-uniform", "log-normal"
    sigma_weight: float = 0.0  # a picture's loss counts max(sigma, 0.01)**-this times
    loss_function: str = "squared"  # or "absolute", "charbonnier"
    prediction: str = "clean"  # what the network gives; or "residual", the noise
    clip_norm: float | None = None  # longer gradients are shortened to this norm
    ema: float | None = None  # decay of the running mean of the weights, e.g. 0.999

    def __post_init__(self) -> None:
        for name, value in check_recipe(self, CHOICES, LARGEST_SIGMA).items():
            object.__setattr__(self, name, value)  # frozen: only here

    def steps_per_epoch(self, images: int) -> int:
        """Steps in one epoch over `images` pictures; at least 1."""
        check_whole("images", images, 1)
        return max(1, self.draws_per_image * images // self.batch_size)

    def loss(
        self, output: Tensor, clean: Tensor, sigma: Tensor | None = None
    ) -> Tensor:
        """The scalar that is made small: an error, reduced, times a factor.

        output, clean: (B, C, H, W). sigma: (B, 1, 1, 1), where `sigma_weight` is set.
        Raises UnetlibError for integers and other shapes: PyTorch would broadcast.
        """
        check_same_shape(output, clean)
        error, reduction = LOSSES[self.loss_function], self.loss_reduction
        if not self.sigma_weight:
            return self.loss_factor * error(output, clean, reduction=reduction)
        check_weighed(sigma, output, self.sigma_weight)
        weight = sigma.clamp(min=0.01) ** -self.sigma_weight
        weighted = weight * error(output, clean, reduction="none")
        total = weighted.sum() if reduction == "sum" else weighted.mean()
        return self.loss_factor * total

    def denoiser(self, network: nn.Module) -> Denoiser:
        """`network`, trained by this recipe, as a function on [0, 1]."""
        return Denoiser(network, self.scale, residual=self.prediction == "residual")


# The article's program, section 4.1: target = input, 20 draws per picture, /512.
ARTICLE = Recipe(
    "article", scale=1 / 512, draws_per_image=20, loss_factor=100.0, save_every=6
)
# The same, with ONLY noise added.
ARTICLE_NOISE = replace(ARTICLE, name="article-noise", sigma=(0.0, 1.0))
# What this book recommends.
BOOK = Recipe(
    "book",
    "SkipUnet",
    sigma=(0.0, 1.0),
    batch_size=128,
    epochs=6,
    lr=3e-3,
    one_cycle=True,
    loss_reduction="mean",
)
# The same for the article's network, to tell what a recipe brings from the network.
NO_SKIP = replace(BOOK, name="no-skip", network="Unet")
