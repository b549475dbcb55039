"""The part of Jinja2 that letters may use: names, filters, tests, `if` and `for`.

The sandbox alone stops a template from reaching Python, not from using up its time and memory
(`{{ "x" * 10**9 }}`, `set` that doubles a text forty times). So nothing is allowed by which a text
can outgrow what was handed in: no calls, no assignments, no macros, only filters whose output is
about as long as their input, and a count of loop steps.
"""

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes, pass_context, pass_eval_context
from jinja2.filters import do_join, do_replace
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_STEPS = 20_000  # loop steps of one rendering, all loops together
MAX_TEXT = 1_000_000  # characters that `join` and `replace` may make
_MAX_DEPTH = 40
_MAX_EXPRESSION = 200  # parts of one expression
_MAX_LOOP_DEPTH = 5
_MAX_DIGITS = 20
_STEPS_LEFT = "steps left"  # with a space, so that no template can name it
_COUNTED = "counted steps"

_FILTERS = (
    *("abs", "capitalize", "d", "default", "dictsort", "e", "escape", "first", "float", "int"),
    *("items", "last", "length", "count", "list", "lower", "max", "min", "reverse", "safe", "sort"),
    *("string", "striptags", "sum", "title", "trim", "truncate", "unique", "upper", "urlencode"),
    "wordcount",
)
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
        self.filters |= {"join": _join, "replace": _replace, "round": _round, _COUNTED: _counted}

    def checked(self, source: str) -> nodes.Template:
        """Return the parsed template with its loops counted.

        Raises:
            TemplateSyntaxError: it is no Jinja2, or outside the small language; has the line.
        """
        tree = self.parse(source)
        _refuse_foreign(tree, self.filters.keys(), self.tests.keys())
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno)
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


def steps_allowed() -> dict[str, list[int]]:
    """Return what a rendering is given beside its variables: its own count of steps."""
    return {_STEPS_LEFT: [MAX_STEPS]}


def _refuse_foreign(tree: nodes.Template, filters: Iterable[str], tests: Iterable[str]) -> None:
    waiting: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    while waiting:  # a loop of our own: recursion is what a hostile template would exhaust
        node, depth, loops = waiting.pop()
        if (problem := _fault_of(node, filters, tests)) is not None:
            raise TemplateSyntaxError(problem, node.lineno or 1)
        loops += isinstance(node, nodes.For)
        if depth > _MAX_DEPTH or loops > _MAX_LOOP_DEPTH:
            raise TemplateSyntaxError("it is nested too deeply", node.lineno or 1)
        if isinstance(node, nodes.Output):
            _refuse_long(node)
        waiting += [(child, depth + 1, loops) for child in node.iter_child_nodes()]


def _fault_of(node: nodes.Node, filters: Iterable[str], tests: Iterable[str]) -> str | None:
    match node:
        case nodes.Filter(name=name) if name not in filters:
            offered = ", ".join(sorted(one for one in filters if one != _COUNTED))
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


def _refuse_long(output: nodes.Output) -> None:
    for expression in output.nodes:
        parts = sum(1 for _ in expression.find_all(nodes.Expr))
        if parts > _MAX_EXPRESSION:
            raise TemplateSyntaxError("an expression is too long", expression.lineno)


def _not_null(value: Any) -> Any:
    if value is None:  # Jinja2 would greet "None"
        raise ValueError("a value is null; write `{{ name or '' }}` where it may be")
    return value


@pass_context
def _counted(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    left: list[int] = context[_STEPS_LEFT]
    for value in values:
        left[0] -= 1
        if left[0] < 0:
            raise TooMuch(f"its loops take more than {MAX_STEPS:,} steps")
        yield value


@pass_eval_context
def _join(context: EvalContext, values: Iterable[Any], separator: str = "") -> str:
    parts = list(values)
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
