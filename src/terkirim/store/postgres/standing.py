"""How messages stand in PostgreSQL, as events and people find them."""

from collections.abc import Iterable
from typing import Any

from terkirim.store import hearing
from terkirim.store.hearing import Known
from terkirim.store.postgres.database import Database
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json

_sql = Queries("terkirim.store.postgres", "tracking.sql")


async def standings(db: Database, ids: Iterable[str]) -> dict[str, Known]:
    """Return how these messages stand, by id; the caller has locked them."""
    rows = await db.rows(_sql["standings"], id=list(ids))
    return {row[0]: hearing.known_of([*row[:15], _tags_of(row[15]), row[16]]) for row in rows}


async def count_proved(db: Database, ids: list[str], *, at: int) -> None:
    """Count messages as accepted that no answer said so of, before they leave the outbox."""
    if ids:
        hearing.count_proved(db.counts, (await standings(db, ids)).values(), at=at)


def _tags_of(extras: str | None) -> Any:
    return None if extras is None else from_json(extras).get("tags")
