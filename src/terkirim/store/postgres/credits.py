"""Readings of balances, and what our own counts say beside them, in PostgreSQL."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from terkirim.domain.alert import Activity
from terkirim.domain.credit import Reading, Source, Spent, Waiting
from terkirim.ports.credits import LastReadings
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.people import keep_activity
from terkirim.store.postgres.store import PostgresStore
from terkirim.store.queries import Queries
from terkirim.store.times import HOUR_US, instant, micros, span_us
from terkirim.store.watching import (
    END_OF_TIME,
    HEARD_KEPT,
    reading_of,
    reading_row,
    spent_bound,
    waiting_of,
)

_sql = Queries("terkirim.store.postgres", "credits.sql")
Allow = Callable[[Sequence[Spent], int], int | None]


class PostgresCreditBook:
    """The credit book over a store's connections."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def keep_reading(self, reading: Reading, activity: Activity | None = None) -> Reading:
        return await self._store.write_alone(partial(_keep, reading=reading, activity=activity))

    async def last_readings(self, provider: str, *, checks: int) -> LastReadings:
        return await self._store.read(partial(_last, provider=provider, checks=checks))

    async def readings(self, provider: str, *, since: datetime, limit: int) -> list[Reading]:
        return await self._store.read(
            partial(_readings, provider=provider, since=micros(since), most=limit)
        )

    async def balances(
        self, provider: str, *, since: datetime, each: timedelta
    ) -> list[tuple[datetime, int]]:
        bound = {"provider": provider, "since": micros(since), "each": span_us(each)}
        rows = await self._store.read(lambda db: db.rows(_sql["balances"], **bound))
        return [(instant(at), left) for at, left in rows]

    async def reading_counts(
        self, provider: str, *, since: datetime
    ) -> tuple[int, float | None, int | None]:
        row = await self._store.read(
            lambda db: db.one(_sql["reading_counts"], provider=provider, since=micros(since))
        )
        return row[0], row[1], row[2]

    async def spent(self, provider: str, *, since: datetime, until: datetime) -> list[Spent]:
        first, last = micros(since) // HOUR_US, micros(until) // HOUR_US
        return await self._store.read(partial(_spent, provider=provider, since=first, until=last))

    async def waiting(
        self, provider: str, *, routes: Mapping[str, Sequence[str]], now: datetime
    ) -> Waiting:
        lanes = await self._store.read(lambda db: db.rows(_sql["waiting"], now=micros(now)))
        return waiting_of(provider, routes, lanes)

    async def stored_rows(self, campaign: str) -> int:
        (count,) = await self._store.read(lambda db: db.one(_sql["stored_rows"], campaign=campaign))
        return int(count)

    async def renew_allowance(self, reading: Reading, *, allow: Allow) -> int | None:
        return await self._store.write_alone(partial(_renew, reading=reading, allow=allow))

    async def allowance(self, provider: str) -> int | None:
        row = await self._store.read(lambda db: db.one(_sql["allowance"], provider=provider))
        return None if row is None else int(row[0])


async def _keep(db: Database, *, reading: Reading, activity: Activity | None) -> Reading:
    hour = micros(reading.at) // HOUR_US
    counted = await _spent(db, provider=reading.provider, since=hour, until=hour)
    kept = replace(
        reading,
        sent_before=sum(one.sent for one in counted),
        bounced_before=sum(one.bounced for one in counted),
    )
    await db.rows(_sql["keep_reading"], **reading_row(kept))
    if reading.source is Source.SEND:
        before = micros(reading.at - HEARD_KEPT)
        await db.rows(_sql["drop_heard"], provider=reading.provider, before=before)
    if activity is not None:
        await keep_activity(db, activity=activity)
    return kept


async def _last(db: Database, *, provider: str, checks: int) -> LastReadings:
    known = await db.one(_sql["last_known"], provider=provider)
    last = await db.rows(_sql["last_checks"], provider=provider, most=checks)
    return LastReadings(
        known=None if known is None else reading_of(known),
        checks=tuple(reading_of(row) for row in last),
    )


async def _readings(db: Database, *, provider: str, since: int, most: int) -> list[Reading]:
    found = await db.rows(_sql["readings"], provider=provider, since=since, most=most)
    return [reading_of(row) for row in found]


async def _spent(db: Database, *, provider: str, since: int, until: int) -> list[Spent]:
    bound = spent_bound(provider, since=since, until=until)
    return [Spent(*row) for row in await db.rows(_sql["spent"], **bound)]


async def _renew(db: Database, *, reading: Reading, allow: Allow) -> int | None:
    provider, since = reading.provider, micros(reading.at) // HOUR_US
    await db.rows(_sql["lock_allowance"], provider=provider)
    counted = await _spent(db, provider=provider, since=since, until=END_OF_TIME)
    (in_air,) = await db.one(_sql["in_air"], provider=provider)
    left = allow(counted, in_air)
    if left is None:
        await db.rows(_sql["drop_allowance"], provider=provider)
    else:
        await db.rows(_sql["set_allowance"], provider=provider, rest=left)
    return left
