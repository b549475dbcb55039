"""The SQLite store: every port of `ports.Store`, over one writer and one reader thread."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apsw

from terkirim.domain.lease import Lease, Settlement
from terkirim.domain.message import Evidence, State
from terkirim.domain.record import EmailRow, MessageRow, Story
from terkirim.policy.clocks import CLOCKS_APART
from terkirim.policy.retry import RetrySchedule
from terkirim.ports import (
    Backlog,
    Cancelled,
    Claim,
    ClaimWish,
    IdempotencyKey,
    KeyRow,
    MessageFilter,
    Pause,
    ProviderStatus,
    Receipt,
    RequeueFilter,
    RollupRow,
    Submission,
)
from terkirim.store.counting import Rollups
from terkirim.store.fresh import FreshEmails
from terkirim.store.gate_settings import GateSettings
from terkirim.store.queries import Queries
from terkirim.store.records import key_columns
from terkirim.store.sqlite import accepting, claiming, controlling, gates, reading, settling
from terkirim.store.sqlite.connection import free_bytes, opened, rewritten
from terkirim.store.sqlite.nodes import NodeFiles
from terkirim.store.sqlite.reader import Reader
from terkirim.store.sqlite.writer import Batch, Turn, Writer
from terkirim.store.times import micros, span_us

T = TypeVar("T")
NOTICE_EVERY = 0.1  # seconds between looks at another process's commits
_sql = Queries("terkirim.store.sqlite")


class SqliteStore:
    """One database file, one writer, and two readers: the second one for what may take long."""

    def __init__(self, path: Path, *, node: str, settings: GateSettings) -> None:
        self.node = node
        self.counting = rollups = Rollups(node, settings.zone, places=1)
        self._path = path
        self._settings = settings
        self._nodes = NodeFiles(path)
        self._connection = opened(path)
        self._nodes.enter(node)
        self._writer = Writer(self._connection, path)
        self._reader = Reader(path, "terkirim-reader")
        self._searcher = Reader(path, "terkirim-searcher")
        self._changes = asyncio.Event()
        self._seen_version = -1
        self._is_closed = False
        fresh = FreshEmails()
        self._accept = partial(_bound, accepting.accept_all, rollups, fresh)
        self._claim = claiming.Claims(rollups, settings, fresh)
        self._settle = partial(_bound, settling.settle_all, rollups, settings)
        self._release = partial(_bound, settling.release_all, rollups, settings)
        self._cancel = partial(_bound, controlling.cancel_all, rollups)
        self._requeue = partial(_bound, controlling.requeue_all, settings)
        self._mark = partial(_bound, controlling.mark_all, rollups)
        self._evident = partial(_bound, controlling.evident_all, rollups)

    async def accept(self, submission: Submission) -> Receipt:
        self._changes.set()  # before the commit: the dispatcher's claim joins the same group
        receipt: Receipt = await self._writer.write(self._accept, submission)
        return receipt

    async def repeat_of(self, key: IdempotencyKey, *, now: datetime) -> Receipt | None:
        return await self.read(partial(accepting.repeat_of, key=key, now=micros(now)))

    async def claim(self, wish: ClaimWish | Callable[[], ClaimWish]) -> Claim:
        claim: Claim = await self._writer.write(self._claim, wish, Turn.LAST)
        return claim

    async def settle(self, settlement: Settlement) -> State | None:
        state: State | None = await self._writer.write(self._settle, settlement, Turn.FIRST)
        return state

    async def release(self, leases: Sequence[Lease], *, now: datetime) -> None:
        if leases:
            await self._writer.write(self._release, (leases, now))

    async def rescue(
        self, *, now: datetime, unclear_for: timedelta, schedule: RetrySchedule | None = None
    ) -> int:
        lessees = await self.read(
            lambda db: [name for (name,) in db.execute(_sql["lessees"], {"node": self.node})]
        )
        dead = [name for name in lessees if self._nodes.is_dead(name)]
        rescuing = partial(
            settling.rescue,
            rollups=self.counting,
            dead=dead,
            now=micros(now),
            unclear_for=unclear_for,
            schedule=RetrySchedule() if schedule is None else schedule,
        )
        return await self.write_alone(rescuing)

    async def sweep(self, *, now: datetime, limit: int = 1_000) -> int:
        count = await self.write_alone(
            partial(settling.sweep, rollups=self.counting, now=micros(now), most=limit)
        )
        if count:
            self._changes.set()
        return count

    async def changed(self, *, within: timedelta) -> bool:
        """Wake at once for this process's own changes, within 0.1 s for another's."""
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        while True:
            left = deadline - asyncio.get_running_loop().time()
            if self._changes.is_set():
                self._changes.clear()
                return True
            if left <= 0:
                return False
            try:
                async with asyncio.timeout(min(left, NOTICE_EVERY)):
                    await self._changes.wait()
            except TimeoutError:
                if await self._is_changed_elsewhere():
                    return True

    async def cancel(self, email_or_message_id: str, *, now: datetime) -> list[Cancelled]:
        cancelled: list[Cancelled] = await self._writer.write(
            self._cancel, (email_or_message_id, now)
        )
        return cancelled

    async def reschedule(self, email_id: str, *, scheduled_at: datetime, now: datetime) -> None:
        await self._writer.write(controlling.reschedule_all, (email_id, scheduled_at, now))
        self._changes.set()

    async def requeue(self, which: RequeueFilter, *, now: datetime) -> int:
        count: int = await self._writer.write(self._requeue, (which, now))
        self._changes.set()
        return count

    async def count_requeueable(self, which: RequeueFilter) -> int:
        return await self.search(lambda db: len(controlling.requeueable(db, which)))

    async def mark_accepted(self, message_id: str, *, now: datetime) -> None:
        await self._writer.write(self._mark, (message_id, now))

    async def record_evidence(
        self, message_id: str, evidence: Evidence, *, at: datetime, provider_ref: str | None = None
    ) -> State:
        state: State = await self._writer.write(
            self._evident, (message_id, evidence, at, provider_ref)
        )
        return state

    async def pauses(self) -> list[Pause]:
        return await self.read(gates.pauses_of)

    async def pause(self, pause: Pause) -> bool:
        return await self.write_alone(partial(gates.save_pause, pause=pause))

    async def resume(self, provider: str, *, sender: str = "", fault: str | None = None) -> bool:
        ending = partial(gates.resume, provider=provider, sender=sender, fault=fault)
        ended = await self.write_alone(ending)
        self._changes.set()
        return ended

    async def providers(self, *, now: datetime) -> list[ProviderStatus]:
        return await self.search(partial(gates.statuses_of, settings=self._settings, now=now))

    async def email(self, email_id: str, *, with_content: bool = True) -> EmailRow:
        return await self.read(partial(reading.email_of, id_=email_id, with_content=with_content))

    async def emails(
        self, *, limit: int, after: str | None = None, before: str | None = None
    ) -> list[EmailRow]:
        return await self.read(partial(reading.emails_of, limit=limit, after=after, before=before))

    async def story(self, message_id: str) -> Story:
        return await self.read(partial(reading.story_of, id_=message_id))

    async def messages(self, which: MessageFilter) -> list[MessageRow]:
        return await self.search(partial(reading.listed, which=which))

    async def backlog(self, *, now: datetime) -> Backlog:
        return await self.search(partial(reading.backlog_of, now=micros(now)))

    async def rollups(
        self, kinds: Sequence[str], *, since: datetime, until: datetime
    ) -> list[RollupRow]:
        return await self.search(
            partial(reading.rollups_of, kinds=kinds, since=micros(since), until=micros(until))
        )

    async def attachment(self, sha256: str) -> bytes:
        return await self.read(partial(reading.attachment_of, sha256=sha256))

    async def add_key(self, row: KeyRow) -> bool:
        return await self.write_alone(
            partial(_changes_with, sql=_sql["add_key"], bound=key_columns(row))
        )

    async def find_key(self, key_hash: str) -> KeyRow | None:
        found = await self.read(partial(reading.keys_of, key_hash=key_hash))
        return found[0] if found else None

    async def keys(self) -> list[KeyRow]:
        return await self.read(reading.keys_of)

    async def revoke_key(self, key_id: str, *, now: datetime) -> bool:
        bound = {"id": key_id, "now": micros(now)}
        return await self.write_alone(partial(_changes_with, sql=_sql["revoke_key"], bound=bound))

    async def reroute(self, *, limit: int = 10_000) -> int:
        moving = partial(controlling.reroute, settings=self._settings, most=limit)
        return await self.write_alone(moving)

    async def take_turn(self, name: str, *, every: timedelta, now: datetime) -> bool:
        due = micros(now + every)
        absurd = due + span_us(CLOCKS_APART)
        bound = {"name": name, "now": micros(now), "next": due, "absurd": absurd}
        return await self.write_alone(partial(_changes_with, sql=_sql["take_turn"], bound=bound))

    async def keep_option(self, name: str, value: str) -> str:
        return await self.write_alone(partial(_kept_option, bound={"name": name, "value": value}))

    async def free_bytes(self) -> int | None:
        return free_bytes(self._path)

    async def check_writable(self) -> None:
        await self.write_alone(rewritten)

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        await asyncio.to_thread(self._writer.close)
        self._reader.close()
        self._searcher.close()
        self._nodes.leave()

    async def write(self, batch: Batch, payload: Any) -> Any:
        """Write what is asked for in numbers: `batch` gets all payloads of one group at once."""
        return await self._writer.write(batch, payload)

    async def write_alone(self, one: Callable[[apsw.Connection], T]) -> T:
        """Write something that is not asked for in numbers; it still shares the group's commit."""
        result: T = await self._writer.write(_each, one)
        return result

    async def read(self, question: Callable[[apsw.Connection], T]) -> T:
        """Return what the question finds; a reader never waits for the writer."""
        return await self._reader.ask(question)

    async def search(self, question: Callable[[apsw.Connection], T]) -> T:
        """Return what the question finds, where it may look at many rows: no key waits for it."""
        return await self._searcher.ask(question)

    async def _is_changed_elsewhere(self) -> bool:
        if self._is_closed:  # whoever still waits is told by their next call
            return True
        version = await self.read(lambda db: int(db.pragma("data_version") or 0))
        is_changed = self._seen_version not in {version, -1}
        self._seen_version = version
        return is_changed


def _each(db: apsw.Connection, calls: Sequence[Callable[[apsw.Connection], Any]]) -> list[Any]:
    return [call(db) for call in calls]


def _bound(function: Callable[..., list[Any]], *arguments: Any) -> list[Any]:
    """Call with the connection first: `partial` binds what stays, the writer brings the rest."""
    *bound, db, group = arguments
    return function(db, *bound, group)


def _changes_with(db: apsw.Connection, *, sql: str, bound: dict[str, Any]) -> bool:
    before = db.total_changes()
    db.execute(sql, bound)
    return db.total_changes() > before


def _kept_option(db: apsw.Connection, *, bound: dict[str, str]) -> str:
    db.execute(_sql["keep_option"], bound)
    (kept,) = next(db.execute(_sql["option"], {"name": bound["name"]}))
    return str(kept)
