"""Instants as the databases keep them: microseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


def micros(at: datetime) -> int:
    """Return the instant in microseconds."""
    return (at - EPOCH) // MICROSECOND


def micros_or_none(at: datetime | None) -> int | None:
    """Return the instant in microseconds, None for None."""
    return None if at is None else (at - EPOCH) // MICROSECOND


def instant(us: int) -> datetime:
    """Return the aware UTC instant."""
    return datetime.fromtimestamp(us / 1_000_000, UTC)  # exact until the year 2242


def instant_or_none(us: int | None) -> datetime | None:
    """Return the aware UTC instant, None for None."""
    return None if us is None else instant(us)


def span_us(length: timedelta) -> int:
    """Return the length in microseconds."""
    return length // MICROSECOND
