"""What the customer's app is to be told of, as rows; the same for every database."""

from collections.abc import Iterable
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
        (
            WebhookType.SCHEDULED,
            micros(email.created_at),
            message.id,
            to_json({"scheduled_at": email.scheduled_at.isoformat()}),
        )
        for email in emails
        if email.scheduled_at is not None and email.scheduled_at > email.created_at
        for message in email.messages
        if message.id not in not_sent
    ]


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
