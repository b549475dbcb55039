"""Rows of credits, alerts and people as records, and back; the same for every database."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from terkirim.domain.alert import (
    Activity,
    Alert,
    Delivery,
    DeliveryState,
    Purpose,
    Severity,
)
from terkirim.domain.credit import Reading, Source, Waiting
from terkirim.domain.ids import uuid7
from terkirim.ports.alerts import AlertChange, Vitals
from terkirim.ports.people import User
from terkirim.store.counting import ACCEPTED
from terkirim.store.rows import from_json, storable, to_json
from terkirim.store.times import HOUR_US, instant, instant_or_none, micros, micros_or_none

DAY_HOURS = 24
HEARD_KEPT = timedelta(days=30)
END_OF_TIME = 2**40  # hours
NO_ACTIVITY = "the activity log has no such row"
_ID_BYTES, _ID_BITS = 10, 74


def reading_row(reading: Reading) -> dict[str, Any]:
    """Return a reading as it is written."""
    return {
        "provider": reading.provider,
        "at": micros(reading.at),
        "source": reading.source.value,
        "credits": reading.credits,
        "fault": reading.fault,
        "reason": storable(reading.reason),
        "sent_before": reading.sent_before,
        "bounced_before": reading.bounced_before,
    }


def reading_of(row: Sequence[Any]) -> Reading:
    """Return the reading of a row: provider, at, source, credits, fault, reason, sent, bounced."""
    return Reading(
        provider=row[0],
        at=instant(row[1]),
        source=Source(row[2]),
        credits=row[3],
        fault=row[4],
        reason=row[5],
        sent_before=row[6],
        bounced_before=row[7],
    )


def spent_bound(provider: str, *, since: int, until: int) -> dict[str, Any]:
    """Return what `spent` is bound to; both hours are in it."""
    accepted, bounced = f"{provider}:{ACCEPTED}", f"{provider}:bounced"
    return {"accepted": accepted, "bounced": bounced, "since": since, "until": until}


def waiting_of(
    provider: str, routes: Mapping[str, Sequence[str]], lanes: Iterable[Sequence[Any]]
) -> Waiting:
    """Return what waits for a provider out of rows of (route, position, hour or 0, count)."""
    due, later = 0, dict[int, int]()
    for route, position, hour, count in lanes:
        if not count or not _is_next(provider, routes.get(route, ()), position):
            continue
        if hour == 0:
            due += count
        else:
            later[hour] = later.get(hour, 0) + count
    return Waiting(due=due, later=tuple(sorted(later.items())))


def _is_next(provider: str, providers: Sequence[str], position: int) -> bool:
    """Tell whether mail at this place of a route goes to the provider; past its end it begins."""
    place = position if position < len(providers) else 0
    return bool(providers) and providers[place] == provider


def alert_row(alert: Alert) -> dict[str, Any]:
    """Return an alert as it is written."""
    return {
        "id": alert.id,
        "condition": storable(alert.condition),
        "kind": alert.kind,
        "subject": storable(alert.subject),
        "severity": alert.severity.value,
        "facts": to_json(alert.facts),
        "title": storable(alert.title),
        "body": storable(alert.body),
        "seen_at": micros(alert.seen_at),
        "last_at": micros(alert.last_at),
        "raised_at": micros_or_none(alert.raised_at),
        "ended_at": micros_or_none(alert.ended_at),
        "is_quiet_end": alert.is_quiet_end,
    }


def alert_of(row: Sequence[Any]) -> Alert:
    """Return the alert of a row, as the statements select it."""
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


def told_of(rows: Iterable[Sequence[Any]]) -> dict[str, dict[Severity, datetime]]:
    """Return when people heard of each condition, by severity; a row is (name, severity, at)."""
    told: dict[str, dict[Severity, datetime]] = {}
    for name, severity, at in rows:
        told.setdefault(name, {})[Severity(severity)] = instant(at)
    return told


def notice_row(one: Delivery) -> tuple[Any, ...]:
    """Return a notice as `notify` writes it."""
    return (
        one.alert_id,
        one.channel,
        one.purpose.value,
        one.shown,
        one.severity.value,
        storable(one.title),
        storable(one.body),
        micros(one.due_at),
    )


def delivery_of(row: Sequence[Any]) -> Delivery:
    """Return the notice of a row, as the statements select it."""
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


def vitals_of(row: Sequence[Any], unknown: Iterable[str]) -> Vitals:
    """Return the day of a row: accepted, bounced, complained, dead, oldest due; and its words."""
    return Vitals(
        accepted=row[0],
        bounced=row[1],
        complained=row[2],
        dead=row[3],
        oldest_due_at=instant_or_none(row[4]),
        unknown=tuple(_provider_and_words(key) for key in unknown),
    )


def _provider_and_words(key: str) -> tuple[str, str]:
    provider, _, words = key.partition(":")
    return provider, words


def activities_of(one: AlertChange, now: datetime) -> Iterable[Activity]:
    """Yield what a step of a condition is in the activity log; what was only seen is no news."""
    if one.starts is not None and one.starts.raised_at is not None:
        facts = {"severity": one.starts.severity.value, "title": one.starts.title}
        yield Activity(
            at=now, who="terkirim", what="alert raised", subject=one.starts.condition, facts=facts
        )
        return
    for alert in (one.ends, *one.ends_too):
        if alert is not None and alert.raised_at is not None:
            yield Activity(at=now, who="terkirim", what="alert over", subject=alert.condition)


def activity_row(activity: Activity, *, is_folded: bool) -> dict[str, Any]:
    """Return an activity as it is written."""
    return {
        "id": _activity_id(activity, is_folded=is_folded),
        "at": micros(activity.at),
        "who": storable(activity.who),
        "what": activity.what,
        "subject": storable(activity.subject),
        "facts": to_json(activity.facts),
    }


def activity_of(row: Sequence[Any]) -> Activity:
    """Return the activity of a row: at, who, what, subject, facts, id."""
    at, who, what, subject, facts, id_ = row
    told = from_json(facts)
    return Activity(at=instant(at), who=who, what=what, subject=subject, facts=told, id=id_)


def _activity_id(activity: Activity, *, is_folded: bool) -> str:
    """Return an id that a repeat has too: of the same instant, or folded of the same hour."""
    at = micros(activity.at)
    since = at // HOUR_US * HOUR_US if is_folded else at
    named = f"{since}\0{activity.who}\0{activity.what}\0{activity.subject}"
    digest = hashlib.sha256(named.encode("utf-8", "surrogatepass")).digest()
    bits = int.from_bytes(digest[:_ID_BYTES]) >> (8 * _ID_BYTES - _ID_BITS)
    return uuid7(since // 1_000, bits)


def user_row(user: User) -> dict[str, Any]:
    """Return a person as they are written."""
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "alert_url": user.alert_url,
        "password_hash": user.password_hash,
        "created_at": micros(user.created_at),
    }


def user_of(row: Sequence[Any]) -> User:
    """Return the person of a row, as the statement selects it."""
    return User(
        id=row[0],
        name=row[1],
        email=row[2],
        role=row[3],
        alert_url=row[4],
        password_hash=row[5],
        created_at=instant(row[6]),
    )
