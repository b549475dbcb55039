"""Entries of the suppression list: what enters, and how it travels; for every database."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from terkirim.domain.email import Stream
from terkirim.domain.event import BounceClass
from terkirim.domain.suppression import Suppression, Why
from terkirim.policy.suppression import stronger_of, suppressing
from terkirim.ports.suppressions import SuppressionFilter
from terkirim.store.hearing import Arrived, Known
from terkirim.store.rows import to_json
from terkirim.store.times import instant, instant_or_none, micros, micros_or_none

LAST = "\U0010ffff"  # no address goes on with it
Ids = Callable[[], str]
Key = tuple[str, str]  # address, stream ("" for every one)
Addressed = tuple[str, Arrived, Known | None]  # an event with its address, and its message if known


def addressed_of(told: Sequence[tuple[Arrived, Known | None]]) -> list[Addressed]:
    """Return the events of which an address is known."""
    return [
        (address, one, known)
        for one, known in told
        if (address := _address_of(one, known)) is not None
    ]


def transient_rows(addressed: Sequence[Addressed]) -> list[tuple[str, str, int]]:
    """Return (address, event, at) of the transient bounces."""
    return [
        (address, one.id, micros(one.event.at))
        for address, one, _ in addressed
        if one.event.bounce is BounceClass.TRANSIENT
    ]


def entries_of(
    addressed: Sequence[Addressed], transient: Mapping[str, Sequence[datetime]]
) -> dict[str, list[Suppression]]:
    """Return what these events suppress, by provider; `transient` are the bounces by address."""
    by_provider: dict[str, list[Suppression]] = {}
    for address, one, known in addressed:
        event = one.event
        stop = suppressing(event.kind, event.bounce, transient_at=transient.get(address, ()))
        if stop is None:
            continue
        entry = Suppression(
            address=address,
            stream=stop.stream,
            why=stop.why,
            source=one.provider,
            created_at=instant(one.received_at),
            until=stop.until,
            source_id=one.id if known is None else known.email_id,
            note=event.facts.get("reason", ""),
        )
        by_provider.setdefault(one.provider, []).append(entry)
    return by_provider


def changed_by(
    entries: Sequence[Suppression], found: Sequence[Suppression], *, now: datetime
) -> tuple[list[Suppression], list[Suppression]]:
    """Return what stands for each entry now, and which entries are to be written.

    `found` are those that stood before: an older, stronger one stays.
    """
    standing = {key_of(one): one for one in found if one.is_in_force(now)}
    changed: dict[Key, Suppression] = {}
    for entry in entries:
        key = key_of(entry)
        stays = stronger_of(standing.get(key), entry)
        if stays is entry and entry.is_in_force(now):
            standing[key] = changed[key] = entry
    return [standing.get(key_of(one), one) for one in entries], list(changed.values())


def key_of(one: Suppression) -> Key:
    """Return what names an entry."""
    return one.address, one.stream or ""


def begun_by(which: SuppressionFilter) -> dict[str, str | None]:
    """Return between which two texts all addresses lie that begin so; None: wherever.

    What a list has gone past is left out of the range, so that it is not walked through again.
    """
    start, past = which.starts, (which.past or ("",))[0]
    if start is None:
        return {"starts": None, "ends": None}
    return {"starts": max(start, past), "ends": f"{start}{LAST}"}


def gone_past(past: Key | None) -> dict[str, str | None]:
    """Return after which entry a list by address goes on; None: from its beginning."""
    address, stream = past or (None, None)
    return {"past": address, "past_stream": stream}


def order_of(which: SuppressionFilter) -> str:
    """Return in which order a list is read."""
    if which.starts is not None:
        return "address, stream"
    return "id ASC" if which.before is not None else "id DESC"


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


def _address_of(one: Arrived, known: Known | None) -> str | None:
    if one.event.recipient is not None or known is None:
        return one.event.recipient
    return known.recipient.lower()


def _why(text: str) -> Why:
    """Return the reason; one that this version does not know was entered by somebody."""
    return Why(text) if text in set(Why) else Why.BY_HAND
