"""The folder of a run: what lies there, and that no other run writes to it.

Introduced in chapter 04.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from unetlib.checks import UnetlibError
from unetlib.saving.checkpoint import CHECKPOINT, read_checkpoint
from unetlib.saving.files import what_to_do
from unetlib.speed.distributed import rank

WEIGHTS = "unet_model.pth"
PICTURES = "img"
LOCK = "lock"  # a file that stays, empty; only the system's lock on it counts


def what_lies_in(folder: Path) -> str | None:
    """What of a run lies in `folder`, in words; None where nothing does."""
    for path in (folder / CHECKPOINT, folder / WEIGHTS, folder / PICTURES):
        if not path.exists():
            continue
        if path.name == PICTURES and not any(path.glob("img_*.jpg")):
            continue
        date = f"{datetime.fromtimestamp(path.stat().st_mtime):%Y-%m-%d %H:%M}"
        if path.name != CHECKPOINT:
            return f"{path.name} of {date}, without a checkpoint"
        try:
            about, _ = read_checkpoint(path)
            history, recipe = about["history"], about["recipe"]
            epochs, steps = len(history.loss), history.unfinished.steps
            kind = "a finished run" if epochs == recipe["epochs"] else "a run"
            done = f"{epochs} of {recipe['epochs']} epochs"
            done += f" and {steps} steps" if steps else ""
            return f'{kind} of the recipe "{recipe["name"]}": {done}, saved {date}'
        except (UnetlibError, KeyError, TypeError):
            return f"{path.name} of {date}, which cannot be read"
    return None


@contextmanager
def claimed(
    folder: str | Path | None, resume: bool, overwrite: bool
) -> Iterator[Path | None]:
    """Within it, `folder` is there for one run alone; gives its path.

    A lock keeps other processes out; the system takes it away when this one ends,
    however it ends. Of several processes that train together, the first holds it.

    Raises UnetlibError, and leaves everything as it is, where the folder holds a run
    that neither `resume` nor `overwrite` speaks of, where there is none to resume,
    where another process trains into it, and where one cannot write.
    """
    if resume and overwrite:
        raise UnetlibError(
            "resume=True goes on with a run and overwrite=True replaces it: choose one"
        )
    if resume and folder is None:
        raise UnetlibError("resume=True needs the folder that holds the checkpoint")
    if folder is None:
        yield None
        return
    if not isinstance(folder, (str, Path)) or folder == "" or "\0" in str(folder):
        raise UnetlibError(f"folder must be the path of a folder, got {folder!r}")
    folder = Path(folder).expanduser()
    if resume and not (folder / CHECKPOINT).exists():
        read_checkpoint(folder / CHECKPOINT)  # says that there is none
    with ExitStack() as locked:
        if rank() == 0:
            locked.enter_context(_alone(folder))
        found = what_lies_in(folder)
        if resume and rank() == 0:
            print(f"resuming from {folder}: {found}")
        elif found and not (resume or overwrite):
            raise UnetlibError(
                f"{folder} holds {found}. To go on with it, resume=True (--resume); to "
                "keep it and train anew, another folder; to replace it, overwrite=True "
                "(--overwrite)"
            )
        yield folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make the folder; within it, no other process gets here."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnetlibError(
            f"{error.strerror or error}: could not make the folder {folder}. "
            f"{what_to_do(error)}"
        ) from None
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UnetlibError(
            f"another process is training into {folder}. Wait for its end, or name "
            "another folder"
        ) from None
    except (OSError, NotImplementedError):
        pass  # a file system without locks: then without
    try:
        yield
    finally:
        lock.release()
