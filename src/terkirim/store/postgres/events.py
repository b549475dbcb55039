"""Callbacks and events in PostgreSQL, over the store's connections."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from terkirim.ports.tracking import (
    Applied,
    CallbackRow,
    EventFilter,
    EventRow,
    IntakeFacts,
    KeptCallback,
    RawCallback,
    ReadCallback,
    ReplayFilter,
)
from terkirim.store.callbacks import LAST_SEQ, REOPENED_AT_ONCE, Forgetting
from terkirim.store.entries import Ids
from terkirim.store.hearing import arrived_of, shown, shown_waiting
from terkirim.store.postgres.applying import apply_all, rematch_all
from terkirim.store.postgres.callbacks import callbacks_of, note_refused, reopen_page, unapplied_of
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.store import PostgresStore
from terkirim.store.postgres.suppressions import forget_ended
from terkirim.store.queries import Queries
from terkirim.store.rows import storable
from terkirim.store.times import instant_or_none, micros, micros_or_none

_sql = Queries("terkirim.store.postgres", "tracking.sql")
_EVENT = """SELECT seq, id, message_id, kind, at, received_at, provider, match, recipient,
    reference, bounce, is_scanner, facts FROM events"""
_WAITING = """SELECT id, kind, at, received_at, provider, recipient, reference, bounce, facts
    FROM unmatched"""


class PostgresEvents:
    """The callback log and the event log of one database."""

    def __init__(self, store: PostgresStore, *, ids: Ids) -> None:
        self._store = store
        self._ids = ids

    async def keep(self, callback: RawCallback) -> bool:
        return await self._store.keep_callback(callback)

    async def unapplied(self, *, limit: int) -> list[KeptCallback]:
        return await self._store.read(partial(unapplied_of, limit=limit))

    async def apply(self, callbacks: Sequence[ReadCallback], *, now: datetime) -> Applied:
        applying = partial(apply_all, ids=self._ids, callbacks=callbacks, now=now)
        return await self._store.write_alone(applying)

    async def give_up(self, seq: int, why: str) -> None:
        rows = [(seq, "broken", storable(why))]
        await self._store.write_alone(lambda db: db.many(_sql["close_callbacks"], rows))

    async def rematch(self, *, now: datetime, limit: int) -> tuple[int, int]:
        bound = {"now": micros(now), "most": 1}
        if await self._store.read(lambda db: db.one(_sql["due_unmatched"], **bound)) is None:
            return 0, 0  # a look takes no lock, and is all that most rounds need
        rematching = partial(rematch_all, ids=self._ids, now=now, limit=limit)
        return await self._store.write_alone(rematching)

    async def reopen(self, which: ReplayFilter, *, now: datetime) -> int:
        if which.seq is not None:
            return await self._reopen_one(which.seq, which.event_id, now)
        count, seq, since = 0, 0, micros_or_none(which.since) or 0
        while True:
            page = partial(
                reopen_page, after=seq, since=since, is_all=which.is_all, limit=REOPENED_AT_ONCE
            )
            found = await self._store.write_alone(page)
            if not found:
                break
            count, seq = count + len(found), found[-1]
        bound = {"now": micros(now), "since": since}
        asking = partial(_changed, name="ask_for_unmatched", bound=bound)
        return count + await self._store.write_alone(asking)

    async def count_refused(self, counts: Mapping[str, int], *, now: datetime) -> None:
        await self._store.write_alone(partial(note_refused, counts=counts, now=now))

    async def forget(self, *, raw_before: datetime, all_before: datetime, now: datetime) -> int:
        what = Forgetting(raw_before=raw_before, all_before=all_before, now=now)
        steps = (
            *(partial(_changed, name=name, bound=bound) for name, bound in what.steps),
            partial(forget_ended, before=micros(all_before)),
        )
        return sum([await self._store.write_alone(step) for step in steps])

    async def events(self, which: EventFilter) -> list[EventRow]:
        return await self._store.read(partial(_listed, which=which))

    async def events_after(self, seq: int, *, limit: int) -> list[EventRow]:
        sql = f"{_EVENT} WHERE seq > :seq ORDER BY seq LIMIT :most::bigint"
        rows = await self._store.read(lambda db: db.rows(sql, seq=seq, most=limit))
        return [shown(row) for row in rows]

    async def unmatched(self, *, limit: int, before: str | None = None) -> list[EventRow]:
        test = "true" if before is None else "id < :before"
        sql = f"{_WAITING} WHERE {test} ORDER BY id DESC LIMIT :most::bigint"
        rows = await self._store.read(lambda db: db.rows(sql, before=before, most=limit))
        return [shown_waiting(arrived_of(row)) for row in rows]

    async def event(self, event_id: str) -> EventRow | None:
        return await self._store.read(partial(_found, event_id=event_id))

    async def callbacks_at(self, received_at: datetime) -> list[CallbackRow]:
        bound = {"at": micros(received_at)}
        return await self._store.read(partial(callbacks_of, name="callbacks_at", bound=bound))

    async def set_aside(self, *, limit: int, before: int | None = None) -> list[CallbackRow]:
        bound = {"before": LAST_SEQ if before is None else before, "most": limit}
        return await self._store.read(partial(callbacks_of, name="set_aside", bound=bound))

    async def intake(self) -> IntakeFacts:
        return await self._store.read(_intake)

    async def _reopen_one(self, seq: int, event_id: str | None, now: datetime) -> int:
        one = partial(_changed, name="reopen_one", bound={"seq": seq})
        asked = {"id": event_id, "now": micros(now)}
        await self._store.write_alone(partial(_changed, name="ask_for_one", bound=asked))
        return await self._store.write_alone(one)


async def _found(db: Database, *, event_id: str) -> EventRow | None:
    row = await db.one(f"{_EVENT} WHERE id = :id", id=event_id)
    if row is not None:
        return shown(row)
    row = await db.one(f"{_WAITING} WHERE id = :id", id=event_id)
    return None if row is None else shown_waiting(arrived_of(row))


async def _listed(db: Database, *, which: EventFilter) -> list[EventRow]:
    # A message has few events, a kind may have millions: `|| ''` keeps its index out of the way.
    kind = "kind = :kind" if which.message_id is None else "kind || '' = :kind"
    optional: tuple[tuple[str, str, Any], ...] = (
        ("seq < :before", "before", which.before),
        (kind, "kind", which.kind),
        ("message_id = :message", "message", which.message_id),
    )
    bound = {name: value for _, name, value in optional if value is not None}
    tests = ["true", *(test for test, name, _ in optional if name in bound)]
    sql = f"{_EVENT} WHERE {' AND '.join(tests)} ORDER BY seq DESC LIMIT :most::bigint"
    return [shown(row) for row in await db.rows(sql, most=which.limit, **bound)]


async def _intake(db: Database) -> IntakeFacts:
    last = await db.one(_sql["last_callback"])
    unapplied, unmatched, set_aside = await db.one(_sql["intake_counts"])
    return IntakeFacts(
        last_at=instant_or_none(None if last is None else last[0]),
        unapplied=unapplied,
        unmatched=unmatched,
        set_aside=set_aside,
    )


async def _changed(db: Database, *, name: str, bound: Mapping[str, Any]) -> int:
    """Return how many rows the statement changed."""
    return len(await db.rows(_sql[name], **bound))
