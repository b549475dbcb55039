"""Spans of time in whole days of the operator's zone, or in whole hours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

HOUR = timedelta(hours=1)
LONGEST_DAYS = 3_650
MOST_DAYS_BY_HOUR = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From `since` on, and before `until`; days begin at midnight in the zone."""

    since: datetime
    until: datetime
    zone: tzinfo

    def in_days(self) -> "Span":
        """Return the days that it touches, whole."""
        last = date_of(self.until - timedelta(microseconds=1), self.zone)
        return Span(
            since=midnight(date_of(self.since, self.zone), self.zone),
            until=midnight(last + timedelta(days=1), self.zone),
            zone=self.zone,
        )

    def in_hours(self) -> "Span":
        """Return the hours that it touches, whole."""
        until = full_hour(self.until)
        return Span(
            since=full_hour(self.since),
            until=until if until == self.until else until + HOUR,
            zone=self.zone,
        )

    def days(self) -> Iterator[date]:
        """Give each day that it touches, the oldest first."""
        day, end = date_of(self.since, self.zone), self.until
        while midnight(day, self.zone) < end:
            yield day
            day += timedelta(days=1)

    def hours(self) -> Iterator[datetime]:
        """Give each hour that it touches, the oldest first."""
        at = full_hour(self.since)
        while at < self.until:
            yield at
            at += HOUR


def last_days(days: int, *, now: datetime, zone: tzinfo) -> Span:
    """Return today and the days before it, `days` in all."""
    today = date_of(now, zone)
    return Span(
        since=midnight(today - timedelta(days=days - 1), zone),
        until=midnight(today + timedelta(days=1), zone),
        zone=zone,
    )


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return when a day begins in the zone."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def date_of(at: datetime, zone: tzinfo) -> date:
    """Return the day of an instant in the zone."""
    return at.astimezone(zone).date()


def day_that_began(at: datetime, zone: tzinfo) -> date:
    """Return the day whose count begins at this hour.

    Days of half-hour zones, and those counted while another zone was set, begin beside midnight:
    their middle says which they are.
    """
    return date_of(at + timedelta(hours=12), zone)


def full_hour(at: datetime) -> datetime:
    """Return the hour in which an instant lies."""
    return at.replace(minute=0, second=0, microsecond=0)
