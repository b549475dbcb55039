"""Adds events to the rollups; of tags and senders a bounded number a day has counts of its own."""

from itertools import groupby

from terkirim.store.hearing import KEYS_A_DAY, BoundedKey, EventCounts
from terkirim.store.postgres.database import Database
from terkirim.store.queries import Queries
from terkirim.store.times import HOUR_US

_sql = Queries("terkirim.store.postgres", "tracking.sql")


async def count_events(db: Database, counts: EventCounts) -> None:
    """Add to the counts of the hours in which the events happened; the log is locked."""
    for hour, kind, key, count in counts.rows(await _refused(db, counts.bounded_keys())):
        db.counts.add(hour * HOUR_US, kind, key, count)


async def _refused(db: Database, keys: list[BoundedKey]) -> set[BoundedKey]:
    """Return the keys for which their day has no room left; enter the others."""
    known = {tuple(row) for row in await db.many(_sql["counted_keys"], keys)}
    new = [key for key in keys if key not in known]
    refused: set[BoundedKey] = set()
    for (day, kind), own in groupby(new, key=lambda key: key[:2]):
        (taken,) = await db.one(_sql["keys_of_day"], day=day, kind=kind)
        refused.update(list(own)[max(KEYS_A_DAY - taken, 0) :])
    await db.many(_sql["add_counted_keys"], [key for key in new if key not in refused])
    return refused
