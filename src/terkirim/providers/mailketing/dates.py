"""When a callback of Mailketing says that something happened."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

CLOCKS_DIFFER = timedelta(minutes=5)
BELIEVED_FOR = timedelta(days=60)  # an older date is a fault of the callback, not an old event

_NUMBER = re.compile(r"\d{9,16}(?:\.\d{1,9})?\Z", re.ASCII)
_SECONDS_BELOW = 10_000_000_000  # a larger number counts milliseconds
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[ T](.*))?\Z", re.ASCII)


def instant_of(text: str, *, received_at: datetime, zone: tzinfo) -> datetime | None:
    """Return the instant, or None where it is no date or not to be believed.

    Mailketing writes dates without their zone. Read as UTC one lies later than in the provider's
    own zone, so it is UTC's unless that would be in the future.
    """
    found = _number(text) if _NUMBER.match(text) else _written(text)
    if found is None:
        return None
    try:
        at = _in_zone(found, received_at, zone)
    except OverflowError:  # at an end of the calendar
        return None
    if not received_at - BELIEVED_FOR <= at <= received_at + CLOCKS_DIFFER:
        return None
    return min(at, received_at)


def _number(text: str) -> datetime | None:
    seconds = float(text)
    while seconds >= _SECONDS_BELOW:
        seconds /= 1_000
    return datetime.fromtimestamp(seconds, UTC)


def _written(text: str) -> datetime | None:
    day_first = _DAY_FIRST.match(text)
    if day_first is not None:
        day, month, year, rest = day_first.groups()
        text = f"{year}-{month:0>2}-{day:0>2}" + (f"T{rest}" if rest else "")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _in_zone(written: datetime, received_at: datetime, zone: tzinfo) -> datetime:
    if written.tzinfo is not None:
        return written.astimezone(UTC)
    as_utc = written.replace(tzinfo=UTC)
    if as_utc <= received_at + CLOCKS_DIFFER:
        return as_utc
    return written.replace(tzinfo=zone).astimezone(UTC)
