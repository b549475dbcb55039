"""Readings of balances, and what our own counts say beside them, in SQLite."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import apsw

from terkirim.domain.credit import Reading, Source, Spent, Waiting
from terkirim.ports.credits import LastReadings
from terkirim.store.queries import Queries
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.times import HOUR_US, instant, micros

_sql = Queries("terkirim.store.sqlite", "credits.sql")
_END_OF_TIME = 2**40  # hours
Allow = Callable[[Sequence[Spent], int], int | None]


class SqliteCreditBook:
    """The credit book over a store's connections."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def keep_reading(self, reading: Reading) -> Reading:
        return await self._store.write_alone(partial(_keep, reading=reading))

    async def last_readings(self, provider: str, *, checks: int) -> LastReadings:
        return await self._store.read(partial(_last, provider=provider, checks=checks))

    async def readings(self, provider: str, *, since: datetime, limit: int) -> list[Reading]:
        bound = {"provider": provider, "since": micros(since), "most": limit}
        return await self._store.read(
            lambda db: [_reading(row) for row in db.execute(_sql["readings"], bound)]
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
        lanes = await self._store.read(
            lambda db: list(db.execute(_sql["waiting"], {"now": micros(now)}))
        )
        due, later = 0, dict[int, int]()
        for route, position, hour, count in lanes:
            if not _is_next(provider, routes.get(route, ()), position):
                continue
            if hour == 0:
                due += count
            else:
                later[hour] = later.get(hour, 0) + count
        return Waiting(due=due, later=tuple(sorted(later.items())))

    async def renew_allowance(self, reading: Reading, *, allow: Allow) -> int | None:
        return await self._store.write_alone(partial(_renew, reading=reading, allow=allow))

    async def allowance(self, provider: str) -> int | None:
        return await self._store.read(partial(_allowance, provider=provider))


def _keep(db: apsw.Connection, *, reading: Reading) -> Reading:
    hour = micros(reading.at) // HOUR_US
    counted = _spent(db, provider=reading.provider, since=hour, until=hour)
    kept = replace(
        reading,
        sent_before=sum(one.sent for one in counted),
        bounced_before=sum(one.bounced for one in counted),
    )
    row = {
        "provider": kept.provider,
        "at": micros(kept.at),
        "source": kept.source.value,
        "credits": kept.credits,
        "fault": kept.fault,
        "reason": kept.reason,
        "sent_before": kept.sent_before,
        "bounced_before": kept.bounced_before,
    }
    db.execute(_sql["keep_reading"], row)
    return kept


def _last(db: apsw.Connection, *, provider: str, checks: int) -> LastReadings:
    known = db.execute(_sql["last_known"], {"provider": provider})
    last = db.execute(_sql["last_checks"], {"provider": provider, "most": checks})
    return LastReadings(
        known=next((_reading(row) for row in known), None),
        checks=tuple(_reading(row) for row in last),
    )


def _spent(db: apsw.Connection, *, provider: str, since: int, until: int) -> list[Spent]:
    bound = {"provider": provider, "since": since, "until": until}
    return [Spent(*row) for row in db.execute(_sql["spent"], bound)]


def _renew(db: apsw.Connection, *, reading: Reading, allow: Allow) -> int | None:
    since = micros(reading.at) // HOUR_US
    counted = _spent(db, provider=reading.provider, since=since, until=_END_OF_TIME)
    provider = {"provider": reading.provider}
    (in_air,) = next(db.execute(_sql["in_air"], provider))
    left = allow(counted, in_air)
    if left is None:
        db.execute(_sql["drop_allowance"], provider)
    else:
        db.execute(_sql["set_allowance"], provider | {"left": left})
    return left


def _allowance(db: apsw.Connection, *, provider: str) -> int | None:
    found = db.execute(_sql["allowance"], {"provider": provider})
    return next((int(left) for (left,) in found), None)


def _is_next(provider: str, providers: Sequence[str], position: int) -> bool:
    """Tell whether mail at this place of a route goes to the provider; past its end it begins."""
    place = position if position < len(providers) else 0
    return bool(providers) and providers[place] == provider


def _reading(row: Sequence[Any]) -> Reading:
    provider, at, source, credits_, fault, reason, sent_before, bounced_before = row
    return Reading(
        provider=provider,
        at=instant(at),
        credits=credits_,
        source=Source(source),
        fault=fault,
        reason=reason,
        sent_before=sent_before,
        bounced_before=bounced_before,
    )
