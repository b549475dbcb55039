"""The suppression list in SQLite: what events and people enter, and what people remove."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import apsw

from terkirim.domain.event import BounceClass
from terkirim.domain.suppression import Suppression
from terkirim.policy.suppression import stronger_of, suppressing
from terkirim.ports.suppressions import SuppressionFilter
from terkirim.store.entries import activity_row, entry_of, entry_row
from terkirim.store.hearing import Arrived, Known
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.times import instant, micros

Ids = Callable[[], str]
Key = tuple[str, str]  # address, stream ("" for every one)

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
    addressed = [
        (address, one, known)
        for one, known in told
        if (address := _address_of(one, known)) is not None
    ]
    transient = _transient_times(db, addressed)
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
    for provider, entries in by_provider.items():
        enter(db, ids=ids, entries=entries, who=provider, now=now)


def forget_ended(db: apsw.Connection, *, before: int) -> int:
    """Delete entries whose time was over before then; return how many."""
    already = db.total_changes()
    db.execute(_sql["forget_ended"], {"before": before})
    return db.total_changes() - already


def _address_of(one: Arrived, known: Known | None) -> str | None:
    if one.event.recipient is not None or known is None:
        return one.event.recipient
    return known.recipient.lower()


def enter(
    db: apsw.Connection, *, ids: Ids, entries: Sequence[Suppression], who: str, now: datetime
) -> list[Suppression]:
    """Enter addresses, and return what stands for each now; only changes are written."""
    keys = to_json(sorted({_key(one) for one in entries}))
    (found,) = next(db.execute(_sql["standing_entries"], {"rows": keys}))
    standing: dict[Key, Suppression] = {
        _key(one): one for one in map(entry_of, from_json(found)) if one.is_in_force(now)
    }
    changed: dict[Key, Suppression] = {}
    for entry in entries:
        key = _key(entry)
        stays = stronger_of(standing.get(key), entry)
        if stays is entry and entry.is_in_force(now):
            standing[key] = changed[key] = entry
    if changed:
        rows = [entry_row(one) for one in changed.values()]
        db.execute(_sql["enter"], {"rows": to_json(rows)})
        _note(db, ids, changed.values(), who=who, what="suppressed", now=now)
    return [standing.get(_key(entry), entry) for entry in entries]


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
    return removed


def _listed(db: apsw.Connection, *, which: SuppressionFilter, now: datetime) -> list[Suppression]:
    tests, bound = ["(until IS NULL OR until > :now)"], dict[str, Any](now=micros(now))
    optional: tuple[tuple[str, str, Any], ...] = (
        ("id < :after", "after", which.after),
        ("id > :before", "before", which.before),
        ("(id = :named OR address = :named)", "named", which.named),
        ("stream = :stream", "stream", which.stream),
    )
    for test, name, value in optional:
        if value is not None:
            tests.append(test)
            bound[name] = value
    if which.whys is not None:
        tests.append("reason IN (SELECT value FROM json_each(:whys))")
        bound["whys"] = to_json(which.whys)
    order = "ASC" if which.before is not None else "DESC"
    sql = f"{_ENTRY} WHERE {' AND '.join(tests)} ORDER BY id {order} LIMIT :most"
    rows = [entry_of(row) for row in db.execute(sql, bound | {"most": which.limit})]
    return rows[::-1] if which.before is not None else rows


def _transient_times(
    db: apsw.Connection, addressed: Sequence[tuple[str, Arrived, Known | None]]
) -> dict[str, list[datetime]]:
    """Keep the transient bounces, and return all that are known of their addresses."""
    rows = [
        (address, one.id, micros(one.event.at))
        for address, one, _ in addressed
        if one.event.bounce is BounceClass.TRANSIENT
    ]
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
    entries: Any,
    *,
    who: str,
    what: str,
    now: datetime,
) -> None:
    rows = [activity_row(one, id_=ids(), at=micros(now), who=who, what=what) for one in entries]
    if rows:
        db.execute(_tracking["note_activity"], {"rows": to_json(rows)})


def _key(one: Suppression) -> Key:
    return one.address, one.stream or ""
