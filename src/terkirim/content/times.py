"""Reads instants and spans of time as callers and settings write them."""

import re
from datetime import UTC, datetime, timedelta

from terkirim.content.texts import line, spoken_type
from terkirim.domain.errors import InvalidEmail

FURTHEST = timedelta(days=365)  # how far ahead mail may be scheduled, and how long it may live
LATE = timedelta(minutes=10)  # a time that passed this recently is a slow caller, not a mistake
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_UNITS = {
    "ms": "ms",
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("w", "week", "weeks"), "w"),
}
_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?([a-z]+) ?", re.ASCII)
_SPAN_LIMIT = 60  # characters
_IN = "in "
_SECONDS_ONLY = re.compile(r"\d{1,9}\Z", re.ASCII)


def duration(text: str) -> timedelta:
    """Return the span that `2s`, `1h 30m`, `500ms` or `2 hours` names; never negative.

    Raises:
        ValueError: with a sentence that names what would be right.
    """
    wanted = f"`{text[:_SPAN_LIMIT]}` is no span of time; write a number and a unit: 30s, 10m, 2h"
    rest = text.strip().lower()
    if not rest or len(rest) > _SPAN_LIMIT:
        raise ValueError(wanted)
    seconds = 0.0
    while rest:
        part = _SPAN.match(rest)
        unit = None if part is None else _UNITS.get(part.group(2))
        if part is None or unit is None:
            raise ValueError(wanted)
        seconds += float(part.group(1)) * _SECONDS[unit]
        rest = rest[part.end() :]
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise ValueError(wanted) from None


def read_scheduled_at(
    value: object, *, now: datetime, field: str = "scheduled_at"
) -> datetime | None:
    """Return the instant in UTC at which an email is to leave; None where it is not scheduled.

    Takes an aware datetime, ISO 8601 with a zone, and "in 2 hours". A time that passed within the
    last minutes is returned as it is: the mail is due at once.

    Raises:
        InvalidEmail: it is none of these, has no zone, is long past or too far ahead.
    """
    if value is None:
        return None
    at = _instant(value, field, now)
    if at < now - LATE:
        raise _refused(field, f"{at.isoformat()} has passed; leave it out to send at once")
    if at > now + FURTHEST:
        raise _refused(field, f"{at.isoformat()} is more than {FURTHEST.days} days ahead")
    return at


def read_expires_in(value: object, field: str = "expires_in") -> timedelta | None:
    """Return how long an email lives, None for ever; a bare number counts seconds.

    Raises:
        InvalidEmail: it is no span of time, or shorter than a second, or too long.
    """
    if value is None:
        return None
    span = _span(value, field)
    if span < timedelta(seconds=1):
        raise _refused(field, "must be at least one second")
    if span > FURTHEST:
        raise _refused(field, f"must be at most {FURTHEST.days} days")
    return span


def _instant(value: object, field: str, now: datetime) -> datetime:
    if isinstance(value, datetime):
        return _utc(value, field)
    if not isinstance(value, str):
        problem = f"must be a time such as 2026-08-17T09:00:00+07:00, not {spoken_type(value)}"
        raise _refused(field, problem)
    text = line(value, field, limit=_SPAN_LIMIT, kind="invalid_parameter").strip()
    if text.lower().startswith(_IN):
        span = _named_span(text[len(_IN) :], field)
        if span > FURTHEST:
            raise _refused(field, f"`{text}` is more than {FURTHEST.days} days ahead")
        return now + span
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        problem = f"`{text}` is no time; write 2026-08-17T09:00:00+07:00, or `in 2 hours`"
        raise _refused(field, problem) from None
    return _utc(written, field)


def _utc(value: datetime, field: str) -> datetime:
    if value.tzinfo is None or value.utcoffset() is None:
        example = f"{value.isoformat()}+07:00"
        problem = f"`{value.isoformat()}` does not say its zone; add it, for example {example}"
        raise _refused(field, problem)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise _refused(field, f"`{value.isoformat()}` is outside the calendar") from None


def _span(value: object, field: str) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        within = min(max(value, 0), 10**10)  # what timedelta holds, and beyond our own limits
        return timedelta(seconds=within)
    if not isinstance(value, str):
        problem = f'must be whole seconds, or a text such as "10m", not {spoken_type(value)}'
        raise _refused(field, problem)
    text = line(value, field, limit=_SPAN_LIMIT, kind="invalid_parameter").strip()
    if _SECONDS_ONLY.match(text):
        return timedelta(seconds=int(text))
    return _named_span(text, field)


def _named_span(text: str, field: str) -> timedelta:
    try:
        return duration(text)
    except ValueError as error:
        raise _refused(field, str(error)) from None


def _refused(field: str, problem: str) -> InvalidEmail:
    return InvalidEmail(field, problem, kind="invalid_parameter")
