"""The command that applies a trained network to picture files.

From a shell: `unetlib denoise noisy/*.png --weights runs/book/unet_model.pth`.
"""

import argparse
import io
from glob import glob
from pathlib import Path

import torch
from PIL import Image

from unetlib.checks import UnetlibError, check_device
from unetlib.formats.image_files import read_picture
from unetlib.networks import RECIPES
from unetlib.pretrained import PRETRAINED, load_pretrained
from unetlib.saving.files import write_safely

EXAMPLES = """examples:
  unetlib denoise digit.png                         by the network that ships
  unetlib denoise noisy/*.png --out clean --weights runs/book/unet_model.pth
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What to denoise, by which network, and where to."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("pictures", nargs="+", metavar="PICTURE", help="PNG, JPEG, TIFF; becomes gray")
    add("--weights", default="skip", help=f"{', '.join(PRETRAINED)} or a file (skip)")
    add("--recipe", choices=RECIPES, help="of a file that does not say its own")
    add("--out", default="denoised", help="folder to write to (denoised)")
    add("--overwrite", action="store_true", help="replace files that are there")
    add("--device", default="cpu", help="cpu, cuda or cuda:N (cpu)")


def run(options: argparse.Namespace) -> None:
    """Denoise each file into the folder, as a gray PNG of the same name.

    Raises UnetlibError, before anything is written, for what is missing or in the way;
    at the end, for pictures that could not be read.
    """
    files = [Path(name) for given in options.pictures for name in matching(given)]
    targets = [Path(options.out) / f"{file.stem}.png" for file in files]
    check_files(files, targets, options.overwrite)
    device = check_device(options.device)
    recipe = options.recipe and RECIPES[options.recipe]
    denoiser = load_pretrained(options.weights, device, recipe=recipe)
    unread = []
    for file, target in zip(files, targets, strict=True):
        try:
            picture = read_picture(file)
        except UnetlibError as error:
            unread.append(str(error))
            continue
        noisy = torch.from_numpy(picture)[None, None].to(device) / 255
        with torch.no_grad():
            denoised = denoiser(noisy)[0, 0].clamp(0, 1)
        pixels = (255 * denoised).round().to(torch.uint8).cpu().numpy()
        png = io.BytesIO()
        Image.fromarray(pixels).save(png, format="PNG")
        write_safely(target, png.getvalue())
        print(target)
    if unread:
        raise UnetlibError(". ".join(unread))


def matching(name: str) -> list[str]:
    """The files that a name with * stands for, which Windows leaves to the program."""
    return (not Path(name).exists() and sorted(glob(name))) or [name]  # noqa: PTH207


def check_files(files: list[Path], targets: list[Path], overwrite: bool) -> None:
    """Refuses missing files, two of one name, and targets that are there already."""
    for file in files:
        if not file.is_file():
            kind = "a folder" if file.is_dir() else "not there"
            hint = f"; name its pictures: {file / '*.png'}" if file.is_dir() else ""
            raise UnetlibError(f"{file} is {kind}, expected a picture{hint}")
    # Some systems take a.png and A.png for one file.
    names = [str(target).casefold() for target in targets]
    for name, target in zip(names, targets, strict=True):
        if names.count(name) > 1:
            raise UnetlibError(
                f"two of the pictures would become {target}; denoise them apart, "
                "each with an --out of its own"
            )
        if target.exists() and not overwrite:
            raise UnetlibError(
                f"{target} is there already; choose another --out, or replace it "
                "with --overwrite"
            )
