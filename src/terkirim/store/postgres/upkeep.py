"""Forgets what is old: bounded pieces, each one transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from terkirim.ports.retention import PRUNED_AT_ONCE
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.store import PostgresStore
from terkirim.store.pruning import Age, Looked, looked_at
from terkirim.store.queries import Queries
from terkirim.store.submitting import FILE_KEPT_US, KEY_KEPT_US
from terkirim.store.sums import LONGEST_MONTH
from terkirim.store.times import DAY_US, HOUR_US, micros, span_us

COUNTED_FOR = timedelta(hours=27)  # from the first hour of a day: by then it is over everywhere
FOLDED_AT_ONCE = 24  # hours

_sql = Queries("terkirim.store.postgres", "upkeep.sql")
_main = Queries("terkirim.store.postgres")


class PostgresRetention:
    """`ports.Retention` over an open store."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def prune_content(
        self, *, keep: timedelta, now: datetime, limit: int = PRUNED_AT_ONCE
    ) -> int:
        age = Age(now=micros(now), keep=span_us(keep), most=limit)
        return await self._store.write_alone(partial(_prune_content, age=age))

    async def prune_messages(
        self, *, keep: timedelta, now: datetime, limit: int = PRUNED_AT_ONCE
    ) -> int:
        age = Age(now=micros(now), keep=span_us(keep), most=limit)
        return await self._store.write_alone(partial(_prune_messages, age=age))

    async def prune_keys(self, *, now: datetime, limit: int = PRUNED_AT_ONCE) -> int:
        bound = {"before": micros(now) - KEY_KEPT_US, "most": limit}
        return await self._store.write_alone(partial(_count, sql=_sql["drop_keys"], bound=bound))

    async def keep_files(self, *, now: datetime, limit: int = PRUNED_AT_ONCE) -> int:
        until = micros(now) + FILE_KEPT_US
        bound = {"soon": until - DAY_US, "most": limit}
        ids = await self._store.search(partial(_firsts, sql=_sql["files_in_use"], bound=bound))
        keeping = {"id": ids, "until": until}
        await self._store.write_alone(partial(_count, sql=_sql["keep_files"], bound=keeping))
        return len(ids)

    async def prune_files(self, *, now: datetime, limit: int = PRUNED_AT_ONCE) -> int:
        bound = {"now": micros(now), "most": limit}
        return await self._store.write_alone(partial(_count, sql=_sql["drop_files"], bound=bound))

    async def fold_counts(self, *, now: datetime) -> int:
        upto = micros(now - COUNTED_FOR) // HOUR_US
        return await self._store.write_alone(partial(_fold_counts, upto=upto))


async def _prune_content(db: Database, *, age: Age) -> int:
    due = await _firsts(db, sql=_sql["emails_to_look_at"], bound={"now": age.now, "most": age.most})
    seen = await _mark(db, "content")
    fresh = await _older(db, seen, age, most=age.most - len(due))
    found = await _looked_at(db, [*due, *fresh], age)
    await db.many(_sql["look_later"], found.later)
    await db.rows(_sql["looked_at"], id=found.ripe)
    await db.rows(_sql["drop_variables"], id=found.messages)
    await db.rows(_sql["drop_own_contents"], id=found.ripe)
    await db.rows(_sql["drop_uses"], id=found.ripe)
    seen = fresh[-1] if fresh else seen
    await _drop_shared_contents(db, found.ripe, "unneeded_contents", seen=seen)
    if fresh:
        await db.rows(_sql["set_mark"], kind="content", seen=seen)
    return len(due) + len(fresh)


async def _drop_shared_contents(
    db: Database, emails: Sequence[str], unneeded: str, **bound: Any
) -> None:
    """Drop what these emails shared with others, of whom none needs it any more."""
    shared = await _firsts(db, sql=_sql["shared_contents"], bound={"id": emails})
    if not shared:
        return
    await db.rows(_sql["lock_contents"], id=shared)
    dropped = await _firsts(db, sql=_sql[unneeded], bound={"id": shared, **bound})
    if dropped:
        needed = await _firsts(db, sql=_sql["requeued_contents"], bound={"id": dropped})
        await db.rows(_sql["drop_own_contents"], id=sorted(set(dropped) - set(needed)))


async def _prune_messages(db: Database, *, age: Age) -> int:
    seen = await _mark(db, "messages")
    ids = await _older(db, seen, age, most=age.most)
    # At the end it begins again: what is left below was not ripe, and is all that is left there.
    await db.rows(_sql["set_mark"], kind="messages", seen=ids[-1] if ids else "")
    found = await _looked_at(db, ids, age)
    if found.ripe:
        await _drop_emails(db, found)
    return len(ids)


async def _drop_emails(db: Database, found: Looked) -> None:
    for name in ("drop_attempts", "drop_events", "drop_messages"):
        await db.rows(_sql[name], id=found.messages)
    for name in ("drop_own_contents", "drop_uses", "looked_at"):
        await db.rows(_sql[name], id=found.ripe)
    shared = await _firsts(db, sql=_sql["shared_contents"], bound={"id": found.ripe})
    await db.rows(_sql["drop_emails"], id=found.ripe)
    if shared:
        await db.rows(_sql["lock_contents"], id=shared)
        orphaned = await _firsts(db, sql=_sql["orphaned_contents"], bound={"id": shared})
        await db.rows(_sql["drop_own_contents"], id=orphaned)


async def _fold_counts(db: Database, *, upto: int) -> int:
    since = int(await _mark(db, "counts") or (await db.one(_sql["first_count"]))[0] or upto)
    until = min(since + FOLDED_AT_ONCE, upto)
    if until <= since:
        return 0
    await db.rows(_sql["fold_counts"], since=since, until=until, month=LONGEST_MONTH)
    await db.rows(_sql["set_mark"], kind="counts", seen=str(until))
    return until - since


async def _looked_at(db: Database, ids: Sequence[str], age: Age) -> Looked:
    messages = await _firsts(db, sql=_sql["messages_of"], bound={"id": ids})
    await db.rows(_main["lock_messages"], id=messages)
    return looked_at(ids, await db.rows(_sql["ends"], id=messages), age)


async def _older(db: Database, seen: str, age: Age, *, most: int) -> list[str]:
    bound = {"seen": seen, "bound": age.bound, "most": most}
    return await _firsts(db, sql=_sql["older_emails"], bound=bound)


async def _mark(db: Database, kind: str) -> str:
    found = await db.one(_sql["mark"], kind=kind)
    return "" if found is None else str(found[0])


async def _firsts(db: Database, *, sql: str, bound: dict[str, Any]) -> list[str]:
    return [row[0] for row in await db.rows(sql, **bound)]


async def _count(db: Database, *, sql: str, bound: dict[str, Any]) -> int:
    return len(await db.rows(sql, **bound))
