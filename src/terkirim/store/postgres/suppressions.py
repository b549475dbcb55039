"""The suppression list in PostgreSQL: what events and people enter, and what people remove."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

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
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.store import PostgresStore
from terkirim.store.postgres.telling import tell_suppressions
from terkirim.store.queries import Queries
from terkirim.store.rows import storable_row
from terkirim.store.times import instant, micros

LOG_LOCK = int.from_bytes(b"terklog", "big")

_sql = Queries("terkirim.store.postgres", "suppressions.sql")
_tracking = Queries("terkirim.store.postgres", "tracking.sql")
_ENTRY = (
    "SELECT address, stream, reason, source, created_at, until, source_id, note FROM suppressions"
)


class PostgresSuppressions:
    """The list, over a store's connections."""

    def __init__(self, store: PostgresStore, *, ids: Ids) -> None:
        self._store = store
        self._ids = ids

    async def suppress(
        self, entries: Sequence[Suppression], *, who: str, now: datetime
    ) -> list[Suppression]:
        entering = partial(_suppress, ids=self._ids, entries=entries, who=who, now=now)
        return await self._store.write_alone(entering)

    async def unsuppress(
        self, names: Sequence[str], *, who: str, why: str, now: datetime
    ) -> list[Suppression]:
        removing = partial(_remove, ids=self._ids, names=names, who=who, why=why, now=now)
        return await self._store.write_alone(removing)

    async def suppressions(self, which: SuppressionFilter, *, now: datetime) -> list[Suppression]:
        return await self._store.read(partial(_listed, which=which, now=now))


async def lock_log(db: Database) -> None:
    """Wait until nobody else applies events or changes the list; held until the COMMIT."""
    await db.rows(_tracking["lock_log"], lock=LOG_LOCK)


async def suppress_for(
    db: Database,
    ids: Ids,
    told: Sequence[tuple[Arrived, Known | None]],
    *,
    now: datetime,
) -> None:
    """Enter the addresses that these events, each with its message if it is known, suppress."""
    addressed = addressed_of(told)
    transient = await _transient_times(db, transient_rows(addressed))
    for provider, entries in entries_of(addressed, transient).items():
        await _enter(db, ids=ids, entries=entries, who=provider, now=now)


async def forget_ended(db: Database, *, before: int) -> int:
    """Delete entries whose time was over before then; return how many."""
    return len(await db.rows(_sql["forget_ended"], before=before))


async def _suppress(
    db: Database, *, ids: Ids, entries: Sequence[Suppression], who: str, now: datetime
) -> list[Suppression]:
    await lock_log(db)
    return await _enter(db, ids=ids, entries=entries, who=who, now=now)


async def _enter(
    db: Database, *, ids: Ids, entries: Sequence[Suppression], who: str, now: datetime
) -> list[Suppression]:
    """Enter addresses, and return what stands for each now; only changes are written."""
    keys = sorted({key_of(one) for one in entries})
    found = [entry_of(row) for row in await db.many(_sql["standing_entries"], keys)]
    standing, changed = changed_by(entries, found, now=now)
    await db.many(_sql["enter"], [storable_row(entry_row(one)) for one in changed])
    await _note(db, ids, changed, who=who, what="suppressed", now=now)
    await tell_suppressions(db, changed, WebhookType.SUPPRESSION_ADDED, at=micros(now))
    return standing


async def _remove(
    db: Database, *, ids: Ids, names: Sequence[str], who: str, why: str, now: datetime
) -> list[Suppression]:
    await lock_log(db)
    rows = await db.rows(_sql["remove"], names=list(storable_row(names)))
    removed = [entry_of(row) for row in rows]
    # Who lets an address in again starts counting its bounces anew.
    await db.rows(_tracking["forget_bounces_of"], addresses=[one.address for one in removed])
    noted = [replace(one, note=why) for one in removed]
    await _note(db, ids, noted, who=who, what="unsuppressed", now=now)
    await tell_suppressions(db, removed, WebhookType.SUPPRESSION_REMOVED, at=micros(now))
    return removed


async def _listed(db: Database, *, which: SuppressionFilter, now: datetime) -> list[Suppression]:
    whys = None if which.whys is None else [str(why) for why in which.whys]
    optional: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("id < :after", {"after": which.after}),
        ("id > :before", {"before": which.before}),
        ("(id = :named OR address = :named)", {"named": which.named}),
        ("split_part(address, '@', 2) = :domain", {"domain": which.domain}),
        ("stream = :stream", {"stream": which.stream}),
        ("reason = ANY (:whys::text[])", {"whys": whys}),
        ("address >= :starts AND address < :ends", begun_by(which)),
        ("(address, stream) > (:past, :past_stream)", gone_past(which.past)),
    )
    asked = [(test, bound) for test, bound in optional if None not in bound.values()]
    tests = ["(until IS NULL OR until > :now)", *(test for test, _ in asked)]
    sql = f"{_ENTRY} WHERE {' AND '.join(tests)} ORDER BY {order_of(which)} LIMIT :most::bigint"
    bound = {name: value for _, values in asked for name, value in values.items()}
    rows = await db.rows(sql, now=micros(now), most=which.limit, **bound)
    found = [entry_of(row) for row in rows]
    return found[::-1] if which.before is not None else found


async def _transient_times(
    db: Database, rows: Sequence[tuple[str, str, int]]
) -> dict[str, list[datetime]]:
    """Keep the transient bounces, and return all that are known of their addresses."""
    if not rows:
        return {}
    await db.many(_tracking["note_transient"], rows)
    addresses = sorted({address for address, _, _ in rows})
    times: dict[str, list[datetime]] = {}
    for address, at in await db.rows(_tracking["transient_times"], addresses=addresses):
        times.setdefault(address, []).append(instant(at))
    return times


async def _note(
    db: Database,
    ids: Ids,
    entries: Sequence[Suppression],
    *,
    who: str,
    what: str,
    now: datetime,
) -> None:
    rows = [
        storable_row(activity_row(one, id_=ids(), at=micros(now), who=who, what=what))
        for one in entries
    ]
    await db.many(_tracking["note_activity"], rows)
