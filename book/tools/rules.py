"""How prose and code of the book are written: the rules that a machine can check.

Each takes what it reads and yields the faults that it finds.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from citations import REFERENCE
from faults import Fault, line_of
from languages import LANGUAGES
from nbformat import NotebookNode
from prose import fill

CHINESE = r"[\u3400-\u9fff]"
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)
MATHS = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.S)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]*)\)")
UNREAD = re.compile(r"(?<=\])\([^)]*\)|<[^>]*>|\{#[\w-]+\}")  # addresses, ids
# A number with the unit of something that we measured. What follows from arithmetic is
# maths and stands between dollars; what was measured comes from book/results.
MEASURED = re.compile(
    r"\d[\d.,]*\s*(dB|%|‰|ms|毫秒|微秒|秒|分钟|小时|倍|images/s|seconds?|minutes?|hours?)"
    r"|\d[\d.,]*\s*(times|×) (faster|slower|as)",
    re.I,
)
# What is said for the same thing, now so, now otherwise: a pattern, and the one word to
# use. (Wordings that are wrong as terms stand in the glossary.)
WANDERING = {
    "zh": {
        r"显卡|(?<![关打])卡(?![死住在])": "GPU",
        "加噪(?!声)": "带噪（形容图像），或加噪声（动作）",
        "噪音": "噪声",
        "接着训(?!练)": "断点续训，或接着训练",
        "随机数发生器": "随机数生成器",
        r"(卷积|窗口)[^，。；]{0,8}步长|步长[^，。；]{0,8}卷积": "步幅",
    },
    "en": {
        r"\b(graphics )?[Cc]ards?\b": "GPU",
        r"\b[Gg]ray": "grey",
        r"\b[Ww]armup\b": "warm-up",
        r"\bback-?propagated? backwards\b": "backpropagated",
    },
}
TYPESETTING = {
    "zh": {
        rf"{CHINESE}[,;:!?]": "full-width punctuation after Chinese: ，；：！？",
        rf"{CHINESE}[A-Za-z0-9]|[A-Za-z0-9]{CHINESE}": "a space between scripts",
        "您": "你, not 您",
        r"[，。；：！？]\*\*(?!\s)": "bold does not end on punctuation",
        r"\.\.\.": "…… and not three dots",
    },
}


@dataclass(frozen=True)
class Text:
    """Prose in one language. line: where it begins in its file, counted from 1."""

    file: Path
    line: int
    language: str
    source: str

    def line_at(self, position: int) -> int:
        """The line of its file in which the character at `position` stands."""
        return self.line + line_of(self.source, position)

    def fault(self, position: int, what: str) -> Fault:
        return Fault(self.file, self.line_at(position), self.language, what)


def prose(chapter: Path, cells: Iterable[NotebookNode]) -> list[Text]:
    return [
        Text(chapter, cell.line, cell.metadata.lang, cell.source)
        for cell in cells
        if cell.metadata.get("lang") in LANGUAGES
    ]


def columns(text: str) -> int:
    """How wide it is where Chinese characters take two columns."""
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def blank(pattern: re.Pattern, text: str, filler: str = " ") -> str:
    """The text with spaces for what matches, so that all else keeps its place."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", filler, match[0]), text)


def read(text: str) -> str:
    """What a reader reads of it: no code, maths or addresses; numbers for numbers."""
    for pattern in (CODE, MATHS, UNREAD):
        text = blank(pattern, text)
    return blank(REFERENCE, text, "0")


def formulas(source: str) -> dict[int, str]:
    """{position: formula}, `{{…}}` in it as it stands."""
    return {m.start(): m[0] for m in MATHS.finditer(blank(CODE, source))}


def link_targets(source: str) -> dict[int, str]:
    return {m.start(): m[3] for m in LINK.finditer(blank(CODE, source))}


def wordings(text: Text, glossary: list[dict]) -> Iterator[Fault]:
    """Terms other than the glossary's, and two words for one thing."""
    words, language = read(text.source), text.language
    banned = [
        (re.escape(wrong), entry[language])
        for entry in glossary
        for wrong in entry[f"avoid_{language}"]
    ]
    for pattern, word in (*banned, *WANDERING.get(language, {}).items()):
        for match in re.finditer(pattern, words):
            yield text.fault(match.start(), f"“{match[0]}”: say {word}")


def typesetting(text: Text) -> Iterator[Fault]:
    """Punctuation and spaces."""
    words = read(text.source)
    for pattern, rule in TYPESETTING.get(text.language, {}).items():
        for match in re.finditer(rf".{{0,12}}?({pattern}).{{0,12}}", words):
            quoted = text.source[match.start() : match.end()].strip()
            yield text.fault(match.start(1), f"{rule}: “{quoted}”")
    if text.language == "zh":
        joined = rf"{CHINESE}(`[^`\n]+`|\$[^$\n]+\$)|(`[^`\n]+`){CHINESE}"
        for match in re.finditer(joined, text.source):
            what = f"a space between Chinese and code or maths: “{match[0]}”"
            yield text.fault(match.start(), what)


def measured(text: Text) -> Iterator[Fault]:
    """Numbers that were typed and not taken from book/results."""
    words = blank(MATHS, blank(CODE, blank(REFERENCE, text.source)))
    for match in MEASURED.finditer(words):
        yield text.fault(
            match.start(),
            f"“{match[0]}”: measured? then {{{{result/key}}}}; computed? then $…$",
        )


def markdown(text: Text) -> Iterator[Fault]:
    """What Colab would show as it is written; pictures and columns without a text."""
    source = blank(REFERENCE, text.source)
    for match in re.finditer(
        r"(?m)^```\{\w+\}|^:::|\{(ref|doc|eq|term|numref)\}`|\{\{", source
    ):
        what = f"{match[0]!r}: prose is plain Markdown, numbers are {{{{file/key}}}}"
        yield text.fault(match.start(), what)
    for match in LINK.finditer(blank(CODE, text.source)):
        if match[1] and not match[2].strip():
            yield text.fault(match.start(), f"{match[0]}: describe it, ![text](…)")
    for match in re.finditer(r"(?m)^\|(.*)\|\n\|[-:|]+\|$", text.source):
        for cell in map(str.strip, match[1].split("|")):
            if not cell or re.fullmatch(r"\$[^$]+\$", cell):
                what = (
                    f"{cell!r} heads a column; write words, such as Method or σ = 0.1"
                )
                yield text.fault(match.start(), what)
    for match in re.finditer(r"<img(?![^>]*\balt=.\w)[^>]*>", text.source):
        yield text.fault(match.start(), f'{match[0]}: describe it, alt="…"')


def citations(text: Text) -> Iterator[Fault]:
    """References to numbers that are not there."""
    for match in REFERENCE.finditer(text.source):
        try:
            fill(match[0], text.file.stem, text.language)
        except ValueError as error:
            yield text.fault(match.start(), str(error).partition(": ")[2])


# The number in the words of a link to a chapter, and in its name.
CHAPTER_LINK = re.compile(r"\[[^][]*?\b(\d\d)\b[^][]*\]\((\d\d)_")


def linked_as(stem: str) -> str:
    """What links call a chapter, which becomes a notebook, or a page."""
    return f"{stem}.ipynb" if stem[0].isdigit() else f"{stem}.md"


def links(
    texts: Iterable[Text], ids: dict[str, set[str]], papers: Iterable[str]
) -> Iterator[Fault]:
    """Links that lead nowhere. ids: those of every chapter and page, {file: ids}.
    papers: what may stand after an @."""
    for text in texts:
        for position, target in link_targets(text.source).items():
            file, _, section = target.partition("#")
            if re.match(r"\w+:", target):
                continue
            if target.startswith("@"):
                if target[1:] not in papers:
                    what = f"{target} is none of the papers in references.yml"
                    yield text.fault(position, what)
                continue
            file = file or linked_as(text.file.stem)
            if file not in ids:
                what = f"the link {target} leads to none of {', '.join(sorted(ids))}"
                yield text.fault(position, what)
            elif section and section not in ids[file]:
                what = f"the link {target}: no heading there has {{#{section}}}"
                yield text.fault(position, what)
        for match in CHAPTER_LINK.finditer(text.source):
            if match[1] != match[2]:
                what = f"{match[0]}… calls chapter {match[2]} by another number"
                yield text.fault(match.start(), what)
