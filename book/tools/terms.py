"""The book's terms, book/glossary.yml, whose head says what its fields mean."""

from collections.abc import Collection, Iterator
from pathlib import Path

from entries import read_entries
from faults import Fault
from languages import LANGUAGES

GLOSSARY = Path(__file__).resolve().parents[1] / "glossary.yml"


def read_glossary(file: Path = GLOSSARY) -> list[dict]:
    """The entries. Raises ValueError that says what is wrong, each with its line."""
    entries, faults = parse_glossary(file)
    if faults:
        raise ValueError("\n".join(map(str, faults)))
    return entries


def parse_glossary(file: Path) -> tuple[list[dict], list[Fault]]:
    """The entries that lack nothing, and what is wrong with the others."""
    entries, faults = read_entries(file)
    whole = {}
    for line, entry in entries:
        wrong = list(_wrong(entry, whole))
        faults += [Fault(file, line, code, what) for code, what in wrong]
        if not wrong:
            whole[entry["id"]] = entry
    return list(whole.values()), faults


def _wrong(entry: dict, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """(language, what is wrong) of one entry. known: the ids of those before it."""
    name = entry.get("id")
    if not name:
        yield "", f"{entry} lacks id"
    elif name in known:
        yield "", f"two terms have the id {name}; each needs its own"
    for code in LANGUAGES:
        for field, kind in (
            (code, str),
            (f"{code}_text", str),
            (f"avoid_{code}", list),
        ):
            if entry.get(field) is None:
                yield code, f"{name} lacks {field}"
            elif not isinstance(entry[field], kind):
                wanted = "a list, such as [wording]" if kind is list else "a text"
                yield code, f"{field} of {name} must be {wanted}, got {entry[field]!r}"


def lost(file: Path, entries: list[dict], ids: dict[str, set[str]]) -> Iterator[Fault]:
    """Terms that no section introduces. ids: those of the chapters' headings."""
    lines = file.read_text(encoding="utf-8").split("\n")
    for entry in entries:
        place, name = entry.get("where", ""), entry["id"]
        chapter, _, section = place.partition("#")
        if section not in ids.get(chapter, ()):
            line = lines.index(f"- id: {name}") + 1
            what = f"where of {name} is {place!r}: no chapter has that heading"
            yield Fault(file, line, "", what)
