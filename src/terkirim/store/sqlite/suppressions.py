"""The suppression list in SQLite: what events and people enter, and what people remove."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import apsw

from terkirim.domain.suppression import Suppression
from terkirim.domain.webhook import WebhookType
from terkirim.ports.suppressions import SuppressionFilter
from terkirim.store.entries import (
    Ids,
    activity_row,
    addressed_of,
    begun_by,
    changed_by,
    entries_of,
    entry_of,
    entry_row,
    gone_past,
    key_of,
    order_of,
    transient_rows,
)
from terkirim.store.hearing import Arrived, Known
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.sqlite.telling import tell_suppressions
from terkirim.store.times import instant, micros

_sql = Queries("terkirim.store.sqlite", "suppressions.sql")
_tracking = Queries("terkirim.store.sqlite", "tracking.sql")
_ENTRY = (
    "SELECT address, stream, reason, source, created_at, until, source_id, note FROM suppressions"
)


class SqliteSuppressions:
    """The list, over the store's one writer and reader."""

    def __init__(self, store: SqliteStore, *, ids: Ids) -> None:
        self._store = store
        self._ids = ids

    async def suppress(
        self, entries: Sequence[Suppression], *, who: str, now: datetime
    ) -> list[Suppression]:
        entering = partial(enter, ids=self._ids, entries=entries, who=who, now=now)
        return await self._store.write_alone(entering)

    async def unsuppress(
        self, names: Sequence[str], *, who: str, why: str, now: datetime
    ) -> list[Suppression]:
        removing = partial(_remove, ids=self._ids, names=names, who=who, why=why, now=now)
        return await self._store.write_alone(removing)

    async def suppressions(self, which: SuppressionFilter, *, now: datetime) -> list[Suppression]:
        return await self._store.read(partial(_listed, which=which, now=now))


def suppress_for(
    db: apsw.Connection,
    ids: Ids,
    told: Sequence[tuple[Arrived, Known | None]],
    *,
    now: datetime,
) -> None:
    """Enter the addresses that these events, each with its message if it is known, suppress."""
    addressed = addressed_of(told)
    transient = _transient_times(db, transient_rows(addressed))
    for provider, entries in entries_of(addressed, transient).items():
        enter(db, ids=ids, entries=entries, who=provider, now=now)


def forget_ended(db: apsw.Connection, *, before: int) -> int:
    """Delete entries whose time was over before then; return how many."""
    already = db.total_changes()
    db.execute(_sql["forget_ended"], {"before": before})
    return db.total_changes() - already


def enter(
    db: apsw.Connection, *, ids: Ids, entries: Sequence[Suppression], who: str, now: datetime
) -> list[Suppression]:
    """Enter addresses, and return what stands for each now; only changes are written."""
    keys = to_json(sorted({key_of(one) for one in entries}))
    (found,) = next(db.execute(_sql["standing_entries"], {"rows": keys}))
    standing, changed = changed_by(entries, [entry_of(row) for row in from_json(found)], now=now)
    if changed:
        db.execute(_sql["enter"], {"rows": to_json([entry_row(one) for one in changed])})
        _note(db, ids, changed, who=who, what="suppressed", now=now)
        tell_suppressions(db, changed, WebhookType.SUPPRESSION_ADDED, at=micros(now))
    return standing


def _remove(
    db: apsw.Connection, *, ids: Ids, names: Sequence[str], who: str, why: str, now: datetime
) -> list[Suppression]:
    rows = list(db.execute(_sql["remove"], {"names": to_json(names)}))
    removed = [entry_of(row) for row in rows]
    # Who lets an address in again starts counting its bounces anew.
    addresses = to_json([one.address for one in removed])
    db.execute(_tracking["forget_bounces_of"], {"addresses": addresses})
    noted = [replace(one, note=why) for one in removed]
    _note(db, ids, noted, who=who, what="unsuppressed", now=now)
    tell_suppressions(db, removed, WebhookType.SUPPRESSION_REMOVED, at=micros(now))
    return removed


def _listed(db: apsw.Connection, *, which: SuppressionFilter, now: datetime) -> list[Suppression]:
    tests, bound = ["(until IS NULL OR until > :now)"], dict[str, Any](now=micros(now))
    optional: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("id < :after", {"after": which.after}),
        ("id > :before", {"before": which.before}),
        ("(id = :named OR address = :named)", {"named": which.named}),
        ("substr(address, instr(address, '@') + 1) = :domain", {"domain": which.domain}),
        ("stream = :stream", {"stream": which.stream}),
        ("address >= :starts AND address < :ends", begun_by(which)),
        ("(address, stream) > (:past, :past_stream)", gone_past(which.past)),
    )
    for test, values in optional:
        if None not in values.values():
            tests.append(test)
            bound |= values
    if which.whys is not None:
        tests.append("reason IN (SELECT value FROM json_each(:whys))")
        bound["whys"] = to_json(which.whys)
    sql = f"{_ENTRY} WHERE {' AND '.join(tests)} ORDER BY {order_of(which)} LIMIT :most"
    rows = [entry_of(row) for row in db.execute(sql, bound | {"most": which.limit})]
    return rows[::-1] if which.before is not None else rows


def _transient_times(
    db: apsw.Connection, rows: Sequence[tuple[str, str, int]]
) -> dict[str, list[datetime]]:
    """Keep the transient bounces, and return all that are known of their addresses."""
    if not rows:
        return {}
    db.execute(_tracking["note_transient"], {"rows": to_json(rows)})
    addresses = to_json(sorted({address for address, _, _ in rows}))
    (found,) = next(db.execute(_tracking["transient_times"], {"addresses": addresses}))
    times: dict[str, list[datetime]] = {}
    for address, at in from_json(found):
        times.setdefault(address, []).append(instant(at))
    return times


def _note(
    db: apsw.Connection,
    ids: Ids,
    entries: Sequence[Suppression],
    *,
    who: str,
    what: str,
    now: datetime,
) -> None:
    rows = [activity_row(one, id_=ids(), at=micros(now), who=who, what=what) for one in entries]
    if rows:
        db.execute(_tracking["note_activity"], {"rows": to_json(rows)})
