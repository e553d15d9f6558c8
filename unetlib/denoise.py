"""The command that applies a trained network to picture files.

From a shell: `unetlib denoise noisy/*.png --weights runs/book/unet_model.pth`.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from unetlib.checks import UnetlibError, check_device
from unetlib.pretrained import PRETRAINED, load_pretrained
from unetlib.recipe import RECIPES

EXAMPLES = """examples:
  unetlib denoise digit.png                         by the network that ships
  unetlib denoise noisy/*.png --out clean --weights runs/book/unet_model.pth
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What to denoise, by which network, and where to."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("pictures", nargs="+", metavar="PICTURE", help="files: PNG, JPEG, TIFF, …")
    add("--weights", default="skip", help=f"{', '.join(PRETRAINED)} or a file (skip)")
    add("--recipe", choices=RECIPES, help="of a file that does not say its own")
    add("--out", default="denoised", help="folder to write to (denoised)")
    add("--overwrite", action="store_true", help="replace files that are there")
    add("--device", default="cpu", help="cpu, cuda or cuda:N (cpu)")


def run(options: argparse.Namespace) -> None:
    """Denoise each file into the folder, as a PNG of the same name.

    Raises UnetlibError, before anything is written, for what is missing or in the way.
    """
    files = [Path(name) for name in options.pictures]
    targets = [Path(options.out) / f"{file.stem}.png" for file in files]
    check_files(files, targets, options.overwrite)
    device = check_device(options.device)
    recipe = options.recipe and RECIPES[options.recipe]
    denoiser = load_pretrained(options.weights, device, recipe=recipe)
    Path(options.out).mkdir(parents=True, exist_ok=True)
    for file, target in zip(files, targets, strict=True):
        noisy = read_picture(file)
        with torch.no_grad():
            # Each colour by itself: the network sees one channel.
            denoised = denoiser(noisy[:, None].to(device))[:, 0].clamp(0, 1).cpu()
        write_picture(target, denoised)
        print(target)


def check_files(files: list[Path], targets: list[Path], overwrite: bool) -> None:
    """Refuses missing files, two of one name, and targets that are there already."""
    for file in files:
        if not file.is_file():
            kind = "a folder" if file.is_dir() else "not there"
            hint = f"; name its pictures: {file / '*.png'}" if file.is_dir() else ""
            raise UnetlibError(f"{file} is {kind}, expected a picture{hint}")
    for target in targets:
        if targets.count(target) > 1:
            raise UnetlibError(
                f"two of the pictures would become {target}; denoise them apart, "
                "each with an --out of its own"
            )
        if target.exists() and not overwrite:
            raise UnetlibError(
                f"{target} is there already; choose another --out, or replace it "
                "with --overwrite"
            )


def read_picture(path: Path) -> torch.Tensor:
    """(C, H, W) float in [0, 1]: one channel if gray, three in colour.

    Raises UnetlibError for what is no picture.
    """
    try:
        with Image.open(path) as image:
            gray = image.mode in ("1", "L", "LA", "I", "I;16", "F")
            if image.mode in ("I", "I;16"):
                pixels = np.asarray(image, dtype=np.float32) / 65535
            else:
                pixels = np.asarray(image.convert("L" if gray else "RGB")) / 255
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise UnetlibError(f"{path} is no picture that can be read: {error}") from None
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)


def write_picture(path: Path, pixels: torch.Tensor) -> None:
    """`pixels` (C, H, W) in [0, 1] as a PNG of 8 bits."""
    array = (255 * pixels).round().to(torch.uint8).permute(1, 2, 0).numpy()
    Image.fromarray(array.squeeze(-1) if array.shape[-1] == 1 else array).save(path)
