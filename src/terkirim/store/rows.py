"""The shapes in which emails travel between records and rows; the same for every database."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from terkirim.domain.email import Address, Attachment, Email, Priority

PRIORITIES = (Priority.HIGH, Priority.NORMAL, Priority.LOW)
PRIORITY_NUMBER = {priority: number for number, priority in enumerate(PRIORITIES)}

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def to_json(value: Any) -> str:
    """Return compact JSON text."""
    return _encoder.encode(value).decode()


def from_json(text: str | bytes) -> Any:
    """Return what the JSON text says."""
    return _decoder.decode(text)


def storable(text: str) -> str:
    """Return a provider's words as every database can keep them: no NUL, no lone surrogate."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def storable_row(row: Iterable[Any]) -> tuple[Any, ...]:
    """Return the row with all of its texts as every database can keep them."""
    return tuple([storable(one) if isinstance(one, str) else one for one in row])


def recipients_json(email: Email) -> str:
    """Return the email's header recipients as JSON: {"to": [[address, name]], ...}."""
    fields = {"to": email.to, "cc": email.cc, "bcc": email.bcc}
    return to_json({name: _pairs(addresses) for name, addresses in fields.items() if addresses})


def extras_json(email: Email) -> str | None:
    """Return the rarely used fields as JSON, None where there are none: most mail has none."""
    extras: dict[str, Any] = {}
    if email.reply_to:
        extras["reply_to"] = _pairs(email.reply_to)
    if email.headers:
        extras["headers"] = email.headers
    if email.tags:
        extras["tags"] = email.tags
    if email.attachments:
        extras["attachments"] = [
            [a.filename, a.content_type, a.sha256, a.size, a.content_id] for a in email.attachments
        ]
    if email.warnings:
        extras["warnings"] = email.warnings
    return to_json(extras) if extras else None


def hidden_row(campaign: str, row: str) -> str:
    """Return what stands in a campaign's row once the person that it named was erased."""
    return "erased:" + hashlib.sha256(f"{campaign}\0{row.lower()}".encode()).hexdigest()


def addresses_of(pairs: Iterable[tuple[str, str]] | None) -> tuple[Address, ...]:
    """Return addresses from their stored pairs."""
    return tuple(Address(email, name) for email, name in pairs or ())


def tuples_of(pairs: Iterable[Iterable[str]] | None) -> tuple[tuple[str, str], ...]:
    """Return header or tag pairs from their stored lists."""
    return tuple((name, value) for name, value in pairs or ())


def attachments_of(extras: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Return the attachments from the stored extras."""
    return tuple(
        Attachment(filename=name, content_type=kind, sha256=sha, size=size, content_id=content_id)
        for name, kind, sha, size, content_id in extras.get("attachments", ())
    )


def _pairs(addresses: Iterable[Address]) -> list[tuple[str, str]]:
    return [(address.email, address.name) for address in addresses]
