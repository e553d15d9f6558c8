"""Saving a training run and going on where it stopped. Introduced in chapter 04.

A checkpoint is a safetensors file: tensors with names, and beside them a text. To read
one runs no code, as unpickling does, and takes no more memory than the file is long.
"""

import hashlib
import json
import random
import warnings
import zlib
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from unetlib.batcher import Batcher
from unetlib.checks import UnetlibError
from unetlib.formats.weights import is_safetensors
from unetlib.recipe import Recipe
from unetlib.saving.files import write_safely
from unetlib.saving.history import History, Progress
from unetlib.step import TrainStep

CHECKPOINT = "checkpoint.safetensors"
VERSION = 1  # of what is in a checkpoint
ADAM = ("exp_avg", "exp_avg_sq")  # two means for every number that is learned


def save_checkpoint(
    folder: Path, step: TrainStep, batcher: Batcher, history: History
) -> None:
    """Write all that resuming needs to `checkpoint.safetensors` in `folder`.

    Raises UnetlibError where it cannot be written; what was saved before is then
    untouched.
    """
    write_safely(folder / CHECKPOINT, packed(step, batcher, history))


def packed(step: TrainStep, batcher: Batcher, history: History) -> bytes:
    """The content of a checkpoint."""
    tensors = {f"model.{name}": value for name, value in held(step.model).items()}
    for index, memory in step.optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{name}": value for name, value in memory.items()}
    tensors |= {f"average.{i}": value for i, value in enumerate(step.average)}
    tensors |= batcher.state_dict()
    tensors["random"] = torch.get_rng_state()
    if step.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(step.device)
    about = {
        "version": VERSION,
        "recipe": asdict(step.recipe),
        "images": len(batcher.images),
        "pictures": fingerprint(batcher.images),
        "seed": batcher.seed,
        "bfloat16": getattr(step, "bfloat16", False),
        "frozen": frozen(step.model),
        "lr": step.optimizer.param_groups[0]["lr"],
        "history": asdict(history),
        "random": drawn(),
    }
    # Copies: tied weights lie in one place, and safetensors wants one for each name.
    layout = torch.contiguous_format
    tensors = {k: v.detach().clone(memory_format=layout) for k, v in tensors.items()}
    text = json.dumps(about)
    metadata = {"unetlib": text, "sha256": checksum(text, tensors)}
    return save(tensors, metadata=metadata)


def rehearse(path: Path, step: TrainStep, batcher: Batcher) -> None:
    """Make sure, before the first step, that the run can be saved and resumed.

    Raises UnetlibError where no file as long as a checkpoint will be can be written to
    `path`, and for a network whose tensors cannot be saved or set to what was saved, or
    that draws from where no checkpoint looks.
    """
    _check_generators(step.model)
    try:
        content = packed(step, batcher, History())
    except Exception as error:  # by a tensor of any odd kind
        raise UnetlibError(
            f"{type(step.model).__name__} cannot be saved, so its run could not be "
            f"resumed: {error}"
        ) from error
    learned = (p for p in step.model.parameters() if p.requires_grad)
    to_come = sum(p.numel() * p.element_size() for p in learned) * len(ADAM)
    write_safely(path, content + bytes(to_come))
    with suppress(OSError):  # a virus scanner may be reading it
        path.unlink()
    for name, value in held(step.model).items():
        _put(name, value, value.detach().clone())


def _put(name: str, place: Tensor, value: Tensor) -> None:
    """Copy into a tensor of the network, where it lies."""
    try:
        with torch.no_grad():
            place.copy_(value)
    except RuntimeError as error:
        raise UnetlibError(
            f"the network's {name} cannot be set in place ({error}), so its run could "
            "not be resumed. Make it a tensor of its own: .clone()"
        ) from error


def _check_generators(model: nn.Module) -> None:
    kinds = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)
    for where, module in model.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, kinds):
                raise UnetlibError(
                    f"{type(model).__name__} draws from a generator of its own, "
                    f"{f'{where}.{name}'.lstrip('.')}, which no checkpoint holds: its "
                    "run could not be resumed to the same weights. Draw from PyTorch's "
                    "(torch.rand(size)), which the seed of the run sets"
                )


def drawn() -> dict[str, list]:
    """Where Python's and NumPy's own generators are; some networks draw from these."""
    kind, keys, *rest = np.random.get_state()
    return {"python": list(random.getstate()), "numpy": [kind, keys.tolist(), *rest]}


def draw_on(saved: dict[str, list]) -> None:
    """Have them go on from there. Raises ValueError or TypeError for no such state."""
    version, keys, gauss = saved["python"]
    random.setstate((version, tuple(keys), gauss))
    np.random.set_state(tuple(saved["numpy"]))


def fingerprint(images: Tensor | np.ndarray | None) -> str | None:
    """Tells these pictures, in this order, from others: SHA-256 of shape and pixels."""
    if images is None:
        return None
    digest = hashlib.sha256(str(tuple(images.shape)).encode())
    pixels = images.cpu().numpy() if isinstance(images, Tensor) else images
    digest.update(np.ascontiguousarray(pixels))
    return digest.hexdigest()


def held(model: nn.Module) -> dict[str, Tensor]:
    """All that training may change in `model`, by name: its state dict, and buffers
    that it leaves out."""
    return dict(model.named_buffers()) | model.state_dict()


def frozen(model: nn.Module) -> list[str]:
    """The names of the parameters that do not learn."""
    return [name for name, p in model.named_parameters() if not p.requires_grad]


def checksum(text: str, tensors: dict[str, Tensor]) -> str:
    """SHA-256 of what a checkpoint holds, in hexadecimal."""
    digest = hashlib.sha256(text.encode())
    for name, value in sorted(tensors.items()):
        digest.update(name.encode())
        # NumPy lacks some of PyTorch's types, such as bfloat16, but no bytes.
        digest.update(value.cpu().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def load_checkpoint(
    folder: Path, step: TrainStep, batcher: Batcher, held_out: str | None = None
) -> History:
    """Set step, its model and batcher to where the checkpoint in `folder` left them,
    and the generators that a network may draw from.

    held_out: the fingerprint of the pictures that epochs to come are measured on.
    Raises UnetlibError where it is missing, damaged, of a later unetlib, of another
    recipe, network or data; step, model and batcher are then as they were.
    """
    path = folder / CHECKPOINT
    about, tensors = read_checkpoint(path)
    _check_run(path, about, step, batcher)
    _check_tensors(path, tensors, step)
    history = about["history"]
    if len(history.loss) < step.recipe.epochs:
        _check_held_out(path, history, held_out)
        history.held_out = held_out
    per_epoch = step.recipe.steps_per_epoch(len(batcher.images))
    taken = len(history.loss) * per_epoch + history.unfinished.steps
    try:
        if "random" in tensors:  # not before version 0.3
            torch.Generator().set_state(tensors["random"])  # raises before any change
        if "random" in about:  # not before version 0.4
            draw_on(about["random"])
        _go_on_drawing(batcher, tensors["generator"])
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        raise UnetlibError(f"cannot resume from {path}: {error}") from None
    _keep_rounding(about, step)
    if "random" in tensors:
        torch.set_rng_state(tensors["random"])
    if "random.cuda" in tensors and step.device.type == "cuda":
        torch.cuda.set_rng_state(tensors["random.cuda"], step.device)
    for name, value in held(step.model).items():
        _put(name, value, tensors[f"model.{name}"])
    lr = about["lr"]
    step.load_state_dict(
        {
            "optimizer": _adam(step, tensors, lr),
            "schedule": {
                "last_epoch": taken,
                "_step_count": taken + 1,
                "_last_lr": [lr],
            },
            "average": [tensors[f"average.{i}"] for i in range(len(step.average))],
        }
    )
    return history


def _go_on_drawing(batcher: Batcher, saved: Tensor) -> None:
    """Draw on from `saved`. CPUs and GPUs draw differently: from the state of another
    kind of device come new batches, with a warning.

    Raises RuntimeError where it is the state of no generator.
    """
    if saved.shape == batcher.generator.get_state().shape:
        batcher.load_state_dict({"generator": saved})
        return
    warnings.warn(
        "the checkpoint comes from another kind of device: training goes on, but "
        "with other batches than it would have drawn there",
        stacklevel=4,
    )
    batcher.generator.manual_seed(zlib.crc32(saved.numpy().tobytes()))


def _keep_rounding(about: dict, step: TrainStep) -> None:
    """Compute in the dtype in which the run began, unless told otherwise; say so where
    it is not the one that would have been chosen here."""
    here = getattr(step, "bfloat16", False)
    before = bool(about.get("bfloat16", here))  # not before version 0.4
    if before == here:
        return
    names = ("float32", "bfloat16")
    speed = getattr(step, "speed", None)  # a plain step has float32 only
    if told := speed is None or speed.bfloat16 is not None:
        says = f"it began in {names[before]}, and from here on computes in"
        says += f" {names[here]}: its weights will differ by rounding"
    else:
        step.bfloat16 = before
        says = f"it goes on in {names[before]}, in which it began, although"
        says += f" {names[here]} seems faster here"
    other = here if not told else before
    flag = "--bfloat16" if other else "--no-bfloat16"
    warnings.warn(
        f"resuming: {says}. The other way: Speed(bfloat16={other}) ({flag})",
        stacklevel=4,
    )


def _adam(step: TrainStep, tensors: dict[str, Tensor], lr: float) -> dict:
    """The state of Adam. How fast to be stays the step's own choice, and each tensor
    lies in memory as its parameter does: fused Adam wants it so."""
    own = step.optimizer.state_dict()
    own["param_groups"][0]["lr"] = lr
    own["state"] = {}
    parameters = step.optimizer.param_groups[0]["params"]
    for name, value in tensors.items():
        if name.startswith("adam."):
            _, index, what = name.split(".")
            like = parameters[int(index)]
            laid_out = torch.empty_like(like).copy_(value) if value.dim() else value
            own["state"].setdefault(int(index), {})[what] = laid_out
    return own


def read_checkpoint(path: str | Path) -> tuple[dict, dict[str, Tensor]]:
    """What a checkpoint says of itself, and its tensors by name, on the CPU.

    path: the file, or the folder of its run.
    The first holds "recipe" (a dictionary), "images" (how many there were to learn
    from), "pictures" (their fingerprint), "lr" and "history" (a `History`).
    Raises UnetlibError where the file is missing, damaged, of a later unetlib or no
    checkpoint.
    """
    if not isinstance(path, (str, Path)):
        raise UnetlibError(f"path must be that of a file or folder, got {path!r}")
    path = Path(path)
    path = path / CHECKPOINT if path.is_dir() else path
    expected = "a checkpoint written by fit"
    if not path.exists():
        raise UnetlibError(f"cannot resume: there is no {path}; expected {expected}")
    try:
        with path.open("rb") as file:
            start = file.read(9)
        if not is_safetensors(start) and start.startswith((b"PK", b"\x80\x02")):
            raise ValueError("it is what torch.save writes, such as unet_model.pth")
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            # Copies, or the file stays open as long as they live.
            tensors = {k: file.get_tensor(k).clone() for k in file.keys()}  # noqa: SIM118
        if "unetlib" not in metadata:
            raise ValueError("it holds bare weights, and nothing of how far a run came")
        if metadata["sha256"] != checksum(metadata["unetlib"], tensors):
            raise ValueError("its checksum is wrong")
        about = json.loads(metadata["unetlib"])
        later = about["version"] > VERSION
        if not later:
            about["history"] = _history(about["history"])
            about["lr"] = float(about["lr"])
    except Exception as error:  # a file can be wrong in many ways
        raise UnetlibError(
            f"cannot resume from {path} ({type(error).__name__}: {error}); expected "
            f"{expected}"
        ) from None
    if later:
        raise UnetlibError(
            f"cannot resume from {path}: a later unetlib wrote it (version "
            f"{about['version']}, this one knows {VERSION}). Install the newest unetlib"
        )
    return about, tensors


def _history(saved: dict) -> History:
    lists = [[float(x) for x in saved[key]] for key in ("loss", "psnr_db", "seconds")]
    begun = saved["unfinished"] if "unfinished" in saved else saved["begun"]  # to 0.2
    steps = int(begun["steps"])
    unfinished = Progress(steps, float(begun["loss"]), float(begun["seconds"]))
    return History(*lists, unfinished, saved.get("held_out"))


def _check_run(path: Path, about: dict, step: TrainStep, batcher: Batcher) -> None:
    """Raise UnetlibError unless the checkpoint is of the same recipe and data."""
    wanted, defaults = (
        json.loads(json.dumps(asdict(recipe))) for recipe in (step.recipe, Recipe(""))
    )
    saved = about.get("recipe")
    saved = saved if isinstance(saved, dict) else dict.fromkeys(wanted)
    if isinstance(saved.get("sigma"), float):  # a single one was kept so until 0.3
        saved["sigma"] = [saved["sigma"]] * 2
    # What a recipe could not yet say when it was saved, it did by default.
    deciding = wanted.keys() - {"name", "save_every"}  # these two change no weight
    differing = sorted(k for k in deciding if saved.get(k, defaults[k]) != wanted[k])
    if differing:
        raise UnetlibError(
            f"{path} was made by another recipe: {', '.join(differing)} differ. "
            "Resume with the same recipe, or train into another folder"
        )
    if about.get("frozen", []) != frozen(step.model):
        raise UnetlibError(
            f"{path} was made with other layers frozen: {about.get('frozen', [])}, "
            f"here {frozen(step.model)}. Resume with the same ones, or train into "
            "another folder"
        )
    images, history = len(batcher.images), about["history"]
    per_epoch, steps = step.recipe.steps_per_epoch(images), history.unfinished.steps
    fits = 0 <= steps < per_epoch and len(history.loss) <= step.recipe.epochs
    if about.get("images") != images or not fits:
        raise UnetlibError(
            f"{path} was made with {about.get('images')} pictures and stands at step "
            f"{steps} of epoch {len(history.loss)}; here are {images} pictures, "
            f"{per_epoch} steps an epoch. Resume with the same pictures"
        )
    # Not before version 0.4.
    if about.get("pictures", here := fingerprint(batcher.images)) != here:
        raise UnetlibError(
            f"{path} was made with {images} other pictures, or with the same ones in "
            "another order. Resume with the same pictures, or train into another folder"
        )
    if about.get("seed", batcher.seed) != batcher.seed:  # not before version 0.4
        raise UnetlibError(
            f"{path} was made with seed {about['seed']}, here it is {batcher.seed}. "
            f"Resume with that seed (--seed {about['seed']}), or train into another "
            "folder"
        )


def _check_held_out(path: Path, history: History, here: str | None) -> None:
    """Raise UnetlibError where a column of the history would mix two measurements."""
    if not history.loss:
        return
    measured = history.held_out is not None or bool(history.psnr_db)
    same = here == history.held_out if history.held_out else measured == bool(here)
    if not same:
        before = "held-out pictures" if measured else "no held-out pictures"
        now = "others" if measured and here else "some" if here else "none"
        raise UnetlibError(
            f"{path} was measured on {before} and here are {now}: the PSNR of its "
            f"epochs (so far {len(history.loss)}) could not be compared. Resume with "
            "the held_out that it was begun with, or train into another folder"
        )


def _check_tensors(path: Path, tensors: dict[str, Tensor], step: TrainStep) -> None:
    """Raise UnetlibError unless the tensors are those of this network."""
    wanted = {f"model.{name}": value for name, value in held(step.model).items()}
    wanted |= {f"average.{i}": value for i, value in enumerate(step.average)}
    for index, parameter in enumerate(step.model.parameters()):
        if any(name.startswith(f"adam.{index}.") for name in tensors):  # it has learned
            wanted |= {f"adam.{index}.{name}": parameter for name in ADAM}
            wanted[f"adam.{index}.step"] = torch.zeros(())
    # A GPU's generator has a shorter state; a network may draw from PyTorch's own.
    drawn = {"generator", *({"random", "random.cuda"} & tensors.keys())}
    for name in drawn:
        wanted[name] = tensors.get(name, torch.zeros(0)).to(torch.uint8)

    def kind(named: dict[str, Tensor], name: str) -> str:
        found = named.get(name)
        return "nothing" if found is None else f"{found.dtype} {tuple(found.shape)}"

    for name in [*wanted, *(tensors.keys() - wanted.keys())]:  # the model's own first
        if kind(tensors, name) != kind(wanted, name):
            raise UnetlibError(
                f"{path} holds another network: {name} is {kind(tensors, name)}, "
                f"expected {kind(wanted, name)}. Resume with the network that it holds"
            )
