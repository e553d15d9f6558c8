"""What each chapter may take and should reach, and what it took when last run."""

import json
import re
from pathlib import Path

import nbformat
import yaml
from languages import LANGUAGES
from manuscript import chapter_paths
from prose import RESULTS, title

ROOT = Path(__file__).resolve().parents[2]
BUDGETS = ROOT / "book" / "budgets.yml"
OVERRUN = 1.5  # times what is declared; machines differ, and busy ones are slower
NUMBER = r"-?\d+\.\d+"


def read_budgets() -> dict[str, dict]:
    """{chapter: what BUDGETS declares}."""
    return yaml.safe_load(BUDGETS.read_text(encoding="utf-8"))


def overruns(chapter: str, spent: dict[str, float]) -> list[str]:
    """What of `spent`, as `execution.execute` returns it, is far over the budget."""
    declared = read_budgets()[chapter]
    return [
        f"{chapter}: {spent[what]:,.0f} of {what}, declared {declared[what]:,}"
        for what in ("cpu_seconds", "memory_mb")
        if spent[what] > OVERRUN * declared[what]
    ]


def psnr_db(chapter: str, language: str, cell: str) -> float:
    """The last that this cell of the published notebook printed."""
    path = ROOT / "notebooks" / language / f"{chapter}.ipynb"
    cells = {one.id: one for one in nbformat.read(path, as_version=4).cells}
    printed = "".join(o.get("text", "") for o in cells[cell].outputs)
    found = re.findall(f"{NUMBER}(?= dB)", printed) or re.findall(NUMBER, printed)
    return float(found[-1])


def execution(code: str) -> str:
    """Declared and measured, a Markdown table; then when chapters ran, and where."""
    words = LANGUAGES[code].words["execution"]
    times, on_gpu = (
        json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("chapter_times", "gpu_notebooks")
    )
    budgets = read_budgets()
    rows = [words["heads"], ["---"] * len(words["heads"])]
    runs: dict[str, list[str]] = {}
    for path in chapter_paths():
        name, declared = path.stem, budgets[path.stem]
        took = {what: times[what][name] for what in ("cpu_seconds", "memory_mb")}
        if "gpu_seconds" in declared:
            took["gpu_seconds"] = on_gpu["seconds"][name]
        cells = [
            f"{took[what]:.0f} / {declared[what]}" if what in took else "–"
            for what in ("cpu_seconds", "gpu_seconds", "memory_mb")
        ]
        if band := declared.get("psnr_db"):
            cells.append(
                f"{psnr_db(name, code, band['cell']):.1f} / {band['from']}–{band['to']}"
            )
        else:
            cells.append("–")
        # What stands on either side of a slash is not broken into lines.
        cells = [f'<span class="book-together">{cell}</span>' for cell in cells]
        link = f"[{name[:2]} {title(path, code)}]({name}.ipynb)"
        rows.append([link, str(declared["reading_minutes"]), *cells])
        run = times["circumstances"][name]
        versions = f"PyTorch {run['torch']}, Python {run['python']}"
        where = f"{run['date']}, {run['hardware']}, {versions}"
        runs.setdefault(where, []).append(name[:2])
    table = [f"| {' | '.join(row)} |" for row in rows]
    last = [f"- {' '.join(names)}: {where}" for where, names in runs.items()]
    return "\n".join([*table, "", words["last"], "", *last])
