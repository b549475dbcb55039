"""What went wrong, as SQLite keeps it: messages that stopped, and a provider's last answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import apsw

from terkirim.domain.lease import Attempt
from terkirim.domain.message import State
from terkirim.ports.search import Stopped
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.times import HOUR_US, instant, micros

LOOKED_AT = 2_000  # attempts, of all providers
_LAST = "g"  # no id sorts behind it
_sql = Queries("terkirim.store.sqlite", "search.sql")


class SqliteInsight:
    """`ports.search.Insight` over a store's connections."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def stopped(self, *, limit: int, older_than: str | None = None) -> list[Stopped]:
        bound = {"high": older_than or _LAST, "most": limit}
        return await self._store.search(partial(_stopped, bound=bound))

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
        bound = {
            "kinds": to_json(list(kinds)),
            "since": micros(since) // HOUR_US,
            "until": -(-micros(until) // HOUR_US),  # the hour that has begun counts
        }
        return await self._store.search(lambda db: list(db.execute(_sql["sums"], bound)))

    async def series(
        self, kinds: Sequence[str], *, since: datetime, until: datetime, each: int
    ) -> list[tuple[int, str, str, int]]:
        bound = {
            "kinds": to_json(list(kinds)),
            "since": micros(since) // HOUR_US,
            "until": -(-micros(until) // HOUR_US),
            "each": each,
        }
        return await self._store.search(lambda db: list(db.execute(_sql["series"], bound)))

    async def last_attempts(self, provider: str, *, limit: int) -> list[Attempt]:
        bound = {"provider": provider, "most": limit, "looked": LOOKED_AT}
        return await self._store.search(partial(_attempts, bound=bound))


def _stopped(db: apsw.Connection, *, bound: dict[str, Any]) -> list[Stopped]:
    return [
        Stopped(
            id=id_,
            recipient=recipient,
            state=State(state),
            reason=reason,
            created_at=instant(created_at),
            provider=provider,
            is_kept=bool(is_kept),
        )
        for id_, recipient, state, reason, created_at, provider, is_kept in db.execute(
            _sql["stopped"], bound
        )
    ]


def _attempts(db: apsw.Connection, *, bound: dict[str, Any]) -> list[Attempt]:
    return [
        Attempt(
            message_id=row[0],
            number=row[1],
            lease=row[2],
            provider=row[3],
            started_at=instant(row[4]),
            duration_us=row[5],
            outcome=row[6],
            code=row[7],
            reason=row[8],
            answer=row[9],
            note=row[10],
        )
        for row in db.execute(_sql["last_attempts"], bound)
    ]
