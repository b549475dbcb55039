"""What went wrong, as PostgreSQL keeps it: messages that stopped, and a provider's last answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from terkirim.domain.lease import Attempt
from terkirim.domain.message import State
from terkirim.ports.search import Stopped
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.store import PostgresStore
from terkirim.store.queries import Queries
from terkirim.store.records import attempt_of
from terkirim.store.rows import from_json, storable
from terkirim.store.searching import ATTEMPTS_LOOKED_AT, LAST, hours_between, stopped_of

_sql = Queries("terkirim.store.postgres", "search.sql")


class PostgresInsight:
    """`ports.search.Insight` over a store's connections."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def stopped(self, *, limit: int, older_than: str | None = None) -> list[Stopped]:
        rows = await self._asked("stopped", high=storable(older_than or LAST), most=limit)
        return [stopped_of(row) for row in rows]

    async def count_stopped(self) -> dict[State, int]:
        return {State(name): count for name, count in await self._asked("count_stopped")}

    async def variables(self, message_id: str) -> Mapping[str, Any] | None:
        found = await self._store.read(lambda db: db.one(_sql["variables"], id=message_id))
        return None if found is None else from_json(found[0])

    async def sums(
        self, kinds: Sequence[str], *, since: datetime, until: datetime
    ) -> list[tuple[str, str, int]]:
        bound = hours_between(since, until)
        return [tuple(row) for row in await self._asked("sums", kinds=list(kinds), **bound)]

    async def series(
        self, kinds: Sequence[str], *, since: datetime, until: datetime, each: int
    ) -> list[tuple[int, str, str, int]]:
        bound = {"each": each, **hours_between(since, until)}
        return [tuple(row) for row in await self._asked("series", kinds=list(kinds), **bound)]

    async def last_attempts(self, provider: str, *, limit: int) -> list[Attempt]:
        bound = {"provider": provider, "most": limit, "looked": ATTEMPTS_LOOKED_AT}
        return [attempt_of(row) for row in await self._asked("last_attempts", **bound)]

    async def _asked(self, statement: str, **bound: Any) -> list[Any]:
        async def asking(db: Database) -> list[Any]:
            await db.rows(_sql["by_index"])
            return await db.rows(_sql[statement], **bound)

        return await self._store.search(asking)
