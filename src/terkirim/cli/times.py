"""Times as people type them on a command line."""

from datetime import UTC, datetime, tzinfo

import click

from terkirim.domain.ids import uuid7

_LAST_MS = 2**48 - 1  # what the time in an id can hold


def instant_of(text: str, option: str, zone: tzinfo) -> datetime:
    """Return the instant in UTC; a time that does not say its zone is one of `zone`.

    Raises:
        BadParameter: it is no time.
    """
    try:
        written = datetime.fromisoformat(text.strip())
        return (written if written.tzinfo else written.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        wanted = "write 2026-08-17, 2026-08-17T09:00 or 2026-08-17T09:00:00+07:00"
        raise click.BadParameter(f"{text[:40]!r} is no time; {wanted}", param_hint=option) from None


def first_id_at(instant: datetime) -> str:
    """Return the lowest id of that instant: ids sort by time, so that no other index is asked."""
    return uuid7(min(max(int(instant.timestamp() * 1_000), 0), _LAST_MS), 0)
