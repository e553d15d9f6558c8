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
    return list(zip(lines, entries, strict=True)), []
