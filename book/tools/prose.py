"""What becomes of prose and code on their way into a notebook."""

import json
import re
from pathlib import Path

from bibliography import with_papers
from citations import REFERENCE, look_up
from languages import LANGUAGES
from manuscript import read_cells
from quizzes import quiz
from solutions import solution

RESULTS = Path(__file__).resolve().parents[1] / "results"
CJK = r"\u3000-\u303f\u3400-\u9fff\uff00-\uffef“”‘’…—"  # characters and punctuation
STARTS_BLOCK = re.compile(r"\s*([-*+|#<]|\d+\.|>|```|\$\$|$)")  # never joined upwards
SPOKEN = re.compile(rf"# (?:{'|'.join(LANGUAGES)}): .*")  # a comment in each language
NEXT_LANGUAGE = re.compile(rf" # (?=(?:{'|'.join(LANGUAGES)}): )")
HEADING = re.compile(r"(?m)^(#+) (.*?) \{#([\w-]+)\}$")


def title(chapter: Path, language: str) -> str:
    """A chapter's, without its number."""
    cells = read_cells(chapter)
    first = next(cell for cell in cells if cell.metadata.get("lang") == language)
    return HEADING.match(first.source)[2]


def finished(text: str, chapter: str, language: str) -> str:
    """A prose cell's source as its notebook has it."""
    text = with_papers(fill(text, chapter, language))
    # By its number the text refers to a chapter: it stands in the sidebar, too.
    text = re.sub(r"\A# ", f"# {chapter[:2]} ", text)
    # An HTML anchor, since a bare {#id} would show in Colab.
    text = HEADING.sub(r'\1 <a id="\3"></a>\2', text)
    return join_lines(text) if LANGUAGES[language].joins_lines else text


def fill(text: str, chapter: str, language: str) -> str:
    """Put measured numbers in place of {{file/key/.../key:format}}.

    `file` is book/results/FILE.json. {{cpu-time}} becomes how long this chapter took,
    {{solution/02-1}} the code that answers this exercise, {{quiz}} the chapter's quiz.
    Raises ValueError for a reference to nothing.
    """

    def value(match: re.Match) -> str:
        reference, spec = match[1], match[2] or ""
        if reference == "cpu-time":
            return _cpu_time(chapter, language)
        if reference == "quiz":
            return quiz(chapter, language)
        name, *keys = reference.split("/")
        try:
            if name == "solution":
                code = with_comments(solution(chapter, *keys), language)
                return f"```python\n{code}\n```"
            found = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
            return format(look_up(found, keys), spec)
        except (OSError, LookupError, TypeError, ValueError) as error:
            raise ValueError(
                f"{chapter}: {{{{{reference}}}}} refers to nothing in book/results "
                f"({error!r})"
            ) from None

    return REFERENCE.sub(value, text)


def finished_code(code: str, chapter: str, language: str) -> str:
    """A code cell's source as its notebook has it, measured numbers filled in."""
    code = with_comments(code, language).replace("{{lang}}", language)
    return fill(code, chapter, language)


def with_comments(code: str, language: str) -> str:
    """A code cell in one language, of whose comments some stand in each.

    `x / 255  # zh: 落到 [0, 1] # en: now in [0, 1]` becomes `x / 255  # 落到 [0, 1]`.
    Raises ValueError for such a comment that lacks the language.
    """

    def chosen(match: re.Match) -> str:
        parts = NEXT_LANGUAGE.split(match[0][2:])
        texts = dict(part.split(": ", 1) for part in parts)
        if language not in texts:
            raise ValueError(
                f"the comment {match[0]!r} says nothing in {language}; "
                f"add `# {language}: …`"
            )
        return f"# {texts[language]}"

    return SPOKEN.sub(chosen, code)


def _cpu_time(chapter: str, language: str) -> str:
    times = json.loads((RESULTS / "chapter_times.json").read_text(encoding="utf-8"))
    seconds, said = times["seconds"].get(chapter, 0), LANGUAGES[language].cpu_time
    if seconds < 50:
        return said["short"]
    minutes = round(seconds / 60)
    return said["minutes"].format(minutes) if minutes > 1 else said["minute"]


def join_lines(text: str) -> str:
    """One line per paragraph: a browser shows a line break in Chinese as a space."""
    blocks = re.split(r"(?ms)(^```.*?^```|^\$\$.*?\$\$)", text)
    for i in range(0, len(blocks), 2):
        lines: list[str] = []
        for line in blocks[i].split("\n"):
            quoted = bool(lines) and lines[-1].startswith(">") and line.startswith(">")
            body = line[1:].strip() if quoted else line.strip()
            above = lines[-1] if lines else ""
            if (
                quoted
                and above.strip() != ">"
                and body
                and not _starts(body)
                or above.strip()
                and not above.startswith("#")
                and not _starts(line)
            ):
                lines[-1] = _joined(above, body)
            else:
                lines.append(line)
        blocks[i] = "\n".join(lines)
    return "".join(blocks)


def _starts(line: str) -> bool:
    return bool(STARTS_BLOCK.match(line)) and not line.lstrip().startswith("**")


def _joined(above: str, below: str) -> str:
    punctuated = re.search(r"[，。；：！？、）」》”…—]$", above)
    chinese = re.search(f"[{CJK}]$", above) and re.match(f"[{CJK}]", below)
    return above + ("" if punctuated or chinese else " ") + below
