"""A caller's own headers and tags: which may be set, and how they must look."""

import re
from collections.abc import Mapping

from terkirim.content.fields import shown
from terkirim.content.texts import line, spoken_type
from terkirim.domain.errors import InvalidEmail

_MAX_HEADERS = 50
_MAX_TAGS = 50
_HEADER_NAME = re.compile(r"[!-9;-~]{1,76}\Z", re.ASCII)  # RFC 5322 section 2.2, and room to fold
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}\Z", re.ASCII)
_TAG_FIELDS = ("name", "value")
_OURS = frozenset(
    {
        *("from", "to", "cc", "bcc", "subject", "date", "sender", "reply-to", "message-id"),
        *("mime-version", "received", "return-path", "delivered-to", "dkim-signature"),
        *("domainkey-signature", "authentication-results"),
    }
)
_OURS_BY_START = ("content-", "resent-", "arc-")
_FIELD_OF = {one: one for one in ("from", "to", "cc", "bcc", "subject")} | {"reply-to": "reply_to"}


def read_headers(value: object) -> tuple[tuple[str, str], ...]:
    """Return the headers that a caller adds, in the order given.

    Raises:
        InvalidEmail: a name or value cannot stand in a header, or the header is ours to write.
    """
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        problem = f"must be an object of names and texts, not {spoken_type(value)}"
        raise InvalidEmail("headers", problem)
    if len(value) > _MAX_HEADERS:
        raise InvalidEmail("headers", f"has {len(value)} entries; at most {_MAX_HEADERS}")
    headers = tuple((_header_name(name), _header_value(name, one)) for name, one in value.items())
    _refuse_twice("headers", [name.lower() for name, _ in headers])
    return headers


def read_tags(value: object) -> tuple[tuple[str, str], ...]:
    """Return the tags as (name, value), in the order given.

    Raises:
        InvalidEmail: one is not an object of `name` and `value`, or has other characters.
    """
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        problem = f"must be a list of objects with `name` and `value`, not {spoken_type(value)}"
        raise InvalidEmail("tags", problem)
    if len(value) > _MAX_TAGS:
        raise InvalidEmail("tags", f"has {len(value)} entries; at most {_MAX_TAGS}")
    tags = tuple(_tag(one, f"tags[{at}]") for at, one in enumerate(value))
    _refuse_twice("tags", [name for name, _ in tags])
    return tags


def _header_name(name: object) -> str:
    if not isinstance(name, str) or not _HEADER_NAME.match(name):
        problem = (
            f"`{shown(name)}` is no header name; it has 1 to 76 ASCII characters, no space or colon"
        )
        raise InvalidEmail("headers", problem)
    lower = name.lower()
    if lower in _OURS or lower.startswith(_OURS_BY_START):
        instead = f"; use the field `{_FIELD_OF[lower]}`" if lower in _FIELD_OF else ""
        raise InvalidEmail("headers", f"`{name}` is written by the gateway itself{instead}")
    return name


def _header_value(name: object, value: object) -> str:
    return line(value, f"headers.{shown(name)}")


def _tag(value: object, field: str) -> tuple[str, str]:
    if not isinstance(value, Mapping):
        problem = f"must be an object with `name` and `value`, not {spoken_type(value)}"
        raise InvalidEmail(field, problem)
    name, content = (_tag_part(value.get(part), f"{field}.{part}") for part in _TAG_FIELDS)
    return name, content


def _tag_part(value: object, field: str) -> str:
    if value is None:
        raise InvalidEmail(field, "is missing", kind="missing_required_field")
    if not isinstance(value, str):
        raise InvalidEmail(field, f"must be a text, not {spoken_type(value)}")
    if not _TAG.match(value):
        problem = f"`{shown(value)}` must be 1 to 256 ASCII letters, digits, `_` or `-`"
        raise InvalidEmail(field, problem)
    return value


def _refuse_twice(field: str, names: list[str]) -> None:
    if len(set(names)) == len(names):
        return
    twice = next(name for at, name in enumerate(names) if name in names[:at])
    raise InvalidEmail(field, f"`{shown(twice)}` is given twice")
