"""The fields of a request: v1's form and v2's JSON."""

from urllib.parse import unquote_plus

import msgspec


def fields_of(version: int, body: bytes) -> dict[str, str]:
    """Return all fields; what is not text, or cannot be read at all, is left out."""
    return _form(body, unread=frozenset()) if version == 1 else _json(body)


def read_soon(version: int, body: bytes) -> dict[str, str]:
    """Return the fields, v1's `content` as it came over the line.

    Most of a call's time would go into decoding a letter that nobody looks at.
    """
    return _form(body, unread=frozenset({"content"})) if version == 1 else _json(body)


def _form(body: bytes, *, unread: frozenset[str]) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in body.decode("utf-8", "replace").split("&"))
    return {name: text if name in unread else unquote_plus(text) for name, _, text in pairs}


def _json(body: bytes) -> dict[str, str]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: text for name, text in found.items() if isinstance(text, str)}
