"""References to measured numbers in the chapters: {{file/key/.../key:format}}.

`file` is book/results/FILE.json; `book/experiments/run.py` reads them, too.
"""

import re

REFERENCE = re.compile(r"\{\{\s*([\w./+ -]+?)(?::([^{}]+))?\s*\}\}")  # what, format


def look_up(content: dict, keys: list[str]) -> object:
    """What stands under content[key][key]…, where lists are counted from 0.

    Raises LookupError, TypeError or ValueError where nothing does.
    """
    found = content
    for key in keys:
        found = found[int(key)] if isinstance(found, list) else found[key]
    return found
