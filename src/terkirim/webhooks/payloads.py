"""What an app is told, as bytes: Resend's fields, and ours beside them. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from terkirim.domain.event import BounceClass
from terkirim.domain.webhook import TEST, Happening, Payload, Subject, WebhookType

_BOUNCES: Mapping[str, tuple[str, str]] = {
    BounceClass.PERMANENT: ("Permanent", "General"),
    BounceClass.TRANSIENT: ("Transient", "General"),
    BounceClass.BLOCKED: ("Transient", "Blocked"),
}
_UNDETERMINED = ("Undetermined", "Undetermined")


def payload_of(happening: Happening, *, id_: str) -> Payload:
    """Return what is told of something that has happened."""
    about = happening.about
    data = dict(happening.facts) if about is None else _of_message(happening, about)
    return Payload(
        id=id_,
        type=happening.type.value,
        at=happening.at,
        message_id=None if about is None else about.message_id,
        body=_body(happening.type, happening.at, data),
    )


def trial_payload(endpoint_id: str, *, id_: str, now: datetime) -> Payload:
    """Return what is told to try an endpoint."""
    data = {"webhook_id": endpoint_id, "message": "A person asked for this test."}
    return Payload(id=id_, type=TEST, at=now, message_id=None, body=_body(TEST, now, data))


def _body(type_: str, at: datetime, data: Mapping[str, Any]) -> str:
    whole = {"type": type_, "created_at": at.isoformat(), "data": data}
    return msgspec.json.encode(whole).decode()


def _of_message(happening: Happening, about: Subject) -> dict[str, Any]:
    data: dict[str, Any] = {
        "email_id": about.email_id,
        "message_id": about.message_id,
        "created_at": about.created_at.isoformat(),
        "from": about.sender,
        "to": about.to,
        "recipient": about.recipient,
        "subject": about.subject,
        "tags": dict(about.tags),
        **_more(happening),
    }
    if about.campaign is not None:
        data |= {"campaign": about.campaign, "row": about.row}
    if happening.is_sandbox:
        data["sandbox"] = True
    return data


def _more(  # noqa: PLR0911 - one line for each type
    happening: Happening,
) -> dict[str, Any]:
    """Return what only this type has."""
    facts, at = happening.facts, happening.at.isoformat()
    reason = str(facts.get("reason", ""))
    match happening.type:
        case WebhookType.BOUNCED:
            type_, sub_type = _BOUNCES.get(facts.get("bounce", ""), _UNDETERMINED)
            return {"bounce": {"message": reason, "type": type_, "subType": sub_type}}
        case WebhookType.CLICKED:
            return {"click": {"link": facts.get("link", ""), **_reader(facts, at)}}
        case WebhookType.OPENED:
            return {"open": _reader(facts, at)}
        case WebhookType.FAILED:
            return {"failed": {"reason": reason}}
        case WebhookType.SUPPRESSED:
            return {"suppressed": {"message": _suppressed(reason), "type": reason}}
        case WebhookType.DELIVERY_DELAYED:
            return {"delayed": {"reason": reason}}
        case WebhookType.SCHEDULED:
            return {"scheduled_at": facts.get("scheduled_at")}
        case _:
            return {}


def _reader(facts: Mapping[str, Any], at: str) -> dict[str, Any]:
    return {
        "ipAddress": facts.get("ip", ""),
        "userAgent": facts.get("user_agent", ""),
        "timestamp": at,
    }


def _suppressed(reason: str) -> str:
    return f"the address is on the suppression list: {reason}"
