"""Statistics out of PostgreSQL: sums over the rollups."""

from datetime import datetime

from terkirim.ports.statistics import Ask, Named, Sums
from terkirim.store import sums
from terkirim.store.postgres.store import PostgresStore
from terkirim.store.queries import Queries

_sql = Queries("terkirim.store.postgres", "statistics.sql")


class PostgresStatistics:
    """`ports.statistics.Statistics` over a store's connections."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def sums(self, ask: Ask) -> list[tuple[str, str, int]]:
        rows = await self._store.search(lambda db: db.rows(_sql["sums"], **sums.bound(ask)))
        return [sums.summed(row) for row in rows]

    async def series(self, ask: Ask) -> list[Sums]:
        rows = await self._store.search(lambda db: db.rows(_sql["series"], **sums.bound(ask)))
        return [sums.placed(row) for row in rows]

    async def ranked(
        self, kind: str, *, since: datetime, until: datetime, limit: int
    ) -> list[Named]:
        zone = self._store.zone
        bound = {"most": limit, **sums.stretches(kind, since, until, zone)}
        rows = await self._store.search(lambda db: db.rows(_sql["ranked"], **bound))
        return [sums.named(row) for row in rows]
