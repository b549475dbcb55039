"""Fills a letter with each recipient's own words.

A `Template` is parsed once and kept, because a campaign renders the same one for everybody.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jinja2
import msgspec
from jinja2 import meta, nodes

from terkirim.content.sandbox import LetterEnvironment, TooMuch, steps_allowed
from terkirim.content.texts import LINE_LIMIT, line
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.phrase import phrase

TEMPLATE_LIMIT = 512_000  # characters; what people call a long letter has 100,000
OUTPUT_LIMIT = 10_000_000  # characters of one rendered body
VARIABLES_LIMIT = 64_000  # bytes of JSON for one recipient
_KEPT = 64  # parsed templates
_GUARDS = frozenset({"default", "d"})
_GUARDING_TESTS = frozenset({"defined", "undefined"})
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# What a template can raise by the values it meets; Jinja2 has no common root for them.
_FAULTS = (
    *(jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError),
    *(AttributeError, RecursionError),
)

_HTML = LetterEnvironment(autoescape=True)
_PLAIN = LetterEnvironment(autoescape=False)


@dataclass(frozen=True, slots=True)
class _Parsed:
    template: jinja2.Template
    names: frozenset[str]
    required: frozenset[str]


def rendered(
    subject: str, html: str | None, text: str | None, variables: Mapping[str, Any] | None
) -> tuple[str, str | None, str | None]:
    """Return subject, HTML and text with the variables filled in, escaped in the HTML only.

    Raises:
        InvalidEmail: a template is wrong, a name is missing, or the subject would break its line.
    """
    given = variables or {}
    return (
        line(_filled(subject, given, "subject"), "subject", limit=LINE_LIMIT),
        None if html is None else _filled(html, given, "html"),
        None if text is None else _filled(text, given, "text"),
    )


def names_in(template: str, field: str = "html") -> frozenset[str]:
    """Return every name that the template uses.

    Raises:
        InvalidEmail: the template is wrong; the sentence has the line.
    """
    return _parsed(template, field).names


def missing_names(
    subject: str, html: str | None, text: str | None, variables: Mapping[str, Any]
) -> list[str]:
    """Return, sorted, the names that the templates need and the variables do not have.

    A name with `|default(...)`, or one that the template asks for by `is defined`, may be missing.
    """
    parts = (("subject", subject), ("html", html), ("text", text))
    required = [_parsed(part, field).required for field, part in parts if part is not None]
    return sorted(frozenset().union(*required) - variables.keys())


def as_stored(variables: object, field: str) -> dict[str, Any]:
    """Return the variables as they come back from the store, so that both renderings agree.

    Raises:
        InvalidEmail: they are no JSON object, or too large.
    """
    try:
        written = msgspec.json.encode(variables)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidEmail(field, f"cannot be written as JSON: {error}") from None
    if len(written) > VARIABLES_LIMIT:
        problem = f"has {len(written):,} bytes as JSON; at most {VARIABLES_LIMIT:,} are taken"
        raise InvalidEmail(field, problem)
    if b"\\u0000" in written and _NUL.search(written):
        raise InvalidEmail(field, "holds a NUL character; remove it")
    stored = msgspec.json.decode(written)
    if not isinstance(stored, dict):
        raise InvalidEmail(field, "must be an object of names and values")
    return stored


def _filled(template: str, variables: Mapping[str, Any], field: str) -> str:
    parsed = _parsed(template, field)
    pieces = []
    left = OUTPUT_LIMIT
    try:
        for piece in parsed.template.generate({**variables, **steps_allowed()}):
            pieces.append(piece)
            left -= len(piece)
            if left < 0:
                raise TooMuch(f"it grows beyond {OUTPUT_LIMIT:,} characters")
    except _FAULTS as error:
        raise InvalidEmail(field, phrase("cannot be rendered: {why}", why=str(error))) from error
    return "".join(pieces)


def _parsed(template: str, field: str) -> _Parsed:
    if len(template) > TEMPLATE_LIMIT:
        problem = phrase(
            "is a template of {length} characters; at most {limit}",
            length=len(template),
            limit=TEMPLATE_LIMIT,
        )
        raise InvalidEmail(field, problem)
    try:
        return _compiled(template, field == "html")
    except jinja2.TemplateSyntaxError as error:
        problem = phrase(
            "line {line} of the template: {why}", line=str(error.lineno), why=str(error.message)
        )
        raise InvalidEmail(field, problem) from None
    except (RecursionError, MemoryError, SyntaxError, ValueError) as error:
        # What Python's own parser says of a template that is nested beyond its limits.
        problem = phrase(
            "the template cannot be read; it is nested too deeply, or a number is too long"
        )
        raise InvalidEmail(field, problem) from error


@lru_cache(maxsize=_KEPT)
def _compiled(template: str, is_html: bool) -> _Parsed:
    environment = _HTML if is_html else _PLAIN
    tree = environment.checked(template)
    names = frozenset(meta.find_undeclared_variables(tree))
    return _Parsed(environment.from_string(tree), names, names - _guarded(tree))


def _guarded(tree: nodes.Template) -> frozenset[str]:
    asked = [
        one.node
        for one in tree.find_all((nodes.Filter, nodes.Test))
        if one.name in (_GUARDS if isinstance(one, nodes.Filter) else _GUARDING_TESTS)
    ]
    return frozenset(one.name for one in asked if isinstance(one, nodes.Name))
