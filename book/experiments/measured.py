"""What every experiment writes beside its numbers."""

import datetime
import json
import os
import platform
import statistics
from pathlib import Path

import torch

RESULTS = Path(__file__).resolve().parents[1] / "results"


def circumstances(device: str = "cpu") -> dict[str, str]:
    """Date, hardware and versions of this run."""
    if torch.device(device).type == "cuda":
        hardware = torch.cuda.get_device_name()
    else:
        hardware = f"{_cpu_name()}, {os.cpu_count()} cores"
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "hardware": hardware,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def write_result(name: str, content: dict) -> None:
    """Write book/results/NAME.json."""
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {path.relative_to(RESULTS.parents[1])}")


def quartiles(values: list[float]) -> dict[str, float]:
    """Median, quartiles and n of at least two values."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "quartile_1": low, "quartile_3": high, "n": len(values)}


def _cpu_name() -> str:
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return info.partition("model name")[2].partition("\n")[0].strip("\t :")
    except OSError:
        return platform.processor() or platform.machine()
