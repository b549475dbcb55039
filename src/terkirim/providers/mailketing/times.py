"""When an answer of Mailketing says to come back: after its `Retry-After`, or on its next day."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from email.utils import parsedate_to_datetime

from terkirim.providers.http import Answer

_ASKED_AT_MOST = timedelta(days=1)  # a longer Retry-After is a fault of the answer


def retry_after(answer: Answer, now: datetime) -> timedelta | None:
    """Return the wait that the answer asks for, in seconds or as a date (RFC 9110, 10.2.3)."""
    try:
        asked = answer.headers.get("retry-after")
        if asked is None:
            return None
        asked = asked.strip()
        if asked.isdecimal():
            seconds = float(asked)
        else:
            seconds = (parsedate_to_datetime(asked) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):  # no ASCII, no date, a date without a zone
        return None
    return timedelta(seconds=min(max(seconds, 0.0), _ASKED_AT_MOST.total_seconds()))


def said_at(answer: Answer) -> datetime | None:
    """Return what the provider's clock said with its answer, None where it did not say."""
    try:
        at = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return None if at.tzinfo is None else at.astimezone(UTC)


def next_midnight(now: datetime, zone: tzinfo) -> datetime:
    """Return when the provider's next day begins."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time.min, tzinfo=zone).astimezone(UTC)
