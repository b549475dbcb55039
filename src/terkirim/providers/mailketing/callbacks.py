"""What Mailketing posts to us, read into events: every shape it is known or documented to use.

Real: `{"type": "emailopen", "email": ..., "date": ...}`. Documented: `{"event": "open", "data":
{...}}`, and the same fields flat. Each as JSON or as a form, whatever the content type says.
"""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import msgspec

from terkirim.domain import remarks
from terkirim.domain.event import EventKind, NewEvent, NotUnderstood
from terkirim.providers.mailketing.bounces import bounce_class
from terkirim.providers.mailketing.dates import instant_of

_KINDS: Mapping[str, EventKind] = {
    "delivery": EventKind.DELIVERED,
    "delivered": EventKind.DELIVERED,
    "emailopen": EventKind.OPENED,
    "open": EventKind.OPENED,
    "opened": EventKind.OPENED,
    "emailclick": EventKind.CLICKED,
    "click": EventKind.CLICKED,
    "clicked": EventKind.CLICKED,
    "bounce": EventKind.BOUNCED,
    "bounced": EventKind.BOUNCED,
    "spam": EventKind.COMPLAINED,
    "complaint": EventKind.COMPLAINED,
    "complained": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
}
# What is kept beside the event: their name of it, ours, and the longest text.
_FACTS: Mapping[str, tuple[str, int]] = {
    "reason": ("reason", 1_000),
    "bounce_reason": ("reason", 1_000),
    "link_clicked": ("link", 2_000),
    "url": ("link", 2_000),
    "ip_address": ("ip", 100),
    "user_agent": ("user_agent", 500),
    "tracking_id": ("tracking_id", 200),
    "complaint_type": ("complaint_type", 100),
}
_MOST_FIELDS = 100
_LONGEST_ADDRESS = 254
_LONGEST_ID = 200
_SHOWN = 40  # characters of an unknown word that are repeated back
_LOCAL_PART = re.compile(r"[^\s@<>\"'(),:;\\\[\]]{1,64}\Z")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}\Z")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_NESTED_NAME = re.compile(r"data\[([^\]]+)\]\Z")


class MailketingCallbacks:
    """The reader of its callbacks; `zone` is that of dates that name none."""

    provider = "mailketing"

    def __init__(self, *, zone: tzinfo | None = None) -> None:
        self._zone = ZoneInfo("Asia/Jakarta") if zone is None else zone

    def fields(self, body: bytes) -> Mapping[str, Any]:
        """Return the fields, those of `data` beside the others.

        Raises:
            ValueError: with a sentence on why it cannot be read.
        """
        text = body.strip()
        if not text:
            raise ValueError("the body is empty")
        found = _json(text) if text[:1] in b'{["' else _form(text)
        if not isinstance(found, dict):
            raise ValueError("the body is not one JSON object")  # noqa: TRY004 - the caller's value
        nested = found.get("data")
        return {**found, **nested} if isinstance(nested, dict) else found

    def is_dated(self, fields: Mapping[str, Any]) -> bool:
        """Return whether it says when."""
        return bool(_date(fields))

    def event(
        self, fields: Mapping[str, Any], *, received_at: datetime
    ) -> NewEvent | NotUnderstood:
        """Return what it says of a message."""
        word = _text(fields, "event") or _text(fields, "type")
        kind = _KINDS.get(word.lower())
        if kind is None:
            return NotUnderstood(_of_no_message(word))
        facts = _facts(fields)
        said = _date(fields)
        at = instant_of(said, received_at=received_at, zone=self._zone) if said else None
        if said and at is None:
            facts["date_not_believed"] = said[:_SHOWN]
        return NewEvent(
            kind=kind,
            at=received_at if at is None else at,
            recipient=_address(_text(fields, "email") or _text(fields, "recipient")),
            reference=_text(fields, "message_id").strip("<>")[:_LONGEST_ID] or None,
            bounce=bounce_class(facts.get("reason", ""), _text(fields, "bounce_type"))
            if kind is EventKind.BOUNCED
            else None,
            facts=facts,
        )


def _of_no_message(word: str) -> str:
    if not word:
        return remarks.kept(remarks.WITHOUT_KIND)
    return remarks.kept(remarks.OF_NO_MESSAGE, kind=f"`{word[:_SHOWN]}`")


def _json(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("the body begins like JSON and is none") from None


def _form(text: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            text.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:  # UnicodeDecodeError is one
        raise ValueError("the body is neither JSON nor a form") from None
    return {_NESTED_NAME.sub(r"\1", name): value for name, value in pairs}


def _facts(fields: Mapping[str, Any]) -> dict[str, str]:
    facts: dict[str, str] = {}
    for theirs in fields:
        if theirs in _FACTS and (text := _text(fields, theirs)):
            ours, limit = _FACTS[theirs]
            facts.setdefault(ours, text[:limit])
    return facts


def _date(fields: Mapping[str, Any]) -> str:
    return _text(fields, "date") or _text(fields, "timestamp")


def _text(fields: Mapping[str, Any], name: str) -> str:
    """Return the field as one printable line, "" where there is none."""
    value = fields.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return ""
    return (value if value.isprintable() else _UNPRINTABLE.sub(" ", value)).strip()


def _address(text: str) -> str | None:
    """Return the address in lower case, its domain in ASCII; None where it is none."""
    local, _, domain = text.strip("<> ").lower().rpartition("@")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        return None
    is_address = _LOCAL_PART.match(local) and _DOMAIN.match(domain)
    address = f"{local}@{domain}"
    return address if is_address and len(address) <= _LONGEST_ADDRESS else None
