"""What went wrong, as SQLite keeps it: messages that stopped, and a provider's last answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from terkirim.domain.lease import Attempt
from terkirim.domain.message import State
from terkirim.ports.search import Stopped
from terkirim.store.queries import Queries
from terkirim.store.records import attempt_of
from terkirim.store.rows import from_json, to_json
from terkirim.store.searching import ATTEMPTS_LOOKED_AT, LAST, hours_between, stopped_of
from terkirim.store.sqlite.store import SqliteStore

_sql = Queries("terkirim.store.sqlite", "search.sql")


class SqliteInsight:
    """`ports.search.Insight` over a store's connections."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def stopped(self, *, limit: int, older_than: str | None = None) -> list[Stopped]:
        bound = {"high": older_than or LAST, "most": limit}
        return await self._store.search(
            lambda db: [stopped_of(row) for row in db.execute(_sql["stopped"], bound)]
        )

    async def count_stopped(self) -> dict[State, int]:
        return await self._store.search(
            lambda db: {State(name): count for name, count in db.execute(_sql["count_stopped"])}
        )

    async def variables(self, message_id: str) -> Mapping[str, Any] | None:
        found = await self._store.read(
            lambda db: [text for (text,) in db.execute(_sql["variables"], {"id": message_id})]
        )
        return from_json(found[0]) if found else None

    async def sums(
        self, kinds: Sequence[str], *, since: datetime, until: datetime
    ) -> list[tuple[str, str, int]]:
        bound = {"kinds": to_json(list(kinds)), **hours_between(since, until)}
        return await self._store.search(lambda db: list(db.execute(_sql["sums"], bound)))

    async def series(
        self, kinds: Sequence[str], *, since: datetime, until: datetime, each: int
    ) -> list[tuple[int, str, str, int]]:
        bound = {"kinds": to_json(list(kinds)), "each": each, **hours_between(since, until)}
        return await self._store.search(lambda db: list(db.execute(_sql["series"], bound)))

    async def last_attempts(self, provider: str, *, limit: int) -> list[Attempt]:
        bound = {"provider": provider, "most": limit, "looked": ATTEMPTS_LOOKED_AT}
        return await self._store.search(
            lambda db: [attempt_of(row) for row in db.execute(_sql["last_attempts"], bound)]
        )
