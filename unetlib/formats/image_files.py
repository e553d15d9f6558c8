"""Picture files (PNG, JPEG, TIFF and others), read by Pillow."""

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from unetlib.checks import UnetlibError

# Only these are tried: some of Pillow's readers start other programs.
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp")
SUFFIXES += (".pgm", ".ppm", ".pbm")


def read_picture(
    path: str | Path, size: tuple[int, int] | None = None, colour: bool = False
) -> np.ndarray:
    """One picture as gray uint8 (H, W), upright as its EXIF says.

    Colour becomes gray by ITU-R 601: 0.299 red + 0.587 green + 0.114 blue. What is
    transparent shows white. Of 16 bits the upper 8 are kept, rounded.
    size: (H, W) that it must have. colour: keep it, (3, H, W); gray is three times the
        same.
    Raises UnetlibError, naming the file, where it is damaged, of another size, larger
    than Pillow's limit, of several pages or of floats, whose white nobody knows.
    """
    try:
        with warnings.catch_warnings():
            # A small file may unpack to very many pixels.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # From memory: a damaged length must not make Pillow ask for gigabytes.
            content = BytesIO(Path(path).read_bytes())
            with Image.open(content, formats=FORMATS) as picture:
                _check_picture(picture, path, size)
                return _eight_bits(ImageOps.exif_transpose(picture), path, colour)
    except UnetlibError:
        raise
    except Exception as error:  # Pillow raises many kinds on a damaged file
        raise UnetlibError(
            f"{path} is not a picture that can be read ({error}); expected PNG, JPEG "
            "or TIFF"
        ) from None


def _check_picture(
    picture: Image.Image, path: str | Path, size: tuple[int, int] | None
) -> None:
    """What the header tells, before any pixel is unpacked."""
    # A phone's JPEG may hold a smaller copy of itself, which is no second picture.
    frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
    if frames > 1:
        raise UnetlibError(
            f"{path} holds {frames} pictures, expected one; save each in a "
            "file of its own"
        )
    sideways = picture.getexif().get(0x0112, 1) > 4  # height and width change places
    sides = picture.size if sideways else picture.size[::-1]
    if size is not None and sides != size:
        raise UnetlibError(
            f"{path} has {sides[0]}×{sides[1]} pixels (height × width), the pictures "
            f"before it {size[0]}×{size[1]}; expected one size, so crop or resize them"
        )


def _eight_bits(picture: Image.Image, path: str | Path, colour: bool) -> np.ndarray:
    if picture.mode.startswith("I"):  # 16 bits, which Pillow's own conversion cuts off
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 65535:
            raise UnetlibError(f"{path} holds numbers of 32 bits, expected 8 or 16")
        picture = Image.fromarray(np.round(values / 257).astype(np.uint8))
    if picture.mode == "F":
        raise UnetlibError(
            f"{path} holds floats, and which of them is white the file does not say; "
            "save it with 8 or 16 bits"
        )
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    if picture.mode not in ("1", "L"):
        picture = picture.convert("RGB")
    pixels = np.array(picture.convert("RGB" if colour else "L"))
    return pixels.transpose(2, 0, 1) if colour else pixels


def find_pictures(folder: Path) -> list[Path]:
    """The picture files in `folder` and below, sorted; hidden ones do not count.

    Where they are in train and test folders, only those for training.
    """
    for name in ("train", "training"):
        if (folder / name).is_dir():
            return find_pictures(folder / name)
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(
            part.startswith((".", "__")) for part in path.relative_to(folder).parts
        )
    )


def read_pictures(paths: list[Path]) -> np.ndarray:
    """All of them, (N, H, W) uint8; refused where one has another size."""
    first = read_picture(paths[0])
    images = np.empty((len(paths), *first.shape), np.uint8)
    images[0] = first
    for image, path in zip(images[1:], paths[1:], strict=True):
        image[:] = read_picture(path, first.shape)
    return images


def folder_labels(paths: list[Path]) -> np.ndarray | None:
    """The labels (N,) uint8 of pictures in folders called 0 to 255, or None."""
    names = [path.parent.name for path in paths]
    if not all(name.isdecimal() and int(name) < 256 for name in names):
        return None
    return np.array(names, np.uint16).astype(np.uint8)
