"""The chapters keep the rules that they teach: what the test digits are for."""

import ast
import re

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
    "en": re.compile(r"\((Easy|Medium|Hard)\)"),
}


def names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def assigned(target: ast.expr) -> set[str]:
    """The names that get a value: `a` and `b` of `a, b = …`, none of `a[b] = …`."""
    found = [node for node in ast.walk(target) if isinstance(node, ast.Name)]
    return {name.id for name in found if isinstance(name.ctx, ast.Store)}


def called(call: ast.Call) -> str:
    """The last name of what is called: `fit` of `fit(...)`, `step` of `adam.step()`."""
    function = call.func
    return getattr(function, "id", getattr(function, "attr", ""))


def gives_test(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and called(value) == "load_mnist"


def misuses(cells: list[str]) -> list[str]:
    """What a notebook's code cells do with test digits save showing and reporting."""
    tainted: set[str] = set()  # names that hold test digits, or come from them
    learners: set[str] = set()
    found = []
    for cell in cells:
        tree = ast.parse(TransformerManager().transform_cell(cell))
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                (target,) = node.targets[:1]
                if gives_test(node.value) and isinstance(target, ast.Tuple):
                    tainted |= assigned(target.elts[1])
                elif names(node.value) & tainted:
                    tainted |= assigned(target)
                elif names(node.value) & LEARNERS:
                    learners |= assigned(target)
                else:
                    tainted -= assigned(target)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        for call in calls:
            arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
            used = set().union(*map(names, arguments)) & tainted
            if used and called(call) in LEARNS | learners:
                found.append(f"{called(call)}({', '.join(sorted(used))}): {cell}")
        loops = [n for n in ast.walk(tree) if isinstance(n, ast.For | ast.While)]
        inside = [
            c for loop in loops for c in ast.walk(loop) if isinstance(c, ast.Call)
        ]
        if any(called(c) == "backward" for c in inside) and names(tree) & tainted:
            found.append(f"learns beside {names(tree) & tainted}: {cell}")
        for node in ast.walk(tree):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
                last, of = node.slice.upper, node.value
                pictures = isinstance(of, ast.Attribute) and names(of) & tainted
                if pictures and isinstance(last, ast.Constant) and last.value > SHOWN:
                    found.append(f"a prefix of {last.value} test digits: {cell}")
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
    "batches": ["batcher = Batcher(images=test.images, batch_size=8)"],
    "reports on the first": ["db = denoising_psnr(net, test.images[:300], [0.5])"],
}
FAIR = [
    "x = test.images[:8]\nnet(x)",
    "report = test.sample(300)\ndenoising_psnr(net, report.images, [0.5])",
    "fit(model, learning.images[:320], recipe)\nvalidate(net, validation.images)",
    "width = best_width(validation, 0.5)\nblur(x, width)",
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
    (exercises,) = [text for text in cells if "{#exercises}" in text]
    items = re.findall(r"(?m)^\d+\. (.*)$", exercises.partition("{#exercises}")[2])
    assert len(items) >= 3
    unlabelled = [item for item in items if not LABELS[language].match(item)]
    assert not unlabelled
