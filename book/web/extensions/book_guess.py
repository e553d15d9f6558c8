"""A guess before an output: the form in which the reader writes it down.

The question is prose right above a cell that holds the language's word for it. What may
be chosen, and which number of the output answers it, says book/guesses/NAME.yml, by the
cell's name:

    training-loop: {choices: [{zh: …, en: …}, …], right: 2}
    uint8-wraps: {number: 1}

Where it says nothing, the reader writes what they like. static/guess.js folds the
output until then.
"""

import re
from pathlib import Path

import nbformat
import yaml
from docutils import nodes

GUESSES = Path(__file__).resolve().parents[2] / "guesses"
NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")


def read_guesses(chapter: str) -> dict[str, dict]:
    """What can be guessed in a chapter such as "02_architecture", by cell."""
    path = GUESSES / f"{chapter}.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}


def answer(guess: dict, language: str, printed: str) -> str:
    """What is right, as the page says it; empty where only the reader can tell."""
    if "choices" in guess:
        return guess["choices"][guess["right"] - 1][language]
    return NUMBER.findall(printed)[guess["number"] - 1] if guess else ""


def ask(app, doctree, docname) -> None:
    """Mark cells that a question precedes, and put the form before what comes out."""
    path = app.env.doc2path(docname)
    if not path.endswith(".ipynb"):
        return
    source = nbformat.read(path, as_version=4).cells
    known = {"language": app.config.book_language}
    known["words"] = app.config.book_words["questions"]
    asked = re.compile(known["words"]["asked"])
    guesses = read_guesses(docname)
    for cell in list(doctree.findall(nodes.container)):
        if "cell" not in cell["classes"] or not (outputs := _outputs(cell)):
            continue
        if any(asked.search(above.astext()) for above in _prose_above(cell)):
            cell["classes"].append("book-asked")
            run = source[cell["cell_index"]]
            printed = "".join(output.get("text", "") for output in run.outputs)
            guess = guesses.get(run.id, {})
            told = answer(guess, known["language"], printed)
            given = known | {"choices": guess.get("choices"), "answer": told}
            html = app.builder.templates.render("question.html", given)
            cell.insert(cell.index(outputs), nodes.raw("", html, format="html"))


def _outputs(cell: nodes.container) -> nodes.container | None:
    """What shows something to guess; live parts are tried, not read."""
    live = any(name.startswith("tag_live") for name in cell["classes"])
    exercise = any(name.startswith("exercise-") for name in cell.parent.get("ids", []))
    found = (
        c
        for c in cell
        if isinstance(c, nodes.container) and "cell_output" in c["classes"]
    )
    return None if live or exercise else next(found, None)


def _prose_above(cell: nodes.container) -> list[nodes.Node]:
    """The paragraph right above it, with the list that may follow, or nothing."""
    place = cell.parent.index(cell)
    *_, before, last = [None, None, *cell.parent[:place]]
    if isinstance(last, nodes.paragraph):
        return [last]
    lists = (nodes.bullet_list, nodes.enumerated_list)
    return [before, last] if isinstance(last, lists) else []


def setup(app):
    app.connect("doctree-resolved", ask)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
