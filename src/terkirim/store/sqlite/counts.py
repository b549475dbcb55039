"""Adds to the rollups; of tags and senders a bounded number a day has counts of its own."""

from itertools import groupby

import apsw

from terkirim.store.counting import KEYS_A_DAY, BoundedKey, Counts, Rollups
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json

_sql = Queries("terkirim.store.sqlite", "tracking.sql")
_main = Queries("terkirim.store.sqlite")


def write_counts(db: apsw.Connection, rollups: Rollups, counts: Counts) -> None:
    """Add what a transaction has counted."""
    keys = rollups.unknown(counts.bounded_keys(rollups.zone))
    if keys:
        rollups.learn(keys, refused=_refused(db, keys))
    adding = {"rows": to_json(counts.rows(rollups)), "node": rollups.place}
    db.execute(_main["count_up"], adding)


def _refused(db: apsw.Connection, keys: list[BoundedKey]) -> set[BoundedKey]:
    """Return the keys for which their day has no room left; enter the others."""
    (found,) = next(db.execute(_sql["counted_keys"], {"rows": to_json(keys)}))
    known = {(day, kind, name) for day, kind, name in from_json(found)}
    new = [key for key in keys if key not in known]
    refused: set[BoundedKey] = set()
    for (day, kind), own in groupby(new, key=lambda key: key[:2]):
        (taken,) = next(db.execute(_sql["keys_of_day"], {"day": day, "kind": kind}))
        refused.update(list(own)[max(KEYS_A_DAY - taken, 0) :])
    entered = [key for key in new if key not in refused]
    if entered:
        db.execute(_sql["add_counted_keys"], {"rows": to_json(entered)})
    return refused
