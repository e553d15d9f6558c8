"""The training program: `fit` runs a recipe. Introduced in chapter 04.

From a shell:
`python -m unetlib.train --recipe article|article-noise|book --device cpu|cuda`, or by
several processes at once: `torchrun --nproc-per-node N -m unetlib.train …`.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.image import imsave
from torch import nn
from tqdm import tqdm

from unetlib.batcher import Batcher
from unetlib.checkpoints import History, load_checkpoint, save_checkpoint
from unetlib.data import Digits, load_idx, load_mnist, load_npy, split
from unetlib.distributed import average, own_device, own_share, process_group, rank
from unetlib.metrics import denoising_psnr
from unetlib.model import NETWORKS
from unetlib.pretrained import Denoiser
from unetlib.recipes import ARTICLE, ARTICLE_NOISE, BOOK, RECIPES, Recipe
from unetlib.speed import FAST, PLAIN, Speed
from unetlib.step import TrainStep, check_device

__all__ = ["ARTICLE", "ARTICLE_NOISE", "BOOK", "RECIPES", "Recipe", "TrainStep"]
__all__ += ["History", "fit", "main", "save_picture", "validate"]


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
    device: str | torch.device = "cpu",
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    stop_after: int | None = None,
    held_out: np.ndarray | None = None,
    speed: Speed = FAST,
) -> History:
    """Train `model` on `images` (N, 28, 28) uint8 by `recipe`.

    folder: where checkpoints and one picture per epoch (`img/img_{epoch}.jpg`) go.
    resume: go on from the checkpoint in `folder`, to the same weights that an
        uninterrupted run would have reached.
    stop_after: end once this many epochs in all are done (the schedule keeps the
        recipe's length): a later call with `resume` goes on.
    held_out: (M, 28, 28) uint8; their PSNR at sigma 0.5 is measured every epoch.
    speed: the ways to be fast; `PLAIN` takes none of them.

    Prints a progress bar and the mean loss of each epoch. Returns the history.
    Where several processes train together, only the first one prints, measures and
    writes; a checkpoint is the same file for any number of them.
    Raises RuntimeError for a CUDA device that is not there, ValueError where a
    checkpoint does not fit or the processes cannot share the batch equally.
    Source: the article, sections 4.1 and 4.2.
    """
    device = check_device(device)
    model.to(device).train()
    batcher = Batcher(
        images,
        recipe.batch_size,
        recipe.scale,
        recipe.sigma,
        device,
        seed,
        own_share(recipe.batch_size),
    )
    steps = recipe.steps_per_epoch(len(images))
    step = TrainStep(model, recipe, steps * recipe.epochs, speed)
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
        history.loss.append(_epoch(step, batcher, steps, f"epoch {epoch}"))
        history.seconds.append(time.perf_counter() - start)
        if rank() > 0:
            continue
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


def _epoch(step: TrainStep, batcher: Batcher, steps: int, name: str) -> float:
    """Take so many steps; returns the mean of their losses."""
    total = torch.zeros((), device=step.device)
    for _ in tqdm(range(steps), desc=name, file=sys.stdout, disable=rank() > 0):
        total += step(*batcher.next())
    return average(total).item() / steps


def validate(model: nn.Module, images: np.ndarray, scale: float) -> float:
    """Mean PSNR in dB of `model` on `images` (M, 28, 28) uint8 at sigma 0.5.

    `scale` is the one that the network was trained on; PSNR is taken on [0, 1].
    """
    device = next(model.parameters()).device
    clean = torch.tensor(images, device=device).unsqueeze(1).float() / 255
    result = denoising_psnr(Denoiser(model, 255 * scale).eval(), clean, [0.5])
    model.train()
    return result[0.5]


def _load(folder: str | None) -> Digits:
    if folder is None:
        return load_mnist()[0]
    if (Path(folder) / "x_train.npy").exists():
        return load_npy(folder)
    return load_idx(folder)[0]


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {text}")
        return int(text)

    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m unetlib.train", description="Train one of the book's networks."
    )
    add = parser.add_argument
    add("--recipe", choices=RECIPES, default="book")
    add("--device", default="cpu", help="cpu, cuda or cuda:N")
    add("--folder", default=None, help="for results; default runs/RECIPE")
    add("--data", default=None, help="folder with the .npy pair or the IDX files")
    add("--epochs", type=_at_least(1), help="length of the whole run")
    add("--stop-after", type=_at_least(1), help="pause after so many epochs")
    add("--seed", type=_at_least(0), default=0)
    add("--resume", action="store_true", help="go on from the folder's checkpoint")
    add("--plain", action="store_true", help="take no measures for speed")
    add("--bfloat16", action=argparse.BooleanOptionalAction, help="default: if fast")
    add("--compile", action="store_true", help="use torch.compile")
    return parser


def _run(options: argparse.Namespace) -> None:
    device = check_device(own_device(options.device))
    recipe = RECIPES[options.recipe]
    if options.epochs is not None:
        recipe = replace(recipe, epochs=options.epochs)
    train = _load(options.data).up_to(10)  # the article's filter: keeps all of them
    held_out = None  # the article learns from every digit and measures nothing
    if recipe.name == "book":
        train, validation = split(train)
        held_out = validation.images[:1000]
    speed = PLAIN if options.plain else replace(FAST, bfloat16=options.bfloat16)
    speed = replace(speed, compile=options.compile)
    torch.manual_seed(options.seed)
    with process_group(device):
        fit(
            NETWORKS[recipe.network](),
            train.images,
            recipe,
            device=device,
            seed=options.seed,
            folder=options.folder or Path("runs") / recipe.name,
            resume=options.resume,
            stop_after=options.stop_after,
            held_out=held_out,
            speed=speed,
        )


def _for_readers(error: Exception) -> bool:
    """Whether a `raise` in unetlib made `error`: then its message says what to do.

    Anything else may be a fault in the program, to be mended with its traceback.
    """
    *_, origin = traceback.extract_tb(error.__traceback__)
    here = Path(origin.filename).parent == Path(__file__).parent
    return here and origin.line.startswith("raise ")


def main(arguments: list[str] | None = None) -> None:
    """The command line: `python -m unetlib.train --help`."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        _run(options)
    except (RuntimeError, ValueError) as error:
        if not _for_readers(error):
            raise
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    except KeyboardInterrupt:
        parser.exit(130, f"{parser.prog}: stopped; --resume goes on\n")


if __name__ == "__main__":
    main()
