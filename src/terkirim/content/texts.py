"""Checks of single texts: what can be stored, and what may stand in a header."""

import re
from collections.abc import Mapping
from datetime import datetime

from terkirim.domain.errors import InvalidEmail
from terkirim.domain.phrase import phrase

LINE_LIMIT = 998  # characters of a header line (RFC 5322 section 2.1.1)
_SPOKEN: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),  # before the numbers, of which Python takes it for one
    ((int, float), "a number"),
    (str, "a text"),
    ((bytes, bytearray), "bytes"),
    (Mapping, "an object"),
    ((list, tuple), "a list"),
    (datetime, "a time"),
)
_UNSEEN = {
    "\r": phrase("a line break (CR)"),
    "\n": phrase("a line break (LF)"),
    "\0": phrase("a NUL character"),
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def line(
    value: object, field: str, *, limit: int = LINE_LIMIT, kind: str = "validation_error"
) -> str:
    """Return a text that is safe in a header: no line break, no control character.

    Raises:
        InvalidEmail: it is no text, too long, or holds what no header can.
    """
    if not isinstance(value, str):
        raise InvalidEmail(field, f"must be a text, not {spoken_type(value)}", kind=kind)
    if len(value) > limit:
        problem = phrase(
            "is {length} characters long; at most {limit} are taken", length=len(value), limit=limit
        )
        raise InvalidEmail(field, problem, kind=kind)
    if not value.isprintable():  # also true of harmless characters, so the exact reason is sought
        _refuse_control(value, field, kind)
        storable(value, field, kind=kind)
    return value


def body(value: object, field: str, *, limit: int) -> str | None:
    """Return a text of any number of lines, None where there is none or it is empty.

    `limit` is in bytes of UTF-8.

    Raises:
        InvalidEmail: it is no text, too large, or cannot be stored.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise InvalidEmail(field, f"must be a text, not {spoken_type(value)}")
    size = storable(value, field)
    if size > limit:
        raise InvalidEmail(field, f"has {size:,} bytes; at most {limit:,} are taken")
    return value


def storable(value: str, field: str, *, kind: str = "validation_error") -> int:
    """Return the text's size in bytes of UTF-8.

    Raises:
        InvalidEmail: it holds NUL or half a surrogate pair, which no database keeps.
    """
    if "\0" in value:
        raise InvalidEmail(field, phrase("holds a NUL character; remove it"), kind=kind)
    if value.isascii():
        return len(value)
    try:
        return len(value.encode())
    except UnicodeEncodeError as error:
        problem = phrase(
            "holds half a surrogate pair at position {at}; send the text as valid UTF-8",
            at=error.start,
        )
        raise InvalidEmail(field, problem, kind=kind) from None


def spoken_type(value: object) -> str:
    """Return what a value is, in words that suit JSON and Python alike."""
    if value is None:
        return "null"
    for types, words in _SPOKEN:
        if isinstance(value, types):
            return words
    return f"a {type(value).__name__}"


def _refuse_control(value: str, field: str, kind: str) -> None:
    found = _CONTROL.search(value)
    if found is None:
        return
    character = found.group()
    other = phrase("the control character {code}", code=f"U+{ord(character):04X}")
    problem = phrase(
        "holds {what}, which no header may; remove it", what=_UNSEEN.get(character, other)
    )
    raise InvalidEmail(field, problem, kind=kind)
