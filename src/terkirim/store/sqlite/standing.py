"""How messages stand in SQLite, as events and people find them."""

from collections.abc import Iterable

import apsw

from terkirim.store import hearing
from terkirim.store.counting import Counts, Rollups
from terkirim.store.hearing import Known
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.sqlite.counts import write_counts

_sql = Queries("terkirim.store.sqlite", "tracking.sql")


def standings(db: apsw.Connection, ids: Iterable[str]) -> dict[str, Known]:
    """Return how these messages stand, by id."""
    (found,) = next(db.execute(_sql["standings"], {"ids": to_json(list(ids))}))
    return {row[0]: hearing.known_of(row) for row in from_json(found)}


def count_proved(db: apsw.Connection, rollups: Rollups, ids: list[str], *, at: int) -> None:
    """Count messages as accepted that no answer said so of, before they leave the outbox."""
    if not ids:
        return
    counts = Counts()
    hearing.count_proved(counts, standings(db, ids).values(), at=at)
    write_counts(db, rollups, counts)
