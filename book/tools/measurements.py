"""The page of results: every recorded number, where it comes from and who uses it."""

import json
import re
from pathlib import Path

import yaml
from citations import REFERENCE
from languages import LANGUAGES
from manuscript import chapter_paths, read_cells
from prose import HEADING, RESULTS

PAGES = Path(__file__).resolve().parents[1] / "pages"
RECORDED = ("command", "date", "hardware", "python", "torch")  # not among the numbers
RESULT = """\
## <a id="{name}"></a>{name}

{what}

| {heads} |
|{rules}|
| {cells} |

{uses}

<details><summary>{numbers}</summary>

```json
{content}
```

</details>
"""


def recorded() -> dict[str, dict]:
    """{name of a file: what it holds}, by name."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(RESULTS.glob("*.json"))
    }


def sources() -> dict[str, dict[str, list[str]]]:
    """{chapter: {id of a section: results that it takes numbers from}}."""
    found: dict[str, dict[str, list[str]]] = {}
    first = next(iter(LANGUAGES))
    for path in chapter_paths():
        section, sections = "", found.setdefault(path.stem, {})
        for cell in read_cells(path):
            if cell.metadata.get("lang", first) != first:
                continue
            for part in re.split(r"(?m)(?=^#+ .*\{#[\w-]+\}$)", cell.source):
                heading = HEADING.match(part)
                section = heading[3] if heading else section
                for reference in REFERENCE.finditer(part):
                    name = reference[1].partition("/")[0]
                    names = sections.setdefault(section, [])
                    if (RESULTS / f"{name}.json").is_file() and name not in names:
                        names.append(name)
    return {
        chapter: {s: n for s, n in all_.items() if n} for chapter, all_ in found.items()
    }


def results(code: str) -> str:
    """All of them as Markdown."""
    words = LANGUAGES[code].words["results"]
    told = PAGES / code / "results.yml"
    what = yaml.safe_load(told.read_text(encoding="utf-8")) if told.is_file() else {}
    places = sources()  # which reads every chapter
    return "\n".join(
        RESULT.format(
            name=name,
            what=what.get(name, content.get("what", "")),
            heads=" | ".join(
                words["recorded"][key] for key in RECORDED if key in content
            ),
            rules="|".join("---" for key in RECORDED if key in content),
            cells=" | ".join(
                _cell(key, content[key]) for key in RECORDED if key in content
            ),
            uses=_uses(name, places, words["used"]),
            numbers=words["numbers"],
            content=json.dumps(_numbers(content), indent=1, ensure_ascii=False),
        )
        for name, content in recorded().items()
    )


def _cell(key: str, value: str) -> str:
    if key == "date":
        return f'<span class="book-together">{value}</span>'
    return f"`{value}`" if key == "command" else value


def _numbers(content: dict) -> dict:
    return {
        key: value for key, value in content.items() if key not in {"what", *RECORDED}
    }


def _uses(name: str, places: dict[str, dict[str, list[str]]], used: str) -> str:
    """The sections that take numbers from it, as links."""
    links = [
        f"[{chapter[:2]}]({chapter}.ipynb#{section})"
        for chapter, sections in places.items()
        for section, names in sections.items()
        if name in names
    ]
    return f"{used} {' '.join(links)}" if links else ""
