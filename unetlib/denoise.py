"""The command that applies a trained network to picture files.

From a shell: `unetlib denoise noisy/*.png --weights runs/book/checkpoint.safetensors`.
"""

import argparse
import io
from glob import glob
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from unetlib.checks import UnetlibError, check_device
from unetlib.formats.image_files import read_picture
from unetlib.metrics import psnr
from unetlib.model import Denoiser
from unetlib.networks import RECIPES
from unetlib.pretrained import PRETRAINED, load_pretrained
from unetlib.saving.files import write_safely

EXAMPLES = """examples:
  unetlib denoise digit.png                         by the network that ships
  unetlib denoise noisy/*.png --out clean --weights runs/book/checkpoint.safetensors
  unetlib denoise noisy/*.png --colour --clean originals      tells the PSNR, too
  unetlib denoise noisy/*.png --preview             noisy and denoised side by side
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What to denoise, by which network, and where to."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("pictures", nargs="+", metavar="PICTURE", help="PNG, JPEG, TIFF")
    add("--weights", default="skip", help=f"{', '.join(PRETRAINED)} or a file (skip)")
    add("--recipe", choices=RECIPES, help="of a file that does not say its own")
    add("--colour", action="store_true", help="keep colours; else they become gray")
    add("--clean", metavar="FOLDER", help="clean pictures of the same names: for PSNR")
    add("--preview", action="store_true", help="before, after (and clean) in one PNG")
    add("--out", default="denoised", help="folder to write to (denoised)")
    add("--overwrite", action="store_true", help="replace files that are there")
    add("--device", default="cpu", help="cpu, cuda or cuda:N (cpu)")


def run(options: argparse.Namespace) -> None:
    """Denoise each file into the folder, as a PNG of the same name, any size.

    By a network for gray pictures, each colour is denoised as a gray picture.
    Raises UnetlibError, before anything is written, for what is missing or in the way;
    at the end, for pictures that could not be read or compared.
    """
    files, targets = check_files(options)
    device = check_device(options.device)
    recipe = options.recipe and RECIPES[options.recipe]
    denoiser = load_pretrained(options.weights, device, recipe=recipe)
    check_channels(denoiser, options.weights, options.colour)
    wrong = []
    for file, target in zip(files, targets, strict=True):
        try:
            noisy = read_picture(file, colour=options.colour)
            clean = read_clean(options.clean, file, noisy.shape, options.colour)
        except UnetlibError as error:
            wrong.append(str(error))
            continue
        denoised = denoise_picture(denoiser, noisy, device)
        write_picture(target, denoised)
        found = "" if clean is None else f": {compared(noisy, denoised, clean)}"
        print(f"{target}{found}")
        if options.preview:
            beside = [x for x in (noisy, denoised, clean) if x is not None]
            write_picture(preview(target), np.concatenate(beside, axis=-1))
    if wrong:
        raise UnetlibError(". ".join(wrong))


def denoise_picture(
    denoiser: Denoiser, picture: np.ndarray, device: torch.device
) -> np.ndarray:
    """(H, W) or (3, H, W) uint8, denoised to the same; by a network for gray pictures,
    each colour by itself."""
    noisy = torch.from_numpy(picture).to(device) / 255
    batch = noisy.reshape(-1, denoiser.network.channels, *picture.shape[-2:])
    with torch.no_grad():
        denoised = denoiser(batch).clamp(0, 1).reshape(picture.shape)
    return (255 * denoised).round().to(torch.uint8).cpu().numpy()


def write_picture(path: Path, picture: np.ndarray) -> None:
    """(H, W) or (3, H, W) uint8 as a PNG; raises UnetlibError as `write_safely`."""
    rows = picture if picture.ndim == 2 else np.moveaxis(picture, 0, 2)
    png = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rows)).save(png, format="PNG")
    write_safely(path, png.getvalue())


def read_clean(
    folder: str | None, file: Path, shape: tuple[int, ...], colour: bool
) -> np.ndarray | None:
    """The picture in `folder` that has the name of `file`, None where there is none.

    Raises UnetlibError where it cannot be read or has another shape.
    """
    if folder is None or not (path := Path(folder, file.name)).is_file():
        return None
    clean = read_picture(path, colour=colour)
    if clean.shape != shape:
        here, there = ("×".join(map(str, s[-2:])) for s in (shape, clean.shape))
        raise UnetlibError(
            f"{file} has {here} pixels (height × width), {path} {there}; a PSNR needs "
            "two of one size, so leave --clean out or crop one of them"
        )
    return clean


def compared(noisy: np.ndarray, denoised: np.ndarray, clean: np.ndarray) -> str:
    """The PSNR before and after, of pictures of one shape."""
    height, width = clean.shape[-2:]
    stack = np.stack([noisy, denoised, clean]).reshape(3, -1, height, width)
    noisy, denoised, clean = torch.from_numpy(stack).split(1)  # (1, C, H, W)
    before, after = (psnr(x / 255, clean / 255).item() for x in (noisy, denoised))
    return f"noisy {before:.2f} dB, denoised {after:.2f} dB"


def matching(name: str) -> list[str]:
    """The files that a name with * stands for, which Windows leaves to the program."""
    return (not Path(name).exists() and sorted(glob(name))) or [name]  # noqa: PTH207


def preview(target: Path) -> Path:
    """Where before and after lie side by side."""
    return target.with_stem(f"{target.stem}-preview")


def check_files(options: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    """(the pictures, what they become).

    Refuses missing files, two that become one, what is there already, and a folder of
    clean ones that has none of their names.
    """
    files = [Path(name) for given in options.pictures for name in matching(given)]
    targets = [Path(options.out) / f"{file.stem}.png" for file in files]
    for file in files:
        if not file.is_file():
            kind = "a folder" if file.is_dir() else "not there"
            hint = f"; name its pictures: {file / '*.png'}" if file.is_dir() else ""
            raise UnetlibError(f"{file} is {kind}, expected a picture{hint}")
    written = [*targets, *map(preview, targets)] if options.preview else targets
    # Some systems take a.png and A.png for one file.
    names = [str(target).casefold() for target in written]
    for name, target in zip(names, written, strict=True):
        if names.count(name) > 1:
            raise UnetlibError(
                f"two of the pictures would become {target}; denoise them apart, "
                "each with an --out of its own"
            )
        if target.exists() and not options.overwrite:
            raise UnetlibError(
                f"{target} is there already; choose another --out, or replace it "
                "with --overwrite"
            )
    if options.clean is not None:
        check_clean(files, Path(options.clean))
    return files, targets


def check_channels(denoiser: Denoiser, weights: str, colour: bool) -> None:
    """Refuses a network for colours where pictures become gray, and one for others."""
    channels = denoiser.network.channels
    if channels not in ((1, 3) if colour else (1,)):
        hint = "; add --colour" if channels == 3 else ", and files have 1 or 3"
        raise UnetlibError(
            f"{weights} is of a network for pictures of {channels} channels{hint}"
        )


def check_clean(files: list[Path], folder: Path) -> None:
    """Refuses a folder that has none of the names."""
    if not any((folder / file.name).is_file() for file in files):
        raise UnetlibError(
            f"--clean {folder} holds no picture with the name of a noisy one, such as "
            f"{files[0].name}; the pairs must be called alike"
        )
