"""Takes messages out of the outbox for good."""

from collections.abc import Sequence
from typing import Any

from terkirim.store.postgres.database import Database
from terkirim.store.queries import Queries

_sql = Queries("terkirim.store.postgres")


async def finish(db: Database, ended: Sequence[Sequence[Any]], *, now: int) -> None:
    """End messages; a row is (id, state, reason, attempts, lease), a longer one names more."""
    await db.many(_sql["finish"], ended, now=now)
    _count(db, ended, now)


async def finish_untold(
    db: Database, ended: Sequence[Sequence[Any]], *, now: int
) -> dict[str, str]:
    """End messages that have left the outbox; return the evidence of those that have some.

    These are left as they are. Rows are as for `finish`, but whole.
    """
    told: dict[str, str] = {}
    if await db.count(_sql["end_messages"], ended, now=now) < len(ended):
        told = dict(await db.rows(_sql["told"], id=[row[0] for row in ended]))
    _count(db, [row for row in ended if row[0] not in told], now)
    return told


def _count(db: Database, ended: Sequence[Sequence[Any]], now: int) -> None:
    for row in ended:
        db.counts.add(now, "state", row[1])
