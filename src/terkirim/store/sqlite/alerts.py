"""Alerts and their deliveries in SQLite: a row first, a message then."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import apsw

from terkirim.domain.alert import Alert, Delivery, DeliveryState, Severity
from terkirim.ports.alerts import AlertChange, AlertFilter, Vitals
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, storable, to_json
from terkirim.store.sqlite.people import keep_activity
from terkirim.store.sqlite.store import SqliteStore
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

_sql = Queries("terkirim.store.sqlite", "alerts.sql")


class SqliteAlertBook:
    """The alert book over a store's connections."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def open_alerts(self, kinds: Collection[str] | None = None) -> list[Alert]:
        bound = {"kinds": None if kinds is None else to_json(sorted(kinds))}
        return await self._store.read(
            lambda db: [alert_of(row) for row in db.execute(_sql["open_alerts"], bound)]
        )

    async def last_told(self, conditions: Collection[str]) -> dict[str, dict[Severity, datetime]]:
        bound = {"conditions": to_json(sorted(conditions))}
        return await self._store.read(lambda db: told_of(db.execute(_sql["last_told"], bound)))

    async def change(self, changes: Sequence[AlertChange], *, now: datetime) -> int:
        if not changes:
            return 0
        return await self._store.write_alone(partial(_change_all, changes=changes, now=now))

    async def take_due(self, *, now: datetime, lease_for: timedelta, limit: int) -> list[Delivery]:
        bound = {"now": micros(now), "until": micros(now + lease_for), "most": limit}
        if not await self._store.read(lambda db: list(db.execute(_sql["has_due"], bound))):
            return []  # a look takes no lock, and is all that most seconds need
        return await self._store.write_alone(
            lambda db: [delivery_of(row) for row in db.execute(_sql["take_due"], bound)]
        )

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
        await self._store.write_alone(lambda db: db.execute(_sql["note_delivery"], bound))

    async def alerts(self, which: AlertFilter) -> list[Alert]:
        return await self._store.read(partial(_listed, which=which))

    async def has_alert(self, alert_id: str) -> bool:
        return await self._store.read(
            lambda db: bool(list(db.execute(_sql["has_alert"], {"id": alert_id})))
        )

    async def vitals(self, *, now: datetime) -> Vitals:
        bound = {"now": micros(now), "since": micros(now) // HOUR_US - DAY_HOURS}
        *row, unknown = await self._store.read(lambda db: next(db.execute(_sql["day"], bound)))
        return vitals_of(row, from_json(unknown))


def _change_all(db: apsw.Connection, *, changes: Sequence[AlertChange], now: datetime) -> int:
    return sum(_change(db, one, now) for one in changes)


def _change(db: apsw.Connection, one: AlertChange, now: datetime) -> bool:
    """Write one step; False where another node has moved the condition meanwhile."""
    if one.sees is not None:
        return _touched(db, "see", {"id": one.sees.id, "now": micros(now)})
    if one.ends is not None and not _ended(db, one.ends, now):
        return False
    for alert in one.ends_too:
        _ended(db, alert, now)
    if one.starts is not None and not _touched(db, "start", alert_row(one.starts)):
        return False
    ended = to_json([alert.id for alert in (one.ends, *one.ends_too) if alert is not None])
    db.execute(_sql["drop_waiting"], {"ended": ended})
    db.execute(_sql["notify"], {"rows": to_json([notice_row(notice) for notice in one.notices])})
    if one.recovery is not None:
        db.execute(_sql["recover"], _recovery(one, one.recovery, ended))
    for activity in activities_of(one, now):
        keep_activity(db, activity)
    return True


def _ended(db: apsw.Connection, alert: Alert, now: datetime) -> bool:
    if alert.raised_at is None:
        return _touched(db, "forget", {"id": alert.id})
    bound = {"id": alert.id, "severity": alert.severity.value, "now": micros(now)}
    return _touched(db, "end", bound)


def _touched(db: apsw.Connection, name: str, bound: dict[str, Any]) -> bool:
    before = db.total_changes()
    db.execute(_sql[name], bound)
    return db.total_changes() > before


def _listed(db: apsw.Connection, *, which: AlertFilter) -> list[Alert]:
    bound = {
        "since": micros(which.since),
        "until": micros(which.until),
        "most": which.limit,
        "kinds": None if which.kinds is None else to_json(sorted(which.kinds)),
        "is_open": None if which.is_open is None else int(which.is_open),
    }
    found = [alert_of(row) for row in db.execute(_sql["alerts"], bound)]
    ids = to_json([alert.id for alert in found])
    deliveries: dict[str, list[Delivery]] = {}
    for row in db.execute(_sql["deliveries"], {"ids": ids}):
        deliveries.setdefault(row[0], []).append(delivery_of(row))
    return [replace(one, deliveries=tuple(deliveries.get(one.id, ()))) for one in found]


def _recovery(one: AlertChange, notice: Delivery, ended: str) -> dict[str, Any]:
    return {
        "alert_id": notice.alert_id,
        "severity": notice.severity.value,
        "title": storable(notice.title),
        "body": storable(notice.body),
        "due_at": micros(notice.due_at),
        "ended": ended,
        "told": to_json([told.channel for told in one.notices]),
    }
