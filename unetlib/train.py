"""Training: the article's recipe and the book's. Introduced in chapters 03 and 04.

`TrainStep` is one step, `fit` the whole program; from a shell:
`python -m unetlib.train --recipe article|article-noise|book --device cpu|cuda`.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.image import imsave
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from tqdm import tqdm

from unetlib.batcher import Batcher
from unetlib.data import Digits, load_idx, load_mnist, load_npy, split
from unetlib.metrics import denoising_psnr
from unetlib.model import NETWORKS


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
    epochs=10,
    lr=3e-3,
    one_cycle=True,
    loss_reduction="mean",
)
RECIPES = {recipe.name: recipe for recipe in (ARTICLE, ARTICLE_NOISE, BOOK)}


@dataclass
class History:
    """What `fit` saw: one entry per epoch in each list."""

    loss: list[float] = field(default_factory=list)  # mean of the steps' losses
    psnr_db: list[float] = field(default_factory=list)  # held-out digits, sigma 0.5
    seconds: list[float] = field(default_factory=list)


def check_device(device: str | torch.device) -> torch.device:
    """The device, or RuntimeError with advice where it is not there."""
    device = torch.device(device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(
            f'device "{device}" was asked for, but PyTorch sees no CUDA GPU here. '
            'Use device="cpu"; or, in Colab, choose Runtime > Change runtime type > '
            "GPU; on your own machine, install a CUDA build of PyTorch and its driver"
        )
    return device


class TrainStep:
    """One training step: forward, loss, backward, update.

    model: already on its device. recipe: gives loss, learning rate and schedule.
    steps: how many steps the whole run has (the one-cycle schedule needs it).
    bfloat16: compute convolutions in bfloat16, weights and loss stay float32.
    compile: run the network through `torch.compile`.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        steps: int,
        bfloat16: bool = False,
        compile: bool = False,
    ) -> None:
        self.recipe = recipe
        self.device_type = next(model.parameters()).device.type
        self.bfloat16 = bfloat16
        if bfloat16:  # the layout that bfloat16 kernels want
            model.to(memory_format=torch.channels_last)
        self.forward: Callable[[Tensor], Tensor] = (
            torch.compile(model) if compile else model
        )
        self.optimizer = torch.optim.Adam(model.parameters(), lr=recipe.lr)
        self.schedule = (
            torch.optim.lr_scheduler.OneCycleLR(
                self.optimizer, max_lr=recipe.lr, total_steps=steps
            )
            if recipe.one_cycle
            else torch.optim.lr_scheduler.ConstantLR(self.optimizer, factor=1.0)
        )

    def __call__(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Learn from one batch; returns its loss, a scalar still on the device."""
        with torch.autocast(self.device_type, torch.bfloat16, enabled=self.bfloat16):
            output = self.forward(noisy)
        loss = self.recipe.loss(output.float(), clean)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return loss.detach()  # no .item(): reading the number would stall a GPU

    def state_dict(self) -> dict:
        return {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
        }

    def load_state_dict(self, state: dict) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])


def save_checkpoint(
    folder: Path, model: nn.Module, step: TrainStep, batcher: Batcher, history: History
) -> None:
    """Write `checkpoint.pt` (all that resuming needs) and `unet_model.pth`.

    The second holds the bare state dict, as the article's program writes it. Each is
    written beside its place and moved there, so that a kill loses no earlier one.
    """
    checkpoint = {
        "model": model.state_dict(),
        "step": step.state_dict(),
        "batcher": batcher.state_dict(),
        "recipe": asdict(step.recipe),
        "history": asdict(history),
    }
    files = {"checkpoint.pt": checkpoint, "unet_model.pth": checkpoint["model"]}
    for name, content in files.items():
        torch.save(content, folder / f"{name}.part")
        (folder / f"{name}.part").replace(folder / name)


def load_checkpoint(
    folder: Path, model: nn.Module, step: TrainStep, batcher: Batcher
) -> History:
    """Set model, step and batcher to where `checkpoint.pt` left them.

    Raises ValueError where the file is missing, unreadable or of another recipe;
    nothing is unpickled but tensors and plain containers.
    """
    path = folder / "checkpoint.pt"
    device = batcher.images.device
    try:
        checkpoint = torch.load(path, map_location=device, weights_only=True)
        saved = checkpoint["recipe"]
    except Exception as error:  # torch raises many kinds on a damaged file
        raise ValueError(
            f"cannot resume from {path} ({error}); expected a checkpoint written by "
            "unetlib.train"
        ) from None
    if saved != asdict(step.recipe):
        wanted = asdict(step.recipe)
        differing = sorted(key for key in wanted if saved.get(key) != wanted[key])
        raise ValueError(
            f"{path} was made by another recipe: {', '.join(differing)} differ. "
            "Resume with the same recipe, or train into another folder"
        )
    model.load_state_dict(checkpoint["model"])
    step.load_state_dict(checkpoint["step"])
    batcher.load_state_dict(checkpoint["batcher"])
    return History(**checkpoint["history"])


def save_picture(path: Path, model: nn.Module, image: np.ndarray, scale: float) -> None:
    """The article's picture of an epoch: `image` (28, 28) uint8 through the network.

    Drawn as the article draws it: matplotlib's default colours, stretched from the
    darkest to the brightest pixel, without the input (chapter 05 says what that hides).
    """
    x = torch.tensor(image, device=next(model.parameters()).device)[None, None] * scale
    with torch.no_grad():
        output = model(x)[0, 0].float().cpu().numpy()
    imsave(path, output.repeat(8, axis=0).repeat(8, axis=1))


def fit(
    model: nn.Module,
    images: np.ndarray,
    recipe: Recipe,
    *,
    device: str = "cpu",
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    stop_after: int | None = None,
    held_out: np.ndarray | None = None,
    bfloat16: bool = False,
    compile: bool = False,
) -> History:
    """Train `model` on `images` (N, 28, 28) uint8 by `recipe`.

    folder: where checkpoints and one picture per epoch (`img/img_{epoch}.jpg`) go.
    resume: go on from the checkpoint in `folder`, to the same weights that an
        uninterrupted run would have reached.
    stop_after: end once this many epochs in all are done (the schedule keeps the
        recipe's length): a later call with `resume` goes on.
    held_out: (M, 28, 28) uint8; their PSNR at sigma 0.5 is measured every epoch.
    bfloat16, compile: see `TrainStep`.

    Prints a progress bar and the mean loss of each epoch. Returns the history.
    Raises RuntimeError for a CUDA device that is not there, ValueError where a
    checkpoint does not fit. Source: the article, sections 4.1 and 4.2.
    """
    device = check_device(device)
    model.to(device).train()
    batcher = Batcher(
        images, recipe.batch_size, recipe.scale, recipe.sigma, device, seed
    )
    steps = recipe.steps_per_epoch(len(images))
    step = TrainStep(model, recipe, steps * recipe.epochs, bfloat16, compile)
    history = History()
    if folder is not None:
        folder = Path(folder)
        (folder / "img").mkdir(parents=True, exist_ok=True)
    if resume:
        if folder is None:
            raise ValueError("resume=True needs the folder that holds the checkpoint")
        history = load_checkpoint(folder, model, step, batcher)

    last = min(recipe.epochs, stop_after or recipe.epochs)
    for epoch in range(len(history.loss), last):
        start = time.perf_counter()
        total = torch.zeros((), device=device)
        bar = tqdm(range(steps), desc=f"epoch {epoch}", file=sys.stdout)
        for _ in bar:
            total += step(*batcher.next())
        history.loss.append(total.item() / steps)
        history.seconds.append(time.perf_counter() - start)
        line = f"epoch {epoch}: train loss {history.loss[-1]:.5g}"
        if held_out is not None:
            history.psnr_db.append(validate(model, held_out, recipe.scale))
            line += f", held-out PSNR at sigma 0.5: {history.psnr_db[-1]:.2f} dB"
        print(line)
        if folder is not None:
            chosen = np.random.default_rng([seed, epoch]).integers(len(images))
            picture = folder / "img" / f"img_{epoch}.jpg"
            save_picture(picture, model, images[chosen], recipe.scale)
            if epoch % recipe.save_every == 0 or epoch == last - 1:
                save_checkpoint(folder, model, step, batcher, history)
    return history


def validate(model: nn.Module, images: np.ndarray, scale: float) -> float:
    """Mean PSNR in dB of `model` on `images` (M, 28, 28) uint8 at sigma 0.5.

    `scale` is the one that the network was trained on; PSNR is taken on [0, 1].
    """
    device = next(model.parameters()).device
    clean = torch.tensor(images, device=device).unsqueeze(1).float() / 255
    white = 255 * scale
    model.eval()
    result = denoising_psnr(lambda x: model(x * white).float() / white, clean, [0.5])
    model.train()
    return result[0.5]


def _load(folder: str | None) -> Digits:
    if folder is None:
        return load_mnist()[0]
    if (Path(folder) / "x_train.npy").exists():
        return load_npy(folder)
    return load_idx(folder)[0]


def main(arguments: list[str] | None = None) -> None:
    """The command line: `python -m unetlib.train --help`."""
    parser = argparse.ArgumentParser(
        prog="python -m unetlib.train", description="Train one of the book's networks."
    )
    add = parser.add_argument
    add("--recipe", choices=RECIPES, default="book")
    add("--device", default="cpu", help="cpu, cuda or cuda:N")
    add("--folder", default=None, help="for results; default runs/RECIPE")
    add("--data", default=None, help="folder with the .npy pair or the IDX files")
    add("--epochs", type=int, default=None, help="length of the whole run")
    add("--stop-after", type=int, default=None, help="pause after so many epochs")
    add("--seed", type=int, default=0)
    add("--resume", action="store_true", help="go on from the folder's checkpoint")
    add("--bfloat16", action="store_true", help="compute in bfloat16")
    add("--compile", action="store_true", help="use torch.compile")
    options = parser.parse_args(arguments)

    recipe = RECIPES[options.recipe]
    if options.epochs is not None:
        recipe = replace(recipe, epochs=options.epochs)
    train = _load(options.data).up_to(10)  # the article's filter: keeps all of them
    held_out = None  # the article learns from every digit and measures nothing
    if recipe.name == "book":
        train, validation = split(train)
        held_out = validation.images[:1000]
    torch.manual_seed(options.seed)
    fit(
        NETWORKS[recipe.network](),
        train.images,
        recipe,
        device=options.device,
        seed=options.seed,
        folder=options.folder or Path("runs") / recipe.name,
        resume=options.resume,
        stop_after=options.stop_after,
        held_out=held_out,
        bfloat16=options.bfloat16,
        compile=options.compile,
    )


if __name__ == "__main__":
    main()
