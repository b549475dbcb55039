"""Keeps raw callbacks: each once, in bulk, with its dedupe key in the same transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import apsw

from terkirim.ports.tracking import CallbackRow, KeptCallback, RawCallback
from terkirim.store.callbacks import AGAIN_AFTER, callback_of, refused_id, refused_row
from terkirim.store.counting import Counts, Rollups
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.sqlite.counts import write_counts
from terkirim.store.times import instant, micros, span_us

_sql = Queries("terkirim.store.sqlite", "tracking.sql")
_main = Queries("terkirim.store.sqlite")


def keep_all(db: apsw.Connection, rollups: Rollups, group: Sequence[RawCallback]) -> list[bool]:
    """Return for each callback whether it is new; the others were kept before."""
    rows = [(one.key, micros(one.received_at), int(one.is_dated)) for one in group]
    keeping = {"rows": to_json(rows), "again_after": span_us(AGAIN_AFTER)}
    fresh = {key for (key,) in db.execute(_sql["keep_keys"], keeping)}
    results: list[bool] = []
    kept: list[tuple[str, str, int, str]] = []
    counts = Counts()
    for one, (_, at, _) in zip(group, rows, strict=True):
        is_new = one.key in fresh
        fresh.discard(one.key)  # its repeat may stand in the same group
        results.append(is_new)
        counts.add(at, "callback", f"{one.provider}:{'kept' if is_new else 'repeated'}")
        if is_new:
            kept.append((one.key, one.provider, at, one.body))
    if kept:
        db.execute(_sql["keep_callbacks"], {"rows": to_json(kept)})
    write_counts(db, rollups, counts)
    return results


def unapplied_of(db: apsw.Connection, limit: int) -> list[KeptCallback]:
    """Return callbacks that wait to be applied, oldest first."""
    (found,) = next(db.execute(_sql["unapplied"], {"most": limit}))
    return [
        KeptCallback(seq=seq, key=key, provider=provider, received_at=instant(at), body=body)
        for seq, key, provider, at, body in from_json(found)
    ]


def callbacks_of(db: apsw.Connection, *, name: str, bound: Mapping[str, int]) -> list[CallbackRow]:
    """Return the callbacks that a statement finds."""
    return [callback_of(row) for row in db.execute(_sql[name], bound)]


def reopen_page(
    db: apsw.Connection, *, after: int, since: datetime | None, is_all: bool, limit: int
) -> list[int]:
    """Make a page of callbacks unapplied again, and return their numbers."""
    bound = {"after": after, "since": 0 if since is None else micros(since), "most": limit}
    name = "reopen_all" if is_all else "reopen_aside"
    return sorted(seq for (seq,) in db.execute(_sql[name], bound))


def note_refused(
    db: apsw.Connection, rollups: Rollups, *, counts: Mapping[str, int], now: datetime
) -> None:
    """Count refused callbacks; all of an hour are one row of the activity log, not one each."""
    adding = Counts()
    for key, count in counts.items():
        adding.add(micros(now), "callback", key, count)
    write_counts(db, rollups, adding)
    id_ = refused_id(rollups.node, now)
    before = next(db.execute(_sql["refused_before"], {"id": id_}), None)
    row = refused_row(id_, {} if before is None else from_json(before[0]), counts, now)
    db.execute(_sql["note_activity"], {"rows": to_json([row])})
