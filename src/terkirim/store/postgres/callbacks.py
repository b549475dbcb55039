"""Keeps raw callbacks: each once, in bulk, with its dedupe key in the same transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from terkirim.ports.tracking import CallbackRow, KeptCallback, RawCallback
from terkirim.store.callbacks import AGAIN_AFTER, callback_of, refused_id, refused_row
from terkirim.store.postgres.database import Database
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, storable
from terkirim.store.times import instant, micros, span_us

_sql = Queries("terkirim.store.postgres", "tracking.sql")


async def keep_all(
    db: Database, group: Sequence[RawCallback], earlier: Sequence[Any] | None
) -> list[bool]:
    """Return for each callback whether it is new; the others were kept before."""
    first: dict[str, RawCallback] = {}
    for one in group:
        first.setdefault(one.key, one)  # its repeat may stand in the same group
    keys = [(key, micros(one.received_at), one.is_dated) for key, one in sorted(first.items())]
    found = await db.many(_sql["keep_keys"], keys, again_after=span_us(AGAIN_AFTER))
    fresh = {key for (key,) in found}
    if earlier is not None and not fresh and any(earlier):
        return list(earlier)  # it was committed, only not answered
    kept = [
        (one.key, one.provider, micros(one.received_at), storable(one.body))
        for key, one in first.items()
        if key in fresh
    ]
    await db.many(_sql["keep_callbacks"], kept)
    results = [one.key in fresh and first[one.key] is one for one in group]
    for one, is_new in zip(group, results, strict=True):
        word = "kept" if is_new else "repeated"
        db.counts.add(micros(one.received_at), "callback", f"{one.provider}:{word}")
    return results


async def unapplied_of(db: Database, *, limit: int) -> list[KeptCallback]:
    """Return callbacks that wait to be applied, oldest first."""
    return [
        KeptCallback(seq=seq, key=key, provider=provider, received_at=instant(at), body=body)
        for seq, key, provider, at, body in await db.rows(_sql["unapplied"], most=limit)
    ]


async def callbacks_of(db: Database, *, name: str, bound: Mapping[str, int]) -> list[CallbackRow]:
    """Return the callbacks that a statement finds."""
    return [callback_of(row) for row in await db.rows(_sql[name], **bound)]


async def reopen_page(
    db: Database, *, after: int, since: int, is_all: bool, limit: int
) -> list[int]:
    """Make a page of callbacks unapplied again, and return their numbers."""
    name = "reopen_all" if is_all else "reopen_aside"
    found = await db.rows(_sql[name], after=after, since=since, most=limit)
    return sorted(seq for (seq,) in found)


async def note_refused(db: Database, *, counts: Mapping[str, int], now: datetime) -> None:
    """Count refused callbacks; all of an hour are one row of the activity log, not one each."""
    for key, count in counts.items():
        db.counts.add(micros(now), "callback", key, count)
    id_ = refused_id(db.node, now)
    before = await db.one(_sql["refused_before"], id=id_)
    facts = {} if before is None else from_json(before[0])
    await db.many(_sql["note_activity"], [refused_row(id_, facts, counts, now)])
