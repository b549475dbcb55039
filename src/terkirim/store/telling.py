"""What the customer's app is to be told of, as rows; the same for every database."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from terkirim.domain.email import Email
from terkirim.domain.suppression import ORIGIN_OF, Suppression
from terkirim.domain.webhook import WebhookType
from terkirim.store.rows import to_json
from terkirim.store.times import micros


def scheduled_rows(emails: Iterable[Email], suppressed: Iterable[str] = ()) -> list[Any]:
    """Return what is told of emails that are to be sent later: rows of `tell`."""
    not_sent = set(suppressed)
    return [
        _scheduled(message.id, email.scheduled_at, email.created_at)
        for email in emails
        if email.scheduled_at is not None and email.scheduled_at > email.created_at
        for message in email.messages
        if message.id not in not_sent
    ]


def moved_rows(ids: Iterable[str], *, at: datetime, now: datetime) -> list[Any]:
    """Return what is told of messages that were moved: nothing, where they are due at once."""
    return [_scheduled(id_, at, now) for id_ in ids] if at > now else []


def suppression_rows(entries: Iterable[Suppression], type_: WebhookType, at: int) -> list[Any]:
    """Return what is told of entries that were added or removed: rows of `tell`."""
    return [
        (
            type_,
            at,
            None,
            to_json(
                {
                    "id": one.id,
                    "email": one.address,
                    "origin": ORIGIN_OF[one.why],
                    "source_id": one.source_id,
                    "created_at": one.created_at.isoformat(),
                    "stream": one.stream or "all",
                    "reason": one.why,
                }
            ),
        )
        for one in entries
    ]


def _scheduled(message_id: str, at: datetime, said_at: datetime) -> tuple[Any, ...]:
    facts = to_json({"scheduled_at": at.isoformat()})
    return WebhookType.SCHEDULED, micros(said_at), message_id, facts
