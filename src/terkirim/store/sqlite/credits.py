"""Readings of balances, and what our own counts say beside them, in SQLite."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import apsw

from terkirim.domain.alert import Activity
from terkirim.domain.credit import Reading, Source, Spent, Waiting
from terkirim.ports.credits import LastReadings
from terkirim.store.queries import Queries
from terkirim.store.rows import PRIORITY_NUMBER, to_json
from terkirim.store.sqlite.people import keep_activity
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.times import HOUR_US, instant, micros, span_us
from terkirim.store.watching import (
    END_OF_TIME,
    HEARD_KEPT,
    reading_of,
    reading_row,
    spent_bound,
    waiting_of,
)

_sql = Queries("terkirim.store.sqlite", "credits.sql")
Allow = Callable[[Sequence[Spent], int], int | None]


class SqliteCreditBook:
    """The credit book over a store's connections."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def keep_reading(self, reading: Reading, activity: Activity | None = None) -> Reading:
        return await self._store.write_alone(partial(_keep, reading=reading, activity=activity))

    async def last_readings(self, provider: str, *, checks: int) -> LastReadings:
        return await self._store.read(partial(_last, provider=provider, checks=checks))

    async def readings(self, provider: str, *, since: datetime, limit: int) -> list[Reading]:
        bound = {"provider": provider, "since": micros(since), "most": limit}
        return await self._store.read(
            lambda db: [reading_of(row) for row in db.execute(_sql["readings"], bound)]
        )

    async def balances(
        self, provider: str, *, since: datetime, each: timedelta
    ) -> list[tuple[datetime, int]]:
        bound = {"provider": provider, "since": micros(since), "each": span_us(each)}
        return await self._store.read(
            lambda db: [(instant(at), left) for at, left in db.execute(_sql["balances"], bound)]
        )

    async def reading_counts(
        self, provider: str, *, since: datetime
    ) -> tuple[int, float | None, int | None]:
        bound = {"provider": provider, "since": micros(since)}
        return await self._store.read(lambda db: next(db.execute(_sql["reading_counts"], bound)))

    async def spent(self, provider: str, *, since: datetime, until: datetime) -> list[Spent]:
        first, last = micros(since) // HOUR_US, micros(until) // HOUR_US
        return await self._store.read(partial(_spent, provider=provider, since=first, until=last))

    async def waiting(
        self, provider: str, *, routes: Mapping[str, Sequence[str]], now: datetime
    ) -> Waiting:
        lanes = [
            (route, position, priority)
            for route, providers in routes.items()
            for position in range(len(providers))
            for priority in PRIORITY_NUMBER.values()
        ]
        bound = {"lanes": to_json(lanes), "now": micros(now)}
        found = await self._store.read(lambda db: list(db.execute(_sql["waiting"], bound)))
        return waiting_of(provider, routes, found)

    async def stored_rows(self, campaign: str) -> int:
        bound = {"campaign": campaign}
        (count,) = await self._store.read(lambda db: next(db.execute(_sql["stored_rows"], bound)))
        return int(count)

    async def renew_allowance(self, reading: Reading, *, allow: Allow) -> int | None:
        return await self._store.write_alone(partial(_renew, reading=reading, allow=allow))

    async def allowance(self, provider: str) -> int | None:
        return await self._store.read(partial(_allowance, provider=provider))


def _keep(db: apsw.Connection, *, reading: Reading, activity: Activity | None) -> Reading:
    hour = micros(reading.at) // HOUR_US
    counted = _spent(db, provider=reading.provider, since=hour, until=hour)
    kept = replace(
        reading,
        sent_before=sum(one.sent for one in counted),
        bounced_before=sum(one.bounced for one in counted),
    )
    db.execute(_sql["keep_reading"], reading_row(kept))
    if reading.source is Source.SEND:
        before = micros(reading.at - HEARD_KEPT)
        db.execute(_sql["drop_heard"], {"provider": reading.provider, "before": before})
    if activity is not None:
        keep_activity(db, activity)
    return kept


def _last(db: apsw.Connection, *, provider: str, checks: int) -> LastReadings:
    known = db.execute(_sql["last_known"], {"provider": provider})
    last = db.execute(_sql["last_checks"], {"provider": provider, "most": checks})
    return LastReadings(
        known=next((reading_of(row) for row in known), None),
        checks=tuple(reading_of(row) for row in last),
    )


def _spent(db: apsw.Connection, *, provider: str, since: int, until: int) -> list[Spent]:
    bound = spent_bound(provider, since=since, until=until)
    return [Spent(*row) for row in db.execute(_sql["spent"], bound)]


def _renew(db: apsw.Connection, *, reading: Reading, allow: Allow) -> int | None:
    since = micros(reading.at) // HOUR_US
    counted = _spent(db, provider=reading.provider, since=since, until=END_OF_TIME)
    provider = {"provider": reading.provider}
    (in_air,) = next(db.execute(_sql["in_air"], provider))
    left = allow(counted, in_air)
    if left is None:
        db.execute(_sql["drop_allowance"], provider)
    else:
        db.execute(_sql["set_allowance"], provider | {"rest": left})
    return left


def _allowance(db: apsw.Connection, *, provider: str) -> int | None:
    found = db.execute(_sql["allowance"], {"provider": provider})
    return next((int(left) for (left,) in found), None)
