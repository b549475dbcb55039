"""The part of Jinja2 that letters may use: names, filters, tests, `if` and `for`.

The sandbox alone stops a template from reaching Python, not from using up its time and memory
(`{{ "x" * 10**9 }}`, `set` that doubles a text forty times). So nothing is allowed by which a text
can outgrow what was handed in: no calls, no assignments, no macros, only filters whose output is
about as long as their input, no lists written out as text (each `|list|string` would make it five
times as long), and a count of loop steps and of the work between them.
"""

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from jinja2 import (
    StrictUndefined,
    TemplateSyntaxError,
    Undefined,
    nodes,
    pass_context,
    pass_eval_context,
)
from jinja2.filters import do_join, do_replace
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_STEPS = 20_000  # loop steps of one rendering, all loops together
MAX_WORK = 1_000_000  # parts of the template run in loops, and characters and items handled
MAX_TEXT = 1_000_000  # characters that `join` and `replace` may make
MAX_PARTS = 10_000  # of one template: to compile these takes a second
_MAX_DEPTH = 40
_MAX_EXPRESSION = 200  # parts of one expression
_MAX_LOOP_DEPTH = 5
_MAX_DIGITS = 20
_LEFT = "what is left"  # with a space, so that no template can name it
_COUNTED = "counted steps"
_MEASURED = "measured value"
_PLAIN = "plain value"

_FILTERS = (
    *("abs", "capitalize", "d", "default", "dictsort", "e", "escape", "first", "float", "int"),
    *("items", "last", "length", "count", "list", "lower", "max", "min", "reverse", "safe", "sort"),
    *("string", "striptags", "sum", "title", "trim", "truncate", "unique", "upper", "urlencode"),
    "wordcount",
)
_TEXT_FILTERS = frozenset(
    {
        *("capitalize", "e", "escape", "lower", "replace", "safe", "string", "striptags", "title"),
        *("trim", "truncate", "upper", "urlencode", "wordcount"),
    }
)
_NAMES_OF_DEFAULT = frozenset({"d", "default"})
_OPERATIONS = (nodes.Filter, nodes.Concat, nodes.Compare, nodes.Add, nodes.Getitem)
_NUMERIC: dict[str, Callable[[Any, Any], Any]] = {"*": operator.mul, "%": operator.mod}
_NODES = (
    *(nodes.Template, nodes.Output, nodes.If, nodes.For, nodes.TemplateData, nodes.Const),
    *(nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Slice),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Concat),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos),
    *(nodes.List, nodes.Tuple, nodes.Keyword),
)
_LOOP = frozenset(
    {
        *("index", "index0", "revindex", "revindex0", "first", "last", "length"),
        *("depth", "depth0", "previtem", "nextitem"),
    }
)
_SPOKEN = {
    nodes.Call: "calls such as `name()`; use a filter: `name|upper`",
    nodes.Assign: "`set`",
    nodes.AssignBlock: "`set`",
    nodes.Include: "`include`",
    nodes.Import: "`import`",
    nodes.FromImport: "`import`",
    nodes.Extends: "`extends`",
    nodes.Macro: "`macro`",
    nodes.Pow: "`**`",
    nodes.For: "`recursive`",
    nodes.Filter: "`*names` of a filter",
    nodes.Test: "`*names` of a test",
    nodes.Scope: "`autoescape`",
}


class TooMuch(ValueError):  # noqa: N818 - it is said to people as it stands
    """A rendering would take more steps or grow larger than a letter ever does."""


@dataclass(slots=True)
class _Left:
    """What one rendering may still use."""

    steps: int = MAX_STEPS
    work: int = MAX_WORK

    def spend(self, work: int) -> None:
        self.work -= work
        if self.work < 0:
            raise TooMuch("it takes more work than a letter ever does")


class LetterEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2 with the small language above; values are JSON, so that attributes are never read."""

    intercepted_binops = frozenset({"*", "%"})

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(
            autoescape=autoescape,
            undefined=StrictUndefined,
            finalize=_not_null,
            keep_trailing_newline=True,
        )
        self.globals.clear()
        known = {name: self.filters[name] for name in _FILTERS}
        self.filters.clear()
        self.filters.update(known)
        self.filters |= {"join": _join, "replace": _replace, "round": _round}
        self.filters |= {_COUNTED: _counted, _MEASURED: _measured, _PLAIN: _plain}

    def checked(self, source: str) -> nodes.Template:
        """Return the parsed template with its loops counted and its values measured.

        Raises:
            TemplateSyntaxError: it is no Jinja2, or outside the small language; has the line.
        """
        tree = self.parse(source)
        _refuse_foreign(tree, self.filters.keys(), self.tests.keys())
        for loop in list(tree.find_all(nodes.For)):
            parts = sum(1 for _ in loop.find_all(nodes.Node))
            loop.iter = _through(_COUNTED, loop.iter, nodes.Const(parts))
        for operation in list(tree.find_all(_OPERATIONS)):
            _measure(operation)
        return tree

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return `obj.attribute`: a key of an object, or what Jinja2 says of its own loop."""
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return super().getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return `obj[argument]`, and never an attribute of the Python object."""
        try:
            return obj[argument]
        except (TypeError, LookupError):
            return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja2's signature
        """Multiply and take remainders of numbers only: of texts, both make new texts."""
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise TypeError(f"`{operator}` takes numbers only")
        return _NUMERIC[operator](left, right)


def steps_allowed() -> dict[str, object]:
    """Return what a rendering is given beside its variables: its own count of steps and work."""
    return {_LEFT: _Left()}


def _refuse_foreign(tree: nodes.Template, filters: Iterable[str], tests: Iterable[str]) -> None:
    waiting: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    met = 0
    while waiting:  # a loop of our own: recursion is what a hostile template would exhaust
        node, depth, loops = waiting.pop()
        met += 1
        if met > MAX_PARTS:
            raise TemplateSyntaxError(f"it has more than {MAX_PARTS:,} parts", node.lineno or 1)
        if (problem := _fault_of(node, filters, tests)) is not None:
            raise TemplateSyntaxError(problem, node.lineno or 1)
        loops += isinstance(node, nodes.For)
        if depth > _MAX_DEPTH or loops > _MAX_LOOP_DEPTH:
            raise TemplateSyntaxError("it is nested too deeply", node.lineno or 1)
        if isinstance(node, nodes.Stmt):
            _refuse_long(node)
        waiting += [(child, depth + 1, loops) for child in node.iter_child_nodes()]


def _fault_of(node: nodes.Node, filters: Iterable[str], tests: Iterable[str]) -> str | None:
    match node:
        case nodes.Filter(name=name) if name not in filters:
            offered = ", ".join(sorted(one for one in filters if " " not in one))
            return f"there is no filter `{name}` here; there are: {offered}"
        case nodes.Test(name=name) if name not in tests:
            return f"there is no test `{name}`"
        case nodes.Const(value=float(value)) if not math.isfinite(value):
            return "a number is too large"  # Jinja2 would compile it to the name `inf`
    return None if _is_known(node) else _foreign_sentence(node)


def _is_known(node: nodes.Node) -> bool:
    match node:
        case nodes.Filter() | nodes.Test():
            return node.dyn_args is None and node.dyn_kwargs is None  # no `*names`
        case nodes.For(recursive=True):
            return False
    return isinstance(node, _NODES)


def _foreign_sentence(node: nodes.Node) -> str:
    spoken = _SPOKEN.get(type(node), f"`{type(node).__name__.lower()}`")
    return f"letters know names, filters, `if` and `for`, but not {spoken}"


def _refuse_long(statement: nodes.Stmt) -> None:
    for expression in statement.iter_child_nodes():
        if not isinstance(expression, nodes.Expr):
            continue
        parts = sum(1 for _ in expression.find_all(nodes.Expr))
        if parts > _MAX_EXPRESSION:
            raise TemplateSyntaxError("an expression is too long", expression.lineno)


def _through(name: str, value: nodes.Expr, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(value, name, list(args), [], None, None, lineno=value.lineno)


def _measure(operation: nodes.Node) -> None:
    match operation:
        case nodes.Filter(name=name) if name not in _NAMES_OF_DEFAULT | {_COUNTED}:
            _measure_filter(operation)
        case nodes.Concat():
            operation.nodes = [_through(_PLAIN, one) for one in operation.nodes]
        case nodes.Compare():
            operation.expr = _through(_MEASURED, operation.expr)
            for operand in operation.ops:
                operand.expr = _through(_MEASURED, operand.expr)
        case nodes.Add():
            operation.left = _through(_MEASURED, operation.left)
            operation.right = _through(_MEASURED, operation.right)
        case nodes.Getitem(arg=nodes.Slice()):
            operation.node = _through(_MEASURED, operation.node)


def _measure_filter(operation: nodes.Filter) -> None:
    wanted = _PLAIN if operation.name in _TEXT_FILTERS else _MEASURED
    if operation.node is not None:  # None belongs to `{% filter %}`, which is refused before
        operation.node = _through(wanted, operation.node)
    operation.args = [_through(_PLAIN, one) for one in operation.args]
    for keyword in operation.kwargs:
        keyword.value = _through(_PLAIN, keyword.value)


def _not_null(value: Any) -> Any:
    if value is None:  # Jinja2 would greet "None"
        raise ValueError("a value is null; write `{{ name or '' }}` where it may be")
    return value


@pass_context
def _counted(context: Context, values: Iterable[Any], parts: int) -> Iterator[Any]:
    left: _Left = context[_LEFT]
    for value in values:
        left.steps -= 1
        if left.steps < 0:
            raise TooMuch(f"its loops take more than {MAX_STEPS:,} steps")
        left.spend(parts)
        yield value


@pass_context
def _measured(context: Context, value: Any) -> Any:
    left: _Left = context[_LEFT]
    left.spend(len(value) if isinstance(value, str | list | tuple | dict) else 1)
    return value


@pass_context
def _plain(context: Context, value: Any) -> Any:
    if not isinstance(value, str | int | float | Undefined):
        _not_null(value)
        raise TypeError("a list or object is no text; write `{{ names|join(', ') }}`")
    return _measured(context, value)


@pass_eval_context
def _join(context: EvalContext, values: Iterable[Any], separator: str = "") -> str:
    parts = list(values)
    if any(isinstance(part, list | tuple | dict) for part in parts):
        raise TypeError("`join` takes texts and numbers only")
    if sum(len(str(part)) for part in parts) + len(parts) * len(separator) > MAX_TEXT:
        raise TooMuch("`join` makes too long a text")
    joined: str = do_join(context, parts, separator)
    return joined


@pass_eval_context
def _replace(context: EvalContext, text: Any, old: str, new: str) -> str:
    whole = str(text)
    if len(whole) + whole.count(old) * len(new) > MAX_TEXT:
        raise TooMuch("`replace` makes too long a text")
    replaced: str = do_replace(context, text, old, new)
    return replaced


def _round(value: float, digits: int = 0) -> float:
    if not -_MAX_DIGITS <= digits <= _MAX_DIGITS:
        raise TooMuch(f"`round` takes at most {_MAX_DIGITS} digits")
    return round(float(value), digits)
