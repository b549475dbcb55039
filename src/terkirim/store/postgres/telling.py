"""Writes down what the customer's app is to be told of, in the transaction in which it happens."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from terkirim.domain.email import Email, NewMessage
from terkirim.domain.suppression import Suppression
from terkirim.domain.webhook import WebhookType
from terkirim.store.postgres.database import Database
from terkirim.store.queries import Queries
from terkirim.store.rows import storable_row, to_json
from terkirim.store.telling import moved_rows, scheduled_rows, suppression_rows

_sql = Queries("terkirim.store.postgres", "webhooks.sql")


async def tell_accepted(
    db: Database,
    messages: Sequence[tuple[Email, NewMessage]],
    *,
    new: Collection[str],
    refused: Mapping[str, str],
    now: int,
) -> None:
    """Tell of emails that are to be sent later, and of messages that were suppressed at birth."""
    emails = {email.id: email for email, one in messages if one.id in new}
    scheduled = scheduled_rows(emails.values(), refused)
    suppressed = [
        (WebhookType.SUPPRESSED, now, id_, to_json({"reason": reason}))
        for id_, reason in refused.items()
        if id_ in new
    ]
    await db.many(_sql["tell"], [*scheduled, *suppressed])


async def tell_restated(db: Database, rows: Sequence[tuple[str, str]], *, now: int) -> None:
    """Tell of messages whose first attempt stayed unclear; rows of `restate`."""
    await db.many(_sql["tell_restated"], rows, now=now)


async def tell_moved(db: Database, ids: Iterable[str], *, at: datetime, now: datetime) -> None:
    """Tell of messages that are to be sent at another time than was said before."""
    await db.many(_sql["tell"], moved_rows(ids, at=at, now=now))


async def tell_suppressions(
    db: Database, entries: Iterable[Suppression], type_: WebhookType, *, at: int
) -> None:
    """Tell of entries that were added to the list, or removed from it."""
    rows = [storable_row(row) for row in suppression_rows(entries, type_, at)]
    await db.many(_sql["tell"], rows)
