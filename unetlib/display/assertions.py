"""What an `assert` in a notebook says where it fails: the values that it compared.

By itself it shows the line and `AssertionError`, no more. `tell_values` has IPython
rewrite the asserts of later cells, as pytest does with those of tests: the parts of a
condition are noted while it is computed, so that nothing is computed twice, and are
told where it fails. An assert with a message of its own stays as it is.
"""

import ast
import builtins
import sys
from collections.abc import Callable
from inspect import isfunction
from itertools import count

import numpy as np
from torch import Tensor

NOTES = "_assertions"  # how a rewritten cell calls its `Assertions`
WIDTH = 120  # characters of a value


def tell_values(label: Callable[[str], str]) -> None:
    """From the next cell on, failing asserts tell values; without IPython, nothing.

    label: gives the words for a key, in the reader's language.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        return
    if not any(isinstance(known, Assertions) for known in shell.ast_transformers):
        notes = Assertions(label)
        setattr(builtins, NOTES, notes)  # where `%reset` leaves it
        shell.ast_transformers.append(notes)


class Assertions(ast.NodeTransformer):
    """Rewrites `assert a < b` to what notes a and b; keeps the notes of each assert."""

    def __init__(self, label: Callable[[str], str]) -> None:
        self.label = label
        self.numbers = count()
        self.noted: dict[int, dict[str, object]] = {}

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        """What takes the place of `node`."""
        if node.msg is not None:
            return [node]
        number = ast.Constant(next(self.numbers))
        node.msg = _call("tell", number, ast.Constant(ast.unparse(node.test)))
        begun = _call("begin", number)
        node.test = ast.BoolOp(ast.And(), [begun, self._condition(node.test, number)])
        both = [node, ast.Expr(_call("forget", number))]
        return [ast.fix_missing_locations(ast.copy_location(x, node)) for x in both]

    def _condition(self, node: ast.expr, number: ast.Constant) -> ast.expr:
        """`node`, which holds or not, with the parts noted that decide it."""

        def noted(part: ast.expr) -> ast.expr:
            plain = not any(isinstance(x, ast.Name) for x in ast.walk(part))
            if plain or isinstance(part, (ast.Starred, ast.GeneratorExp)):
                return part
            return _call("note", number, ast.Constant(ast.unparse(part)), part)

        match node:
            case ast.BoolOp():
                node.values = [self._condition(x, number) for x in node.values]
            case ast.UnaryOp(op=ast.Not()):
                node.operand = self._condition(node.operand, number)
            case ast.Compare():
                node.left = noted(node.left)
                node.comparators = [noted(x) for x in node.comparators]
            case ast.Call(func=ast.Name("all"), args=[ast.GeneratorExp() as each]):
                # What was noted last is what made it stop.
                targets = (x for made in each.generators for x in ast.walk(made.target))
                names = [x.id for x in targets if isinstance(x, ast.Name)]
                values = [noted(ast.Name(name, ast.Load())) for name in names]
                values.append(self._condition(each.elt, number))
                each.elt = ast.Subscript(
                    ast.Tuple(values, ast.Load()), ast.Constant(-1), ast.Load()
                )
            case ast.Call(func=ast.Attribute(attr="all" | "any") as method, args=[]):
                method.value = self._condition(method.value, number)
            case ast.Call():
                node.args = [noted(x) for x in node.args]
            case _:
                return noted(node)
        return node

    def begin(self, number: int) -> bool:
        """Forget what an earlier run noted; true."""
        self.noted[number] = {}
        return True

    def note(self, number: int, source: str, value: object) -> object:
        """Note a value under its source; the value."""
        self.noted.setdefault(number, {})[source] = value
        return value

    def forget(self, number: int) -> None:
        """Drop the notes of an assert that held: tensors would keep their memory."""
        self.noted.pop(number, None)

    def tell(self, number: int, condition: str) -> str:
        """What was expected, what was found, and what to do about it."""
        noted = self.noted.pop(number, {})
        values = {key: x for key, x in noted.items() if not isfunction(x)}
        lines = [self.label("check_expected").format(condition)]
        if values:
            said = ", ".join(f"{key} = {_describe(x)}" for key, x in values.items())
            lines.append(self.label("check_found").format(said))
        return "\n".join([*lines, self.label("check_failed")])


def _call(method: str, *arguments: ast.expr) -> ast.Call:
    """A call of one of the methods of `Assertions`, in a cell."""
    function = ast.Attribute(ast.Name(NOTES, ast.Load()), method, ast.Load())
    return ast.Call(function, list(arguments), [])


def _describe(value: object) -> str:
    """In some words: numbers with six digits, of an array no more than its range."""
    try:
        if isinstance(value, (Tensor, np.ndarray, np.generic)):
            values = (
                value.detach().cpu().numpy() if isinstance(value, Tensor) else value
            )
            if values.size > 1:
                low, high = values.min(), values.max()
                kind = f"{values.dtype} {values.shape}"
                return f"{kind} [{_describe(low)} … {_describe(high)}]"
            value = values.item()
        text = f"{value:.6g}" if isinstance(value, float) else repr(value)
        return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
    except Exception:  # whatever its class does: the assert is what failed
        return f"<{type(value).__name__}>"
