"""Turns unetlib's docstrings, which are plain prose, into tidy reStructuredText.

They read well in an editor:

    images: (N, 28, 28) uint8. seed: a whole number.
    scale: what a pixel is multiplied by; white becomes
        255 * scale.
    Returns (B,) in dB. Raises ValueError where the shapes differ.

The site shows the named lines as a list, and "Returns", "Raises" and "Source" as
paragraphs of their own. Docstrings are English: above one stands what the reader's
language says of the name, book/pages/LANGUAGE/api.yml.
"""

import re

ARGUMENT = re.compile(r"([a-z_]\w*): (.*)")
NEXT_ARGUMENT = re.compile(r"(?<=\.) (?=[a-z_]\w*: )")
PARAGRAPH = re.compile(r"(Returns|Raises|Source)\b")
CODE = re.compile(r"(`[^`]+`)")


def escape(text: str) -> str:
    """`code` as code; a * or | outside of it as itself, not as markup."""
    parts = CODE.split(text)
    plain = [re.sub(r"([*|\\])", r"\\\1", part) for part in parts[::2]]
    plain = [re.sub(r"(?<=\w)_(?!\w)", r"\_", part) for part in plain]
    code = [f"`{part}`" for part in parts[1::2]]
    return "".join(a + b for a, b in zip(plain, [*code, ""], strict=True))


def tidy(app, what, name, obj, options, lines: list[str]) -> None:
    """Rewrite one docstring in place."""
    result = []
    in_list = False
    apart = [part for line in lines for part in NEXT_ARGUMENT.split(line)]
    for line in apart:
        argument = ARGUMENT.match(line) if what != "module" else None
        if argument:
            result += [] if in_list else [""]
            result.append(f"- ``{argument[1]}``: {escape(argument[2])}")
            in_list = True
        elif in_list and (line[:1].isspace() or line[:1].islower()):  # it goes on
            result.append(f"  {escape(line.strip())}")
        else:
            if in_list or PARAGRAPH.match(line):
                result.append("")
            in_list = False
            result.append(escape(line))
    summary = app.config.book_summaries.get(name)
    above = [escape(summary), ""] if summary else []
    lines[:] = [*above, *result, ""]


def parsable(app, what, name, obj, options, signature, returned):
    """A dataclass shows a default that is made anew as <factory>: no Python, so `...`.

    Sphinx sets only what it can parse: names short and linked, values apart.
    """
    return signature and signature.replace("<factory>", "..."), returned


def setup(app):
    app.add_config_value("book_summaries", {}, "env")  # {name: what is said of it}
    app.connect("autodoc-process-docstring", tidy)
    app.connect("autodoc-process-signature", parsable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
