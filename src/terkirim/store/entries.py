"""Entries of the suppression list as they travel between records and rows; for every database."""

from collections.abc import Sequence
from typing import Any

from terkirim.domain.email import Stream
from terkirim.domain.suppression import Suppression, Why
from terkirim.store.rows import to_json
from terkirim.store.times import instant, instant_or_none, micros, micros_or_none


def entry_row(one: Suppression) -> tuple[Any, ...]:
    """Return the row of an entry."""
    return (
        one.address,
        one.stream or "",
        one.why.value,
        one.source,
        micros(one.created_at),
        micros_or_none(one.until),
        one.source_id,
        one.note,
        one.id,
    )


def entry_of(row: Sequence[Any]) -> Suppression:
    """Return the entry in a row."""
    return Suppression(
        address=row[0],
        stream=Stream(row[1]) if row[1] else None,
        why=_why(row[2]),
        source=row[3],
        created_at=instant(row[4]),
        until=instant_or_none(row[5]),
        source_id=row[6],
        note=row[7],
    )


def activity_row(one: Suppression, *, id_: str, at: int, who: str, what: str) -> tuple[Any, ...]:
    """Return the row of the activity log about one change of the list."""
    facts = {
        "why": one.why,
        "stream": one.stream,
        "until": None if one.until is None else one.until.isoformat(),
        "source": one.source,
        "source_id": one.source_id,
        "note": one.note,
    }
    return id_, at, who, what, one.address, to_json(facts)


def _why(text: str) -> Why:
    """Return the reason; one that this version does not know was entered by somebody."""
    return Why(text) if text in set(Why) else Why.BY_HAND
