"""Statistics out of SQLite: sums over the rollups."""

from datetime import datetime

from terkirim.ports.statistics import Ask, Named, Sums
from terkirim.store import sums
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.sqlite.store import SqliteStore

_sql = Queries("terkirim.store.sqlite", "statistics.sql")


class SqliteStatistics:
    """`ports.statistics.Statistics` over a store's reader for what may take long."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def sums(self, ask: Ask) -> list[tuple[str, str, int]]:
        bound = sums.bound(ask)
        bound["kinds"] = to_json(bound["kinds"])
        return await self._store.search(
            lambda db: [sums.summed(row) for row in db.execute(_sql["sums"], bound)]
        )

    async def series(self, ask: Ask) -> list[Sums]:
        bound = sums.bound(ask)
        bound["kinds"] = to_json(bound["kinds"])
        rows = await self._store.search(lambda db: list(db.execute(_sql["series"], bound)))
        return [
            sums.placed((hour, kind, from_json(keys), from_json(counts)))
            for hour, kind, keys, counts in rows
        ]

    async def ranked(
        self, kind: str, *, since: datetime, until: datetime, limit: int
    ) -> list[Named]:
        zone = self._store.counting.zone
        bound = {"most": limit, **sums.stretches(kind, since, until, zone)}
        return await self._store.search(
            lambda db: [sums.named(row) for row in db.execute(_sql["ranked"], bound)]
        )
