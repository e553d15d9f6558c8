"""The records of the speedrun as tables: one for each mark, blind and told."""

import json
from statistics import mean, stdev

import yaml
from languages import LANGUAGES
from measurements import PAGES
from prose import RESULTS

SECTION = """\
### <a id="{table}-{mark}"></a>{title}

{records}
"""


def standings(code: str) -> str:
    """All tables as Markdown, the fastest record first in each."""
    words = LANGUAGES[code].words["speedrun"]
    found = json.loads((RESULTS / "speedrun.json").read_text(encoding="utf-8"))
    news = read_news(code)
    parts = []
    for table in ("blind", "told"):
        empty = [mark for mark, records in found[table].items() if not records]
        parts += [
            SECTION.format(
                table=table,
                mark=mark.replace(".", "-"),
                title=words[table].format(mark=mark),
                records=_records(table, records, words["heads"], news),
            )
            for mark, records in found[table].items()
            if records
        ]
        if empty:
            parts.append(words["none"].format(marks=words["between"].join(empty)))
    return "\n".join(parts)


def _records(
    table: str, records: dict[str, dict], heads: list[str], news: dict[str, str]
) -> str:
    """A row for each, and what is new in it."""
    rows, lines = [heads, ["---" for _ in heads]], []
    for name, one in sorted(records.items(), key=_place):
        record = f"{table}/{name}"
        rows.append(_cells(record, one))
        if record in news:
            lines.append(f"- `{name}`: {news[record]}")
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", *lines])


def read_news(code: str) -> dict[str, str]:
    """{table/name of a record: what it changed, and what that gained}."""
    file = PAGES / code / "records.yml"
    return yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _place(named: tuple[str, dict]) -> tuple[bool, float]:
    """Without failures first, then by the median of those that reached the mark."""
    one = named[1]
    median = one["seconds"]["median"] if one["seconds"] else float("inf")
    return bool(one["failures"]), median


def _cells(record: str, one: dict) -> list[str]:
    seconds, reached = one["seconds"], one["runs"] - len(one["failures"])
    cells = [
        f"`{record}.py`",
        f"{seconds['median']:.1f} ({seconds['min']:.1f}–{seconds['max']:.1f})"
        if seconds
        else "–",
        f"{reached}/{one['runs']}",
        f"{mean(one['test_db']):.2f} ± {stdev(one['test_db']):.2f}",
        str(one["lines"]),
    ]
    together = [f'<span class="book-together">{cell}</span>' for cell in cells[1:]]
    return [cells[0], *together]
