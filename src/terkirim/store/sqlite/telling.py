"""Writes down what the customer's app is to be told of, in the transaction in which it happens."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import apsw

from terkirim.domain.email import Email
from terkirim.domain.suppression import Suppression
from terkirim.domain.webhook import WebhookType
from terkirim.store.queries import Queries
from terkirim.store.rows import to_json
from terkirim.store.telling import moved_rows, scheduled_rows, suppression_rows

_sql = Queries("terkirim.store.sqlite", "webhooks.sql")


def tell_ended(db: apsw.Connection, rows: str, *, now: int) -> None:
    """Tell of messages that were sent, died or were suppressed; rows of `finish_messages`."""
    db.execute(_sql["tell_ended"], {"rows": rows, "now": now})


def tell_delayed(db: apsw.Connection, rows: str, *, now: int) -> None:
    """Tell of messages whose first attempt left them in the queue; rows of `move`."""
    db.execute(_sql["tell_delayed"], {"rows": rows, "now": now})


def tell_restated(db: apsw.Connection, rows: str, *, now: int) -> None:
    """Tell of messages whose first attempt stayed unclear; rows of `restate`."""
    db.execute(_sql["tell_restated"], {"rows": rows, "now": now})


def tell_scheduled(
    db: apsw.Connection, emails: Iterable[Email], *, suppressed: Iterable[str]
) -> None:
    """Tell of emails that are to be sent later."""
    _tell(db, scheduled_rows(emails, suppressed))


def tell_moved(db: apsw.Connection, ids: Iterable[str], *, at: datetime, now: datetime) -> None:
    """Tell of messages that are to be sent at another time than was said before."""
    _tell(db, moved_rows(ids, at=at, now=now))


def tell_suppressions(
    db: apsw.Connection, entries: Iterable[Suppression], type_: WebhookType, *, at: int
) -> None:
    """Tell of entries that were added to the list, or removed from it."""
    _tell(db, suppression_rows(entries, type_, at))


def _tell(db: apsw.Connection, rows: Sequence[Any]) -> None:
    if rows:
        db.execute(_sql["tell"], {"rows": to_json(rows)})
