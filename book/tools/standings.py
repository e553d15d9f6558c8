"""The records of the speedrun as tables: one for each mark, blind and told."""

import json
from statistics import mean, stdev

import yaml
from languages import LANGUAGES
from measurements import PAGES
from prose import RESULTS

TABLE = """\
### <a id="{table}-{mark}"></a>{title}

| {heads} |
|{rules}|
{rows}

{news}
"""


def standings(code: str) -> str:
    """All tables as Markdown, the fastest record first in each."""
    words = LANGUAGES[code].words["speedrun"]
    found = json.loads((RESULTS / "speedrun.json").read_text(encoding="utf-8"))
    news = read_news(code)
    return "\n".join(
        TABLE.format(
            table=table,
            mark=mark.replace(".", "-"),
            title=words[table].format(mark=mark),
            heads=" | ".join(words["heads"]),
            rules="|".join("---" for _ in words["heads"]),
            rows="\n".join(
                f"| {' | '.join(_cells(f'{table}/{name}', one))} |"
                for name, one in sorted(records.items(), key=_place)
            ),
            news="\n".join(
                f"- `{name}`: {news[f'{table}/{name}']}"
                for name, _ in sorted(records.items(), key=_place)
                if f"{table}/{name}" in news
            ),
        )
        for table in ("blind", "told")
        for mark, records in found[table].items()
        if records
    )


def read_news(code: str) -> dict[str, str]:
    """{table/name of a record: what it changed, and what that gained}."""
    file = PAGES / code / "records.yml"
    return yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _place(named: tuple[str, dict]) -> float:
    seconds = named[1]["seconds"]
    return seconds["median"] if seconds else float("inf")


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
