"""Every refusal at the public edge of the lesson: what was got, what was expected.

Nothing here computes anything; read it when a message made you curious.
"""

import hashlib
from collections.abc import Iterable
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

LARGEST_SEED = 2**64 - 1


class UnetlibError(ValueError):
    """An error that its reader can mend: the message says what is wrong, what was
    expected and what to do. Any other error is a fault in the program."""


def check_whole(name: str, number: int, low: int, high: int = 2**31 - 1) -> int:
    """`number` as an int; refuses what is not whole or not in [low, high]."""
    if not (isinstance(number, (int, Integral)) and low <= number <= high):
        raise UnetlibError(
            f"{name} must be a whole number from {low} to {high}, got {number!r}"
        )
    return int(number)


def check_number(name: str, number: float, low: float, high: float) -> float:
    """`number` as a float; refuses what is no number in [low, high]."""
    # Asked for every batch, and for Real it takes ten times longer than for float.
    if not (isinstance(number, (float, Real)) and low <= number <= high):
        raise UnetlibError(
            f"{name} must be a number from {low:g} to {high:g}, got {number!r}"
        )
    return float(number)


def check_positive(name: str, number: float, high: float) -> float:
    """`number` as a float; refuses what is no number in (0, high]."""
    if isinstance(number, np.generic):  # else NumPy rounds the limit to its kind
        number = number.item()
    if not (isinstance(number, (float, Real)) and 0 < number <= high):
        raise UnetlibError(f"{name} must be in (0, {high:g}], got {number!r}")
    return float(number)


def check_factor(scale: float) -> float:
    """`scale`, what pixels from 0 to 255 are multiplied by, as a float."""
    return check_number("scale", scale, 1e-6, 1)


def check_choice(name: str, choice: object, choices: object) -> None:
    """Refuses a choice that is not among the choices."""
    if not (isinstance(choice, str) and choice in choices):
        known = " or ".join(f'"{one}"' for one in choices)
        raise UnetlibError(f"{name} must be {known}, got {choice!r}")


def check_range(
    sigma: float | tuple[float, float], largest: float, distribution: str = "uniform"
) -> tuple[float, float]:
    """(low, high), of a number both; refuses all but 0 <= low <= high <= largest, and
    low = 0 for a distribution in log(sigma)."""
    both = sigma if isinstance(sigma, (tuple, list)) else (sigma, sigma)
    if len(both) != 2:
        raise UnetlibError(f"sigma must be a number or (low, high), got {sigma!r}")
    low, high = (check_number("sigma", x, 0, largest) for x in both)
    if low > high:
        raise UnetlibError(
            f"sigma: low must not exceed high, got low={low}, high={high}"
        )
    if low == 0 and distribution != "uniform":
        raise UnetlibError(f"{distribution} sigma needs low > 0, got low=0")
    return low, high


WHITE = {"bool": 1, "uint16": 65535}  # of other whole numbers 255


def kind_of(thing: object) -> str:
    """How a message names it: a tensor or an array by its dtype, others by type."""
    dtype = getattr(thing, "dtype", None)
    if isinstance(thing, np.ndarray):
        return f"a numpy array of {dtype}"
    return str(type(thing) if dtype is None else dtype)


def as_floats(pictures: object) -> str:
    """What makes a float tensor in [0, 1] of `pictures`: an array, tensor or others.

    Told by the dtype alone: reading the pixels back would stall a GPU.
    """
    dtype = str(getattr(pictures, "dtype", "uint8")).removeprefix("torch.")
    white = 1 if "float" in dtype else WHITE.get(dtype, 255)
    cure = "images" if isinstance(pictures, Tensor) else "torch.tensor(images)"
    if hasattr(pictures, "convert"):  # a picture of Pillow
        cure = 'torch.tensor(np.array(images.convert("L")))'
    cure += ".float()" + (f" / {white}" if white > 1 else "")
    return f"scale it first: {cure}" if white > 1 else f"convert it: {cure}"


def as_bytes(pictures: np.ndarray, cure: str) -> str:
    """What to do to get bytes 0 to 255 of `pictures`, told by their dtype and range:
    `cure` and an expression, where one will do."""
    if pictures.dtype == bool:
        return f"{cure} images.astype(np.uint8) * 255"
    low, high = float(pictures.min()), float(pictures.max())
    for least, most, undone in SCALES:
        if low >= least and high <= most:
            whole = undone.format("images")
            return f"{cure} np.round({whole}).clip(0, 255).astype(np.uint8)"
    return (
        f"they hold values from {low:g} to {high:g}: undo what was done to them, so "
        "that black is 0 and white is 255"
    )


# (darkest, brightest, how to get back to 0 to 255). The first scale that holds all
# pixels is taken; each has some slack for rounding.
SCALES = (
    (0, 1.0001 / 255, "{} * 255 * 255"),  # divided twice
    (0, 1.0001, "{} * 255"),
    (-1.0001, 1.0001, "({} + 1) * 127.5"),
    (-0.425, 2.822, "({} * 0.3081 + 0.1307) * 255"),  # torchvision's mean and std
    (0, 255, "{}"),
    (0, 65535, "{} / 257"),
)


def check_floats(name: str, pictures: Tensor) -> None:
    """Refuses all but a dense tensor of floats."""
    if not (isinstance(pictures, Tensor) and pictures.is_floating_point()):
        raise UnetlibError(
            f"{name} must be a float tensor in [0, 1], got {kind_of(pictures)}; "
            f"{as_floats(pictures)}"
        )
    check_dense(name, pictures)


def check_dense(name: str, pictures: Tensor) -> None:
    """Refuses a tensor that does not hold all of its pixels, one by one."""
    if pictures.layout is not torch.strided:
        raise UnetlibError(
            f"{name} must be a dense tensor, got {pictures.layout}; convert it: "
            f"{name}.to_dense()"
        )


def check_scale(name: str, pictures: Tensor) -> None:
    """Refuses what is no float tensor, or plainly holds pixels from 0 to 255. A tensor
    on a GPU is not looked at: reading it back would stall the GPU; nor is one that has
    no values, while PyTorch traces or maps the program (torch.export, torch.func)."""
    check_floats(name, pictures)
    traced = torch.compiler.is_compiling()
    if traced or pictures.device.type != "cpu" or not pictures.numel():
        return
    try:
        low, high = (x.item() for x in pictures.detach().aminmax())
    except RuntimeError:
        return
    if low >= 0 and high > 20:  # where noise makes white so bright, black gets below 0
        raise UnetlibError(
            f"{name} must be on the scale where white is 1, got values from {low:g} to "
            f"{high:g}; scale it first: {name} / {65535 if high > 255 else 255}"
        )


def check_sigma(clean: Tensor, sigma: float | Tensor, largest: float) -> float | Tensor:
    """`sigma` in the dtype of `clean`; refuses what does not go together. A tensor on a
    GPU is not looked at: reading it back would stall the GPU."""
    check_scale("clean", clean)
    if not isinstance(sigma, Tensor):
        return check_number("sigma", sigma, 0, largest)
    if sigma.device.type == "cpu" and sigma.numel():
        for value in sigma.aminmax():
            check_number("sigma", value.item(), 0, largest)
    try:
        sigma.expand_as(clean)
    except RuntimeError:
        raise UnetlibError(
            f"sigma {tuple(sigma.shape)} must broadcast to clean {tuple(clean.shape)}; "
            "(B, 1, 1, 1) gives each picture its own"
        ) from None
    return sigma.to(clean)


def check_images(name: str, images: np.ndarray) -> None:
    """Refuses all but (N, H, W) or (N, C, H, W) uint8 with N ≥ 1 and white = 255."""
    if not isinstance(images, np.ndarray):
        cure = "images.numpy()" if isinstance(images, Tensor) else "np.array(images)"
        if hasattr(images, "convert"):  # a picture of Pillow
            cure = 'np.array(images.convert("L"))[np.newaxis]'
        raise UnetlibError(
            f"{name} must be a numpy array of uint8 (0 to 255), got {kind_of(images)}; "
            f"convert it: {cure}"
        )
    if isinstance(images, np.ma.MaskedArray):
        raise UnetlibError(
            f"{name} has a mask, which nothing here would look at; say what is to be "
            f"there: {name}.filled(0)"
        )
    if images.size and images.dtype.kind in "buif":
        check_bytes(name, images)
    if images.dtype != np.uint8:
        raise UnetlibError(
            f"{name} must be a numpy array of uint8 (0 to 255), got {images.dtype}"
        )
    if images.ndim == 4 and images.shape[1] > 4 >= images.shape[3]:
        raise UnetlibError(
            f"{name} must have the channels before height and width (N, C, H, W), got "
            f"{images.shape}; move them: images.transpose(0, 3, 1, 2). The networks of "
            "the book take one channel; colours become gray by images.mean(axis=3)"
            ".round().astype(np.uint8)"
        )
    if images.ndim not in (3, 4) or images.size == 0:
        raise UnetlibError(
            f"{name} must have shape (N, H, W), or (N, C, H, W), got {images.shape}"
        )


def check_bytes(name: str, images: np.ndarray) -> None:
    """Refuses numbers that are not bytes, and bytes that hold only 0 and 1."""
    if images.dtype != np.uint8:
        raise UnetlibError(
            f"{name} must be a numpy array of uint8 (0 to 255), got {images.dtype}; "
            f"{as_bytes(images, 'convert it:')}"
        )
    if images.max() == 1:
        raise UnetlibError(
            f"{name} holds only 0 and 1, but white must be 255; scale it: images * 255"
        )


def check_digits(images: np.ndarray, labels: np.ndarray) -> None:
    """Refuses all but uint8 pictures (N, H, W) with labels (N,) of uint8."""
    for array in (images, labels):
        if not (isinstance(array, np.ndarray) and array.dtype == np.uint8):
            raise UnetlibError(f"expected numpy arrays of uint8, got {kind_of(array)}")
    if labels.ndim != 1 or images.ndim != 3 or len(images) != len(labels):
        raise UnetlibError(
            "expected images (N, H, W) and labels (N,), "
            f"got {images.shape} and {labels.shape}"
        )


def check_kept(labels: np.ndarray, largest: float) -> np.ndarray:
    """Which labels (N,) are at most `largest`; refuses to keep none of them."""
    if not isinstance(largest, Real):
        raise UnetlibError(f"largest must be a number, got {largest!r}")
    kept = labels <= largest
    if not kept.any():
        raise UnetlibError(
            f"up_to({largest}) keeps no picture: the labels here are "
            f"{np.unique(labels).tolist()}"
        )
    return kept


def check_shipped(file: Path, sha256: str) -> bytes:
    """What is in a file that ships with unetlib; refuses a missing or altered one."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise UnetlibError(
            f"cannot read {file} ({error}); expected a file that ships with unetlib; "
            "reinstall unetlib"
        ) from None
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise UnetlibError(
            f"{file} is damaged or altered: expected sha256 {sha256}; reinstall unetlib"
        )
    return raw


def check_recipe(
    recipe: object, choices: dict[str, tuple[str, ...]], largest_sigma: float
) -> dict[str, object]:
    """Refuses a `Recipe` with a value that cannot be right; returns what it holds as
    Python's own numbers, which can be written as JSON."""
    for name, known in choices.items():
        check_choice(name, getattr(recipe, name), known)
    for name in ("name", "network"):
        if not isinstance(getattr(recipe, name), str):
            raise UnetlibError(f"{name} must be a text, got {getattr(recipe, name)!r}")
    if not isinstance(recipe.one_cycle, bool):  # "no" would be taken for yes
        raise UnetlibError(f"one_cycle must be True or False, got {recipe.one_cycle!r}")
    whole = ("batch_size", "draws_per_image", "epochs", "save_every")
    kept = {name: check_whole(name, getattr(recipe, name), 1) for name in whole}
    kept["scale"] = check_factor(recipe.scale)
    limits = {"lr": 1e9, "loss_factor": 1e9, "clip_norm": 1e9, "ema": 1}
    for name, high in limits.items():
        value = getattr(recipe, name)
        if value is not None or name in ("lr", "loss_factor"):
            kept[name] = check_positive(name, value, high)
    kept["sigma_weight"] = check_number("sigma_weight", recipe.sigma_weight, 0, 4)
    if recipe.sigma is not None:
        distribution = recipe.sigma_distribution
        kept["sigma"] = check_range(recipe.sigma, largest_sigma, distribution)
    elif recipe.sigma_weight:
        raise UnetlibError(
            f"sigma_weight={recipe.sigma_weight:g} needs a range of sigma to weigh"
        )
    return kept


def check_weighed(sigma: Tensor | None, pictures: Tensor, weight: float) -> None:
    """Refuses what is not the noise level of each picture, (B, 1, 1, 1)."""
    got = None if sigma is None else tuple(getattr(sigma, "shape", ()))
    if got != (len(pictures), 1, 1, 1):
        raise UnetlibError(
            f"sigma_weight={weight:g} needs the sigma of each picture, "
            f"{(len(pictures), 1, 1, 1)}, got {got}; step(*batcher.draw()) gives it"
        )


def check_same_shape(output: Tensor, clean: Tensor) -> None:
    """Refuses output and target of different shapes, or of integers."""
    check_floats("output", output)
    if output.shape != clean.shape or output.numel() == 0:
        raise UnetlibError(
            "expected output and target of one shape with some pixels, "
            f"got {tuple(output.shape)} and {tuple(clean.shape)}"
        )


def check_pair(image: Tensor, clean: Tensor) -> None:
    """Refuses all but two float tensors (B, C, H, W) of one shape and device, and
    `clean` on another scale than [0, 1]."""
    for x in (image, clean):
        dtype = getattr(x, "dtype", None)
        if not isinstance(x, Tensor) or dtype not in (torch.float32, torch.float64):
            raise UnetlibError(
                f"expected tensors of float32 or float64, got {kind_of(x)}; "
                f"{as_floats(x)}"
            )
        check_dense("pictures", x)
    if image.device != clean.device or clean.is_meta:
        raise UnetlibError(
            "both must lie on one device that holds values, "
            f"got {image.device} and {clean.device}"
        )
    if clean.dim() != 4 or 0 in clean.shape[1:] or image.shape != clean.shape:
        raise UnetlibError(
            "both must have one shape (B, C, H, W), "
            f"got {tuple(image.shape)} and {tuple(clean.shape)}"
        )
    if clean.numel():
        check_unit(clean.detach())


def check_unit(clean: Tensor) -> None:
    """Refuses pixels that are not finite, or plainly not on the scale of [0, 1]."""
    if not clean.isfinite().all():
        raise UnetlibError("clean must lie in [0, 1], got pixels that are not finite")
    low, high = (x.item() for x in clean.aminmax())
    # Resampling may overshoot by a tenth; another scale does so by far more.
    cure = None
    if low >= 0 and high > 2:
        cure = "clean / 65535" if high > 255 else "clean / 255"
    elif low < -0.5:
        cure = "(clean + 1) / 2" if low >= -1.0001 and high <= 1.0001 else "rescale it"
    elif 0 < high <= 1.0001 / 255:
        cure = "clean * 255"  # divided twice
    if cure:
        raise UnetlibError(
            f"clean must lie in [0, 1], got values from {low:g} to {high:g}; "
            f"on the right scale it is {cure}"
        )


def check_measured(denoise: object, clean: Tensor, sigmas: object) -> None:
    """Refuses to measure a mean PSNR of what is no function, of no pictures, or at no
    list of levels."""
    if not callable(denoise):
        raise UnetlibError(
            "denoise must be a function from noisy pictures to denoised ones, such as "
            f"a Denoiser, got {denoise!r}"
        )
    check_pair(clean, clean)
    if len(clean) == 0:
        raise UnetlibError(f"the mean needs some pictures, got {tuple(clean.shape)}")
    if not isinstance(sigmas, Iterable) or isinstance(sigmas, str):
        raise UnetlibError(f"sigmas must be a list such as [0.5], got {sigmas!r}")


def check_sides(pictures: Tensor, window: int) -> None:
    """Refuses pictures (B, C, H, W) in which a window of this size has no place."""
    if min(pictures.shape[2:]) < window:
        raise UnetlibError(
            f"SSIM looks at {window}×{window} pixels at a time, got pictures of "
            f"{tuple(pictures.shape)}"
        )


def check_input(x: Tensor, weight: Tensor, multiple: int = 4) -> None:
    """Refuses what a network whose first convolution has `weight`, and whose sides must
    be divisible by `multiple`, cannot take."""
    if not isinstance(x, Tensor):
        raise UnetlibError(f"expected a tensor (B, 1, H, W), got {type(x)}")
    check_dense("pictures", x)
    if x.dtype != weight.dtype or x.device != weight.device:
        raise UnetlibError(
            f"the network is {weight.dtype} on {weight.device}; expected pictures of "
            f"the same kind, got {x.dtype} on {x.device}. Convert one of them: "
            f'pictures.to("{weight.device}", {weight.dtype}), or '
            f'network.to("{x.device}", {x.dtype})'
        )
    channels = weight.shape[1]
    if x.dim() != 4 or x.shape[1] != channels:
        kind = "gray pictures" if channels == 1 else "pictures"
        raise UnetlibError(
            f"expected a batch of {kind} (B, {channels}, H, W), got {tuple(x.shape)}"
        )
    if any(side % multiple or not side for side in x.shape[2:]):
        raise UnetlibError(
            f"height and width must be divisible by {multiple}, got "
            f"{tuple(x.shape[2:])}. A `Denoiser` around the network pads and crops"
        )


def check_device(device: str | torch.device) -> torch.device:
    """The device; refuses, with advice, one that is not here."""
    try:
        device = torch.device(device)
    except (RuntimeError, TypeError):
        raise UnetlibError(
            f'no device is called "{device}"; ask for "cpu", "cuda" or "cuda:N"'
        ) from None
    if device.type not in ("cpu", "cuda"):
        raise UnetlibError(
            f'device "{device}" is none that this library knows; ask for "cpu" or '
            '"cuda". What it promises, such as resuming to the same weights, was never '
            "tried on others, Apple's mps among them"
        )
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UnetlibError(
            f'device "{device}" was asked for, but PyTorch sees no CUDA GPU here. '
            'Use device="cpu"; or, in Colab, choose Runtime > Change runtime type > '
            "GPU; on your own machine, install a CUDA build of PyTorch and its driver"
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UnetlibError(
            f'device "{device}" was asked for, but the GPUs here end at '
            f'"cuda:{torch.cuda.device_count() - 1}"'
        )
    return device


def seeded_generator(device: str | torch.device, seed: int) -> torch.Generator:
    """A generator on `device`; refuses a device or a seed that cannot be."""
    seed = check_whole("seed", seed, 0, LARGEST_SEED)
    try:
        return torch.Generator(device).manual_seed(seed)
    except Exception as error:  # torch raises many kinds
        raise UnetlibError(
            f"cannot draw on device {str(device)!r} ({error}); "
            'expected "cpu", or "cuda" where there is a GPU'
        ) from None


def check_step(model: object, recipe: object, steps: int) -> None:
    """Refuses what no training step can be made of."""
    check_is_network(model)
    check_is_recipe(recipe)
    check_whole("steps", steps, 1)


def check_is_network(model: object) -> None:
    """Refuses what is no network."""
    if not isinstance(model, nn.Module):
        cure = f"; make one: {model.__name__}()" if isinstance(model, type) else ""
        raise UnetlibError(f"model must be a network (nn.Module), got {model!r}{cure}")


def check_is_recipe(recipe: object) -> None:
    """Refuses what is no `Recipe`."""
    if isinstance(recipe, type) or not hasattr(recipe, "sigma_weight"):
        raise UnetlibError(f"recipe must be a Recipe, such as BOOK, got {recipe!r}")


def check_run(
    recipe: object,
    images: np.ndarray,
    held_out: np.ndarray | None,
    seed: int,
    stop_after: int | None,
    speed: object,
    on_epoch: object,
) -> None:
    """Refuses what would otherwise be noticed after hours, or never."""
    check_is_recipe(recipe)
    check_images("images", images)
    check_whole("seed", seed, 0, LARGEST_SEED)
    if stop_after is not None:
        check_whole("stop_after", stop_after, 1)
    if isinstance(speed, type) or not hasattr(speed, "keep_memory"):
        raise UnetlibError(f"speed must be FAST, PLAIN or a Speed, got {speed!r}")
    if on_epoch is not None and not callable(on_epoch):
        raise UnetlibError(
            f"on_epoch must be a function of a History, got {on_epoch!r}"
        )
    if held_out is not None:
        check_images("held_out", held_out)
        if held_out.shape[1:] != images.shape[1:]:
            raise UnetlibError(
                f"held_out must be pictures of the size of images {images.shape[1:]}, "
                f"got {held_out.shape[1:]}"
            )


def check_network(model: nn.Module, processes: int, wrapper: type) -> None:
    """Refuses a network that cannot keep what `fit` promises: to learn, to be resumed
    to the same bits, and to do both by any number of processes. wrapper: `Denoiser`."""
    check_is_network(model)
    kind, parameters = type(model).__name__, list(model.parameters())
    if isinstance(model, wrapper):  # whose scale would be applied to scaled pictures
        raise UnetlibError(
            "model must be a network, got a Denoiser around one. Train the network, "
            "denoiser.network; load_network gives one that is ready to learn"
        )
    if any(isinstance(p, nn.parameter.UninitializedParameter) for p in parameters):
        raise UnetlibError(f"{kind} is lazy: call it on one batch before it is trained")
    if not any(p.requires_grad and p.numel() for p in parameters):
        cure = "model.requires_grad_(True) thaws it" if parameters else "give it some"
        raise UnetlibError(
            "model must be a network with parameters to learn, got "
            f"{kind} with {len(parameters)} frozen ones; {cure}"
        )
    odd = [k for k, v in model.state_dict().items() if not isinstance(v, Tensor)]
    if odd:
        raise UnetlibError(
            f"{kind} keeps {odd[0]} in its state dict, which is no tensor, and a "
            "checkpoint holds only those. Make it a buffer (register_buffer)"
        )
    if processes > 1:
        alone = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)
        found = [type(m).__name__ for m in model.modules() if isinstance(m, alone)]
        if found:
            raise UnetlibError(
                f"{found[0]} depends on the whole batch or on chance, and {processes} "
                "processes each see a share: their steps would not be those of one "
                "process. Train with one process, or use GroupNorm"
            )
