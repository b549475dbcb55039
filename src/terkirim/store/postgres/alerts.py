"""Alerts and their deliveries in PostgreSQL: a row first, a message then."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from terkirim.domain.alert import Alert, Delivery, DeliveryState, Severity
from terkirim.ports.alerts import AlertChange, AlertFilter, Vitals
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.people import keep_activity
from terkirim.store.postgres.store import PostgresStore
from terkirim.store.queries import Queries
from terkirim.store.rows import storable
from terkirim.store.times import HOUR_US, micros
from terkirim.store.watching import (
    DAY_HOURS,
    activities_of,
    alert_of,
    alert_row,
    delivery_of,
    notice_row,
    told_of,
    vitals_of,
)

_sql = Queries("terkirim.store.postgres", "alerts.sql")
_KEYS = {
    "accepted": "%:accepted",
    "bounced": "%:bounced",
    "complained": "%:complained",
}


class PostgresAlertBook:
    """The alert book over a store's connections."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def open_alerts(self, kinds: Collection[str] | None = None) -> list[Alert]:
        wanted = None if kinds is None else sorted(kinds)
        rows = await self._store.read(lambda db: db.rows(_sql["open_alerts"], kinds=wanted))
        return [alert_of(row) for row in rows]

    async def last_told(self, conditions: Collection[str]) -> dict[str, dict[Severity, datetime]]:
        names = sorted(conditions)
        rows = await self._store.read(lambda db: db.rows(_sql["last_told"], conditions=names))
        return told_of(rows)

    async def change(self, changes: Sequence[AlertChange], *, now: datetime) -> int:
        if not changes:
            return 0
        return await self._store.write_alone(partial(_change_all, changes=changes, now=now))

    async def take_due(self, *, now: datetime, lease_for: timedelta, limit: int) -> list[Delivery]:
        bound = {"now": micros(now), "until": micros(now + lease_for), "most": limit}
        if await self._store.read(lambda db: db.one(_sql["has_due"], **bound)) is None:
            return []  # a look takes no lock, and is all that most seconds need
        rows = await self._store.write_alone(lambda db: db.rows(_sql["take_due"], **bound))
        return [delivery_of(row) for row in rows]

    async def note_delivery(
        self, delivery: Delivery, *, state: DeliveryState, answer: str, at: datetime
    ) -> None:
        bound = {
            "alert_id": delivery.alert_id,
            "channel": delivery.channel,
            "purpose": delivery.purpose.value,
            "state": state.value,
            "answer": storable(answer),
            "at": micros(at),
        }
        await self._store.write_alone(lambda db: db.rows(_sql["note_delivery"], **bound))

    async def alerts(self, which: AlertFilter) -> list[Alert]:
        return await self._store.read(partial(_listed, which=which))

    async def has_alert(self, alert_id: str) -> bool:
        found = await self._store.read(lambda db: db.one(_sql["has_alert"], id=alert_id))
        return found is not None

    async def vitals(self, *, now: datetime) -> Vitals:
        return await self._store.read(partial(_vitals, now=micros(now)))


async def _vitals(db: Database, *, now: int) -> Vitals:
    since = now // HOUR_US - DAY_HOURS
    row = await db.one(_sql["day"], now=now, since=since, **_KEYS)
    unknown = await db.rows(_sql["unknown_answers"], since=since)
    return vitals_of(row, [key for (key,) in unknown])


async def _change_all(db: Database, *, changes: Sequence[AlertChange], now: datetime) -> int:
    return sum([await _change(db, one, now) for one in changes])


async def _change(db: Database, one: AlertChange, now: datetime) -> bool:
    """Write one step; False where another node has moved the condition meanwhile."""
    if one.sees is not None:
        return await db.one(_sql["see"], id=one.sees.id, now=micros(now)) is not None
    if one.ends is not None and not await _ended(db, one.ends, now):
        return False
    for alert in one.ends_too:
        await _ended(db, alert, now)
    if one.starts is not None and await db.one(_sql["start"], **alert_row(one.starts)) is None:
        return False
    ended = [alert.id for alert in (one.ends, *one.ends_too) if alert is not None]
    await db.rows(_sql["drop_waiting"], ended=ended)
    await db.many(_sql["notify"], [notice_row(notice) for notice in one.notices])
    if one.recovery is not None:
        await db.rows(_sql["recover"], **_recovery(one, one.recovery), ended=ended)
    for activity in activities_of(one, now):
        await keep_activity(db, activity=activity)
    return True


async def _ended(db: Database, alert: Alert, now: datetime) -> bool:
    if alert.raised_at is None:
        return await db.one(_sql["forget"], id=alert.id) is not None
    ended = await db.one(_sql["end"], id=alert.id, severity=alert.severity.value, now=micros(now))
    return ended is not None


async def _listed(db: Database, *, which: AlertFilter) -> list[Alert]:
    rows = await db.rows(
        _sql["alerts"],
        since=micros(which.since),
        until=micros(which.until),
        most=which.limit,
        kinds=None if which.kinds is None else sorted(which.kinds),
        is_open=which.is_open,
    )
    found = [alert_of(row) for row in rows]
    deliveries: dict[str, list[Delivery]] = {}
    for row in await db.rows(_sql["deliveries"], ids=[alert.id for alert in found]):
        deliveries.setdefault(row[0], []).append(delivery_of(row))
    return [replace(one, deliveries=tuple(deliveries.get(one.id, ()))) for one in found]


def _recovery(one: AlertChange, notice: Delivery) -> dict[str, Any]:
    return {
        "alert_id": notice.alert_id,
        "severity": notice.severity.value,
        "title": storable(notice.title),
        "body": storable(notice.body),
        "due_at": micros(notice.due_at),
        "told": [told.channel for told in one.notices],
    }
