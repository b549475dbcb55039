"""Alerts and their deliveries in SQLite: a row first, a message then."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import apsw

from terkirim.domain.alert import (
    Activity,
    Alert,
    Delivery,
    DeliveryState,
    Purpose,
    Severity,
)
from terkirim.ports.alerts import AlertChange, AlertFilter, Vitals
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.sqlite.people import keep_activity
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.times import HOUR_US, instant, instant_or_none, micros, micros_or_none

DAY_HOURS = 24

_sql = Queries("terkirim.store.sqlite", "alerts.sql")


class SqliteAlertBook:
    """The alert book over a store's connections."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def open_alerts(self, kinds: Collection[str] | None = None) -> list[Alert]:
        bound = {"kinds": None if kinds is None else to_json(sorted(kinds))}
        return await self._store.read(
            lambda db: [_alert(row) for row in db.execute(_sql["open_alerts"], bound)]
        )

    async def last_raised(self, conditions: Collection[str]) -> dict[str, datetime]:
        bound = {"conditions": to_json(sorted(conditions))}
        return await self._store.read(
            lambda db: {name: instant(at) for name, at in db.execute(_sql["last_raised"], bound)}
        )

    async def change(self, changes: Sequence[AlertChange], *, now: datetime) -> int:
        if not changes:
            return 0
        return await self._store.write_alone(partial(_change_all, changes=changes, now=now))

    async def take_due(self, *, now: datetime, lease_for: timedelta, limit: int) -> list[Delivery]:
        bound = {"now": micros(now), "until": micros(now + lease_for), "most": limit}
        if not await self._store.read(lambda db: list(db.execute(_sql["has_due"], bound))):
            return []  # a look takes no lock, and is all that most seconds need
        return await self._store.write_alone(
            lambda db: [_delivery(row) for row in db.execute(_sql["take_due"], bound)]
        )

    async def note_delivery(
        self, delivery: Delivery, *, state: DeliveryState, answer: str, at: datetime
    ) -> None:
        bound = {
            "alert_id": delivery.alert_id,
            "channel": delivery.channel,
            "purpose": delivery.purpose.value,
            "state": state.value,
            "answer": answer,
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
        row = await self._store.read(lambda db: next(db.execute(_sql["day"], bound)))
        accepted, bounced, complained, dead, oldest, unknown = row
        return Vitals(
            accepted=accepted,
            bounced=bounced,
            complained=complained,
            dead=dead,
            oldest_due_at=instant_or_none(oldest),
            unknown=tuple(_provider_and_words(key) for key in from_json(unknown)),
        )


def _provider_and_words(key: str) -> tuple[str, str]:
    provider, _, words = key.partition(":")
    return provider, words


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
    if one.starts is not None and not _touched(db, "start", _row(one.starts)):
        return False
    ended = to_json([alert.id for alert in (one.ends, *one.ends_too) if alert is not None])
    db.execute(_sql["drop_waiting"], {"ended": ended})
    db.execute(_sql["notify"], {"rows": to_json([_notice(notice) for notice in one.notices])})
    if one.recovery is not None:
        db.execute(_sql["recover"], _recovery(one, one.recovery, ended))
    for activity in _activities(one, now):
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


def _activities(one: AlertChange, now: datetime) -> Iterable[Activity]:
    """Say what was done where people learn of it: what was only seen is no news."""
    if one.starts is not None and one.starts.raised_at is not None:
        facts = {"severity": one.starts.severity.value, "title": one.starts.title}
        yield Activity(
            at=now, who="terkirim", what="alert raised", subject=one.starts.condition, facts=facts
        )
        return
    for alert in (one.ends, *one.ends_too):
        if alert is not None and alert.raised_at is not None:
            yield Activity(at=now, who="terkirim", what="alert over", subject=alert.condition)


def _listed(db: apsw.Connection, *, which: AlertFilter) -> list[Alert]:
    bound = {
        "since": micros(which.since),
        "until": micros(which.until),
        "most": which.limit,
        "kinds": None if which.kinds is None else to_json(sorted(which.kinds)),
        "is_open": None if which.is_open is None else int(which.is_open),
    }
    found = [_alert(row) for row in db.execute(_sql["alerts"], bound)]
    ids = to_json([alert.id for alert in found])
    deliveries: dict[str, list[Delivery]] = {}
    for row in db.execute(_sql["deliveries"], {"ids": ids}):
        deliveries.setdefault(row[0], []).append(_delivery(row))
    return [replace(one, deliveries=tuple(deliveries.get(one.id, ()))) for one in found]


def _row(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "condition": alert.condition,
        "kind": alert.kind,
        "subject": alert.subject,
        "severity": alert.severity.value,
        "facts": to_json(alert.facts),
        "title": alert.title,
        "body": alert.body,
        "seen_at": micros(alert.seen_at),
        "last_at": micros(alert.last_at),
        "raised_at": micros_or_none(alert.raised_at),
        "ended_at": micros_or_none(alert.ended_at),
        "is_quiet_end": int(alert.is_quiet_end),
    }


def _notice(one: Delivery) -> tuple[Any, ...]:
    return (
        one.alert_id,
        one.channel,
        one.purpose.value,
        one.shown,
        one.severity.value,
        one.title,
        one.body,
        micros(one.due_at),
    )


def _recovery(one: AlertChange, notice: Delivery, ended: str) -> dict[str, Any]:
    return {
        "alert_id": notice.alert_id,
        "severity": notice.severity.value,
        "title": notice.title,
        "body": notice.body,
        "due_at": micros(notice.due_at),
        "ended": ended,
        "told": to_json([told.channel for told in one.notices]),
    }


def _alert(row: Sequence[Any]) -> Alert:
    return Alert(
        id=row[0],
        kind=row[1],
        subject=row[2],
        severity=Severity(row[3]),
        facts=from_json(row[4]),
        title=row[5],
        body=row[6],
        seen_at=instant(row[7]),
        last_at=instant(row[8]),
        raised_at=instant_or_none(row[9]),
        ended_at=instant_or_none(row[10]),
        is_quiet_end=bool(row[11]),
    )


def _delivery(row: Sequence[Any]) -> Delivery:
    return Delivery(
        alert_id=row[0],
        channel=row[1],
        purpose=Purpose(row[2]),
        shown=row[3],
        severity=Severity(row[4]),
        title=row[5],
        body=row[6],
        state=DeliveryState(row[7]),
        due_at=instant(row[8]),
        attempts=row[9],
        answer=row[10],
        sent_at=instant_or_none(row[11]),
    )
