"""Callbacks and events in SQLite, over the store's one writer and reader."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import apsw

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
from terkirim.store.queries import Queries
from terkirim.store.rows import to_json
from terkirim.store.sqlite.applying import apply_all, rematch_all
from terkirim.store.sqlite.keeping import (
    callbacks_of,
    keep_all,
    note_refused,
    reopen_page,
    unapplied_of,
)
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.sqlite.suppressions import forget_ended
from terkirim.store.sqlite.writer import Batch
from terkirim.store.times import instant_or_none, micros, micros_or_none

_sql = Queries("terkirim.store.sqlite", "tracking.sql")
_EVENT = """SELECT seq, id, message_id, kind, at, received_at, provider, match, recipient,
    reference, bounce, is_scanner, facts FROM events"""
_WAITING = """SELECT id, kind, at, received_at, provider, recipient, reference, bounce, facts
    FROM unmatched"""


class SqliteEvents:
    """The callback log and the event log of one database."""

    def __init__(self, store: SqliteStore, *, ids: Ids) -> None:
        self._store = store
        self._ids = ids
        self._keep: Batch = lambda db, group: keep_all(db, store.counting, group)

    async def keep(self, callback: RawCallback) -> bool:
        is_new: bool = await self._store.write(self._keep, callback)
        return is_new

    async def unapplied(self, *, limit: int) -> list[KeptCallback]:
        return await self._store.read(partial(unapplied_of, limit=limit))

    async def apply(self, callbacks: Sequence[ReadCallback], *, now: datetime) -> Applied:
        return await self._store.write_alone(
            lambda db: apply_all(db, self._store.counting, self._ids, callbacks=callbacks, now=now)
        )

    async def give_up(self, seq: int, why: str) -> None:
        rows = to_json([(seq, "broken", why)])
        await self._store.write_alone(partial(_execute, name="close_callbacks", rows=rows))

    async def rematch(self, *, now: datetime, limit: int) -> tuple[int, int]:
        return await self._store.write_alone(
            lambda db: rematch_all(db, self._store.counting, self._ids, now=now, limit=limit)
        )

    async def reopen(self, which: ReplayFilter, *, now: datetime) -> int:
        if which.seq is not None:
            return await self._reopen_one(which.seq, which.event_id, now)
        count, seq = 0, 0
        while True:
            page = partial(
                reopen_page,
                after=seq,
                since=which.since,
                is_all=which.is_all,
                limit=REOPENED_AT_ONCE,
            )
            found = await self._store.write_alone(page)
            if not found:
                break
            count, seq = count + len(found), found[-1]
        bound = {"now": micros(now), "since": micros_or_none(which.since) or 0}
        return count + await self._store.write_alone(
            partial(_changed, name="ask_for_unmatched", bound=bound)
        )

    async def count_refused(self, counts: Mapping[str, int], *, now: datetime) -> None:
        await self._store.write_alone(
            partial(note_refused, rollups=self._store.counting, counts=counts, now=now)
        )

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
        sql = f"{_EVENT} WHERE seq > ? ORDER BY seq LIMIT ?"
        return await self._store.read(
            lambda db: [shown(row) for row in db.execute(sql, (seq, limit))]
        )

    async def unmatched(self, *, limit: int, before: str | None = None) -> list[EventRow]:
        test, bound = ("true", (limit,)) if before is None else ("id < ?", (before, limit))
        sql = f"{_WAITING} WHERE {test} ORDER BY id DESC LIMIT ?"
        return await self._store.read(
            lambda db: [shown_waiting(arrived_of(row)) for row in db.execute(sql, bound)]
        )

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


def _found(db: apsw.Connection, event_id: str) -> EventRow | None:
    for row in db.execute(f"{_EVENT} WHERE id = ?", (event_id,)):
        return shown(row)
    for row in db.execute(f"{_WAITING} WHERE id = ?", (event_id,)):
        return shown_waiting(arrived_of(row))
    return None


def _listed(db: apsw.Connection, which: EventFilter) -> list[EventRow]:
    tests, bound = ["true"], dict[str, Any]()
    # A message has few events, a kind may have millions: the `+` keeps its index out of the way.
    kind = "kind = :kind" if which.message_id is None else "+kind = :kind"
    optional: tuple[tuple[str, str, Any], ...] = (
        ("seq < :before", "before", which.before),
        (kind, "kind", which.kind),
        ("message_id = :message", "message", which.message_id),
    )
    for test, name, value in optional:
        if value is not None:
            tests.append(test)
            bound[name] = value
    sql = f"{_EVENT} WHERE {' AND '.join(tests)} ORDER BY seq DESC LIMIT :most"
    return [shown(row) for row in db.execute(sql, bound | {"most": which.limit})]


def _intake(db: apsw.Connection) -> IntakeFacts:
    last = next(db.execute(_sql["last_callback"]), (None,))[0]
    unapplied, unmatched, set_aside = next(db.execute(_sql["intake_counts"]))
    return IntakeFacts(
        last_at=instant_or_none(last),
        unapplied=unapplied,
        unmatched=unmatched,
        set_aside=set_aside,
    )


def _execute(db: apsw.Connection, *, name: str, **bound: Any) -> None:
    db.execute(_sql[name], bound)


def _changed(db: apsw.Connection, *, name: str, bound: Mapping[str, Any]) -> int:
    """Return how many rows the statement changed."""
    before = db.total_changes()
    db.execute(_sql[name], bound)
    return db.total_changes() - before
