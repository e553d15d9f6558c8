"""What the commands have in common: how their errors reach whoever typed them."""

import argparse
import io
import os
import sys
from collections.abc import Callable

from unetlib.checks import UnetlibError
from unetlib.saving.files import FULL
from unetlib.saving.safeguards import ADVICE


def run_command(
    command: Callable[[argparse.Namespace], None],
    parser: argparse.ArgumentParser,
    arguments: list[str] | None,
) -> None:
    """Run the command; what its user can mend is told in one line."""
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # some take ASCII alone
    try:
        command(options)
    except UnetlibError as error:  # any other is a fault, to be mended by its traceback
        _tell_torchrun(error)
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    except (RuntimeError, MemoryError) as error:
        if ADVICE not in getattr(error, "__notes__", ()):
            raise
        parser.exit(2, f"{parser.prog}: error: {error}\n{ADVICE}\n")
    except BrokenPipeError:  # whoever read what it said, such as head, has gone
        sys.stdout = None  # or Python tries to write the rest as it ends
        parser.exit(1, f"{parser.prog}: error: nobody reads what it prints any more\n")
    except OSError as error:
        if error.errno not in FULL or error.filename:
            raise
        sys.stdout = None
        parser.exit(1, f"{parser.prog}: error: no room for what it prints ({error})\n")
    except KeyboardInterrupt as stop:
        parser.exit(130, f"{parser.prog}: stopped{stop}\n")


def _tell_torchrun(error: Exception) -> None:
    """Have it repeat the message in its report, beneath which ours is buried."""
    if "TORCHELASTIC_ERROR_FILE" in os.environ:
        from torch.distributed.elastic.multiprocessing.errors import get_error_handler

        get_error_handler().record_exception(error)
