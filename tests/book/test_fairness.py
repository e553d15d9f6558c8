"""The chapters keep the rules that they teach: what the test digits are for."""

import ast
import re
from collections.abc import Iterator

import pytest
from chapters import CHAPTERS, NAMES, committed
from IPython.core.inputtransformer2 import TransformerManager
from languages import LANGUAGES
from manuscript import read_cells

# To call one of these on test digits is to learn from them, or to choose by them.
LEARNS = {"fit", "lstsq", "best_width", "WienerFilter", "Batcher"}
LEARNERS = {"TrainStep", "FastStep", "optim"}  # what they make learns when it is called
SHOWN = 16  # so many first digits are an illustration; more of them are a report
LABELS = {
    "zh": re.compile(r"（(容易|中等|较难)）"),
    "en": re.compile(r"\((easy|medium|hard)\)"),
}


def names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def assigned(target: ast.AST) -> set[str]:
    """The names that get a value: `a` and `b` of `a, b = …`, none of `a[b] = …`."""
    found = [node for node in ast.walk(target) if isinstance(node, ast.Name)]
    return {name.id for name in found if isinstance(name.ctx, ast.Store)}


def free(function: ast.FunctionDef) -> set[str]:
    """The names that a function takes from around it."""
    nodes = list(ast.walk(function))
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    return names(function) - own - assigned(function)


def called(call: ast.Call) -> str:
    """The last name of what is called: `fit` of `fit(...)`, `step` of `adam.step()`."""
    function = call.func
    return getattr(function, "id", getattr(function, "attr", ""))


def gives_test(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and called(value) == "load_mnist"


def follow(tree: ast.AST, tainted: set[str], learners: set[str]) -> None:
    """Note which names hold test digits, or come from them, and which learn."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and free(node) & tainted:
            tainted.add(node.name)  # a score on test digits, say
        elif isinstance(node, ast.For):
            from_test = names(node.iter) & tainted
            tainted -= assigned(node.target)
            tainted |= assigned(node.target) if from_test else set()
        elif isinstance(node, ast.Assign):
            (target,) = node.targets[:1]
            if gives_test(node.value) and isinstance(target, ast.Tuple):
                tainted |= assigned(target.elts[1])
            elif names(node.value) & tainted:
                tainted |= assigned(target)
            elif names(node.value) & LEARNERS:
                learners |= assigned(target)
            else:
                tainted -= assigned(target)


def learning(tree: ast.AST, tainted: set[str], learners: set[str]) -> Iterator[str]:
    """Where a cell learns from test digits, chooses by them or watches them."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        used = set().union(*map(names, arguments)) & tainted
        if used and called(call) in LEARNS | learners:
            yield f"{called(call)}({', '.join(sorted(used))})"
    for loop in (n for n in ast.walk(tree) if isinstance(n, ast.For | ast.While)):
        inside = {called(c) for c in ast.walk(loop) if isinstance(c, ast.Call)}
        if "backward" in inside and names(tree) & tainted:
            yield f"learns beside {names(tree) & tainted}"
        elif inside & (LEARNS | learners) and names(loop) & tainted:
            yield f"watches {names(loop) & tainted} while it learns"


def prefixes(tree: ast.AST, tainted: set[str]) -> Iterator[str]:
    """Where a cell takes the first test digits for a sample of them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            last, of = node.slice.upper, node.value
            pictures = isinstance(of, ast.Attribute) and names(of) & tainted
            if pictures and isinstance(last, ast.Constant) and last.value > SHOWN:
                yield f"a prefix of {last.value} test digits"


def misuses(cells: list[str]) -> list[str]:
    """What a notebook's code cells do with test digits save showing and reporting."""
    tainted: set[str] = set()
    learners: set[str] = set()
    found = []
    for cell in cells:
        tree = ast.parse(TransformerManager().transform_cell(cell))
        follow(tree, tainted, learners)
        wrong = [*learning(tree, tainted, learners), *prefixes(tree, tainted)]
        found += [f"{fault}: {cell}" for fault in wrong]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_test_digits_only_report(name):
    cells = committed(name, "en").cells
    assert not misuses([c.source for c in cells if c.cell_type == "code"])


LOADED = "train, test = load_mnist()\nlearning, validation = split(train)"
FAULTS = {
    "learns": ["few = test.images[:8]", "fit(model, few, recipe)"],
    "chooses": ["best_width(to_tensor(test.images), 0.5)"],
    "steps": ["step = TrainStep(model, BOOK, 5)", "step(*noise(test.images[:8]))"],
    "by hand": ["x = test.images[:8]", "for _ in range(9):\n    loss(x).backward()"],
    "watches": [
        "report = test.sample(100).images",
        "step = TrainStep(model, BOOK, 9)",
        "for x in batches:\n    step(x, x)\n    db.append(validate(model, report))",
    ],
    "watches by a function": [
        "def score(net):\n    return validate(net, test.sample(100).images)",
        "step = TrainStep(model, BOOK, 9)",
        "for x in batches:\n    step(x, x)\n    db.append(score(model))",
    ],
    "batches": ["batcher = Batcher(images=test.images, batch_size=8)"],
    "reports on the first": ["db = denoising_psnr(net, test.images[:300], [0.5])"],
}
FAIR = [
    "x = test.images[:8]\nnet(x)",
    "report = test.sample(300)\ndenoising_psnr(net, report.images, [0.5])",
    "fit(model, learning.images[:320], recipe)\nvalidate(net, validation.images)",
    "width = best_width(validation, 0.5)\nblur(x, width)",
    "step = TrainStep(model, BOOK, 9)\nwatched = validation.sample(100).images\n"
    "for x in batches:\n    step(x, x)\n    validate(model, watched)",
    "x = learning.images[:8]\nfor _ in range(9):\n    loss(x).backward()",
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_misuse_would_be_seen(fault):
    assert misuses([LOADED, *FAULTS[fault]])


def test_fair_cells_are_let_pass():
    assert not misuses([LOADED, *FAIR])


@pytest.mark.parametrize("path", CHAPTERS, ids=NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_exercises_say_how_hard_they_are(path, language):
    cells = [c.source for c in read_cells(path) if c.metadata.get("lang") == language]
    headings = re.findall(r"(?m)^### (.*) {#exercise-\d}$", "\n".join(cells))
    assert 3 <= len(headings) <= 5
    unlabelled = [text for text in headings if not LABELS[language].search(text)]
    assert not unlabelled
