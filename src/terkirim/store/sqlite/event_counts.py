"""Adds events to the rollups; of tags and senders a bounded number a day has counts of its own."""

from collections.abc import Sequence

import apsw

from terkirim.store.counting import Counts
from terkirim.store.hearing import KEYS_A_DAY, OTHERS, Count, counted_key
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json

BOUNDED = frozenset({"event_sender", "event_tag"})
Key = tuple[int, str, str]  # day, kind, tag or sender

_sql = Queries("terkirim.store.sqlite", "tracking.sql")
_main = Queries("terkirim.store.sqlite")


def count_events(db: apsw.Connection, node: str, counts: Sequence[Count]) -> None:
    """Add to the counts of the hours in which the events happened."""
    if not counts:
        return
    refused = _refused(db, {counted_key(one) for one in counts if one[1] in BOUNDED})
    adding = Counts()
    for one in counts:
        at, kind, key, count = one
        if kind in BOUNDED and counted_key(one) in refused:
            key = f"{key.partition(':')[0]}:{OTHERS}"
        adding.add(at, kind, key, count)
    db.execute(_main["count_up"], {"rows": to_json(adding.rows()), "node": node})


def _refused(db: apsw.Connection, keys: set[Key]) -> set[Key]:
    """Return the keys for which their day has no room left; enter the others."""
    if not keys:
        return set()
    (found,) = next(db.execute(_sql["counted_keys"], {"rows": to_json(sorted(keys))}))
    new = keys - {(day, kind, key) for day, kind, key in from_json(found)}
    refused: set[Key] = set()
    for day, kind in sorted({(day, kind) for day, kind, _ in new}):
        (taken,) = next(db.execute(_sql["keys_of_day"], {"day": day, "kind": kind}))
        own = sorted(one for one in new if one[:2] == (day, kind))
        refused.update(own[max(KEYS_A_DAY - taken, 0) :])
    db.execute(_sql["add_counted_keys"], {"rows": to_json(sorted(new - refused))})
    return refused
