"""Takes messages out of the outbox for good."""

from collections.abc import Sequence
from typing import Any

from terkirim.store.postgres.database import Database
from terkirim.store.queries import Queries

_sql = Queries("terkirim.store.postgres")


async def finish(db: Database, ended: Sequence[Sequence[Any]], *, now: int) -> None:
    """End messages; a row is (id, state, reason, attempts, lease), a longer one names more."""
    await db.many(_sql["finish"], ended, now=now)
    for row in ended:
        db.counts.add(now, "state", row[1])
