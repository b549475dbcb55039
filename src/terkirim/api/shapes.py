"""How emails, messages and attempts look in answers: Resend's fields, and ours beside them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from terkirim.domain.email import Address, Email
from terkirim.domain.message import State
from terkirim.domain.record import EmailRow, MessageRow, Story
from terkirim.tracking.engagement import engagement

_WORST_FIRST = (
    "complained", "bounced", "failed", "suppressed", "canceled", "delivery_delayed", "queued",
    "scheduled", "sent", "delivered", "opened", "clicked",
)  # fmt: skip


def email_shape(email: EmailRow, now: datetime, *, is_listed: bool = False) -> dict[str, Any]:
    """Return an email as `GET /v1/emails/{id}` (or, listed, as `GET /v1/emails`) answers it."""
    shape: dict[str, Any] = {
        "id": email.id,
        "message_id": email.id,
        "from": str(email.sender),
        "to": _texts(email.to),
        "cc": _texts(email.cc) or None,
        "bcc": _texts(email.bcc) or None,
        "reply_to": _texts(email.reply_to) or None,
        "subject": email.subject,
        "created_at": email.created_at.isoformat(),
        "scheduled_at": _time(email.scheduled_at),
        "last_event": last_event(email.messages, now),
    }
    if is_listed:
        return shape
    content = email.content
    return {
        "object": "email",
        **shape,
        "html": None if content is None else content.html,
        "text": None if content is None else content.text,
        "tags": [{"name": name, "value": value} for name, value in email.tags],
        "priority": email.priority,
        "stream": email.stream,
        "if_unclear": email.if_unclear,
        "route": email.route,
        "expires_at": _time(email.expires_at),
        "warnings": email.warnings,
        "sandbox": any(message.is_sandbox for message in email.messages),
        "recipients": [message_shape(message, now) for message in email.messages],
    }


def message_shape(message: MessageRow, now: datetime) -> dict[str, Any]:
    """Return one message as it stands."""
    return {
        "id": message.id,
        "email_id": message.email_id,
        "recipient": message.recipient,
        "kind": message.kind,
        "state": message.state,
        "last_event": last_event_of(message, now),
        "attempts": message.attempts,
        "due_at": _time(message.due_at),
        "provider": message.provider,
        "provider_ref": message.provider_ref,
        "reason": message.reason or None,
        "sandbox": message.is_sandbox,
        "accepted_at": _time(message.accepted_at),
        "finished_at": _time(message.finished_at),
    }


def story_shape(story: Story, now: datetime) -> dict[str, Any]:
    """Return one message with its attempts and events."""
    return {
        **message_shape(story.message, now),
        "subject": story.email.subject,
        "attempts_made": [
            {
                "number": attempt.number,
                "provider": attempt.provider,
                "started_at": attempt.started_at.isoformat(),
                "duration_ms": round(attempt.duration_us / 1_000, 1),
                "outcome": attempt.outcome,
                "code": attempt.code,
                "reason": attempt.reason or None,
                "answer": attempt.answer,
                "note": attempt.note or None,
            }
            for attempt in story.attempts
        ],
        "events": [
            {"id": event.id, "type": event.kind, "at": event.at.isoformat(), **event.facts}
            for event in story.events
        ],
        "engagement": _engagement_shape(story),
    }


def _engagement_shape(story: Story) -> dict[str, Any]:
    found = engagement(story.events)
    return {
        "opens": found.opens,
        "first_open_at": _time(found.first_open_at),
        "last_open_at": _time(found.last_open_at),
        "scanner_opens": found.scanner_opens,
        "clicks": [
            {
                "link": one.link,
                "count": one.count,
                "first_at": one.first_at.isoformat(),
                "last_at": one.last_at.isoformat(),
            }
            for one in found.clicks
        ],
    }


def answer_with_suppressed(text: str, emails: Sequence[Email], suppressed: frozenset[str]) -> str:
    """Return the answer to a submission; recipients that are suppressed are named beside the id."""
    answer = msgspec.json.decode(text)
    for email, row in zip(emails, answer.get("data", [answer]), strict=True):
        own = [one.recipient for one in email.messages if one.id in suppressed]
        if own:
            row["suppressed"] = own
    return msgspec.json.encode(answer).decode()


def last_event(messages: Sequence[MessageRow], now: datetime) -> str:
    """Return the worst of the recipients' events."""
    return min(
        (last_event_of(message, now) for message in messages),
        key=_WORST_FIRST.index,
        default="queued",
    )


def last_event_of(  # noqa: PLR0911 - one line for each state
    message: MessageRow, now: datetime
) -> str:
    """Return Resend's word for where a message stands."""
    match message.state:
        case State.QUEUED | State.LEASED | State.UNCLEAR | State.HELD:
            if message.attempts:
                return "delivery_delayed" if message.state is State.QUEUED else "queued"
            is_later = message.due_at is not None and message.due_at > now
            return "scheduled" if is_later and message.state is State.QUEUED else "queued"
        case State.DEAD:
            return "failed"
        case State.CANCELLED:
            return "canceled"
        case State.ACCEPTED:
            return "sent"
        case State.DELIVERED:
            seen = "clicked" if message.clicked_at else "opened"
            return seen if message.clicked_at or message.opened_at else "delivered"
        case State.BOUNCED | State.COMPLAINED | State.SUPPRESSED:
            return message.state.value


def _texts(addresses: Sequence[Address]) -> list[str]:
    return [str(address) for address in addresses]


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
