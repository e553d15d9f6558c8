"""The languages of the book, as book/languages.yml describes them."""

from dataclasses import dataclass, fields
from pathlib import Path

import yaml

FILE = Path(__file__).resolve().parents[1] / "languages.yml"


@dataclass(frozen=True)
class Language:
    """One entry of languages.yml, whose head says what its fields mean.

    code: names it in the sources, in folders and addresses: zh, en, ….
    """

    code: str
    name: str
    tag: str
    title: str
    tagline: str
    joins_lines: bool
    glossary_order: str
    opening: list[str]
    cpu_time: dict[str, str]
    services: dict[str, str]
    sphinx: dict
    words: dict
    install: dict[str, str]

    @property
    def locale(self) -> str:
        """As gettext spells the tag: zh-CN → zh_CN."""
        return self.tag.replace("-", "_")


def read(file: Path) -> tuple[dict[str, Language], str]:
    """{code: language} in the file's order, and the code of the one to fall back on.

    Raises ValueError for an entry that lacks a field or has one that is none.
    """
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    wanted = {field.name for field in fields(Language)} - {"code"}
    for code, entry in content["languages"].items():
        if entry.keys() != wanted:
            wrong = ", ".join(sorted(entry.keys() ^ wanted))
            raise ValueError(f"{file.name}: {code} lacks, or should not have: {wrong}")
    languages = {c: Language(c, **entry) for c, entry in content["languages"].items()}
    if content["fallback"] not in languages:
        raise ValueError(
            f"{file.name}: fallback must be one of {', '.join(languages)}, "
            f"got {content['fallback']!r}"
        )
    return languages, content["fallback"]


LANGUAGES, FALLBACK = read(FILE)
