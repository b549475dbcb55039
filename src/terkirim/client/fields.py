"""Writes a caller's fields as the JSON that `/v1` reads; the gateway alone judges them."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from terkirim.content.fields import SET_HAS_NO_ORDER, shown
from terkirim.domain.email import Address
from terkirim.domain.errors import InvalidEmail

_DOOR_NAMES = {"sender": "from"}  # `from` is no name in Python
_FILES = frozenset({"attachments"})  # whose bytes travel as base64
_RECIPIENTS = frozenset({"to", "cc", "bcc", "reply_to"})
_CANNOT_BE_WRITTEN = (TypeError, ValueError)


def email_json(fields: Mapping[str, Any]) -> bytes:
    """Return one e-mail; what is None is left out.

    Raises:
        InvalidEmail: a field holds what JSON has no word for.
    """
    return _written(_plain_fields(fields))


def batch_json(emails: Iterable[Mapping[str, Any]]) -> bytes:
    """Return several e-mails, in their order.

    Raises:
        InvalidEmail: a field of one holds what JSON has no word for.
    """
    return b"[" + b",".join(email_json(fields) for fields in emails) + b"]"


def _plain_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _DOOR_NAMES.get(name, name): _plain_field(name, value)
        for name, value in fields.items()
        if value is not None
    }


def _plain_field(name: str, value: Any) -> Any:
    if name in _RECIPIENTS and isinstance(value, set | frozenset):
        raise InvalidEmail(shown(name), SET_HAS_NO_ORDER)
    try:
        return _plain(value, may_hold_bytes=name in _FILES)
    except TypeError as error:
        raise InvalidEmail(shown(name), str(error)) from None
    except RecursionError:
        raise InvalidEmail(shown(name), "holds itself") from None


def _plain(value: Any, *, may_hold_bytes: bool) -> Any:
    """Return the value in what JSON knows, spans in seconds, and the bytes of a file as base64.

    Raises:
        TypeError: bytes elsewhere, of which base64 would stand in the letter.
    """
    match value:
        case Address():
            return str(value)
        case timedelta():
            return int(value.total_seconds())
        case Mapping():
            return {name: _plain(one, may_hold_bytes=may_hold_bytes) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one, may_hold_bytes=may_hold_bytes) for one in value]
        case bytes() | bytearray() | memoryview() if not may_hold_bytes:
            raise TypeError("must be a text, not bytes: decode them first")
    return value


def _written(body: Mapping[str, Any]) -> bytes:
    try:
        return _as_json(body)
    except _CANNOT_BE_WRITTEN as error:
        raise InvalidEmail(_guilty(body), f"cannot be written as JSON: {error}") from None


def _as_json(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # half a surrogate pair: escaped, the gateway can name its field
        return json.dumps(msgspec.to_builtins(value)).encode()


def _guilty(body: Mapping[str, Any]) -> str:
    return next((shown(name) for name, value in body.items() if not _can_be_written(value)), "")


def _can_be_written(value: Any) -> bool:
    try:
        _as_json(value)
    except _CANNOT_BE_WRITTEN:
        return False
    return True
