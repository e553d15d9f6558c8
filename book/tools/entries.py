"""Lists of entries in YAML, such as the glossary, with the line where each begins."""

import re
from pathlib import Path

import yaml
from faults import Fault, line_of


def read_entries(file: Path) -> tuple[list[tuple[int, dict]], list[Fault]]:
    """(line, entry) for each entry, or the fault for which the file cannot be read."""
    text = file.read_text(encoding="utf-8")
    try:
        entries = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        return [], [Fault(file, line, "", " ".join(str(error).split()))]
    places = re.finditer(r"(?m)^- ", text)
    lines = [line_of(text, match.start()) + 1 for match in places]
    if not isinstance(entries, list) or len(lines) != len(entries):
        what = "expected a list of entries, each beginning with “- ” at the margin"
        return [], [Fault(file, 1, "", what)]
    found = list(zip(lines, entries, strict=True))
    faults = [
        Fault(file, line, "", f"expected an entry of `field: value`, got {entry!r}")
        for line, entry in found
        if not isinstance(entry, dict)
    ]
    return [pair for pair in found if isinstance(pair[1], dict)], faults
