"""How one person's address is taken out of what is kept; the same for every database."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote_plus, unquote_plus

from terkirim.store.rows import from_json, to_json

NOBODY = "erased"
Key = TypeVar("Key", str, int)


def pattern_of(address: str) -> re.Pattern[str]:
    """Match the address, and not another one that it is a part of."""
    return re.compile(rf"(?<![\w.+-]){re.escape(address)}(?![\w-]|\.\w)", re.IGNORECASE)


def without(value: Any, pattern: re.Pattern[str]) -> Any:
    """Return the JSON value without the address: pairs of (address, name) lose both."""
    match value:
        case [str(email), str()] if pattern.fullmatch(email):
            return [NOBODY, ""]
        case list():
            return [without(one, pattern) for one in value]
        case dict():
            return {name: without(one, pattern) for name, one in value.items()}
        case str() if pattern.search(value):
            return NOBODY
        case _:
            return value


def redacted_bodies(
    rows: Iterable[tuple[Key, str]], pattern: re.Pattern[str]
) -> list[tuple[Key, str]]:
    """Return the JSON texts of webhooks, each with its key, that hold the address, without it."""
    return [
        (id_, to_json(without(from_json(body), pattern)))
        for id_, body in rows
        if pattern.search(body)
    ]


def spellings(address: str) -> tuple[str, str, str]:
    """Return the address in lower case as bodies have it: plain, in a form, escaped in JSON."""
    escaped = address.replace("@", "\\u0040")
    return address, quote_plus(address).lower(), escaped


def is_in_body(body: str, pattern: re.Pattern[str]) -> bool:
    """Return whether a raw body, JSON or a form, holds the address."""
    readings = (body, unquote_plus(body), re.sub(r"\\u0040", "@", body))
    return any(pattern.search(text) for text in readings)


def redacted(
    rows: Iterable[Sequence[Any]], pattern: re.Pattern[str], *, keys: int
) -> list[tuple[Any, ...]]:
    """Return the rows that hold the address, without it; their first columns are `keys`."""
    return [
        (*row[:keys], *[pattern.sub(NOBODY, text) for text in row[keys:]])
        for row in rows
        if any(pattern.search(text) for text in row[keys:])
    ]
