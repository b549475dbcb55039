"""The PostgreSQL store: every port of `ports.Store`, for any number of nodes on one database."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from terkirim.domain.errors import IdempotencyConflict
from terkirim.domain.lease import Lease, Settlement
from terkirim.domain.message import Evidence, State
from terkirim.policy.clocks import CLOCKS_APART
from terkirim.policy.retry import RetrySchedule
from terkirim.ports import (
    Cancelled,
    Claim,
    ClaimWish,
    Clock,
    IdempotencyKey,
    KeyRow,
    Pause,
    ProviderStatus,
    Receipt,
    RequeueFilter,
    Submission,
)
from terkirim.ports.tracking import RawCallback
from terkirim.store.counting import Rollups
from terkirim.store.fresh import FreshEmails
from terkirim.store.gate_settings import GateSettings
from terkirim.store.postgres import (
    accepting,
    callbacks,
    claiming,
    controlling,
    gates,
    keeping,
    settling,
)
from terkirim.store.postgres.clock import ServerClock
from terkirim.store.postgres.connection import Connector, closed, one_clear_sentence
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.log import PostgresLog
from terkirim.store.postgres.migrating import migrate
from terkirim.store.postgres.nodes import SILENT_FOR, Presence
from terkirim.store.postgres.pool import Pool
from terkirim.store.postgres.writer import Writer
from terkirim.store.times import micros, span_us

T = TypeVar("T")
PLACES = 16  # rows of a count over which nodes spread, so that they seldom wait for each other
LOOK_EVERY = 0.25  # seconds between looks for another node's changes, where none are told
KEY_LOOK_EVERY = 0.05  # seconds that a key's second user waits for the first one,
KEY_LOOKS = 100  # so many times


class PostgresStore(PostgresLog):
    """One database, one node of those that share it."""

    def __init__(
        self, connector: Connector, *, node: str, settings: GateSettings, clock: ServerClock
    ) -> None:
        rollups = Rollups(node, settings.zone, places=PLACES)
        super().__init__(
            Pool(connector, rollups=rollups, size=3), Pool(connector, rollups=rollups, size=2)
        )
        self.node = node
        self.clock = clock
        self.zone = settings.zone
        self._settings = settings
        self._settle = partial(settling.settle_all, settings=settings)
        self._release = partial(settling.release_all, settings=settings)
        fresh = FreshEmails()
        self._accept = partial(accepting.accept_all, remember=fresh.keep)
        self._claim = partial(claiming.claim_all, settings=settings, fresh=fresh)
        self._accepts = Writer(connector, rollups=rollups, order=[self._accept, callbacks.keep_all])
        self._works = Writer(
            connector,
            rollups=rollups,
            order=[self._settle, self._release, controlling.evident_all, self._claim],
        )
        self._changes = asyncio.Event()
        self._presence = Presence(
            connector, self._pool, node=node, clock=clock, on_change=self._changes.set
        )
        self._is_closed = False

    @classmethod
    async def open(
        cls,
        address: Callable[[], str],
        *,
        node: str,
        settings: GateSettings,
        clock: Clock,
    ) -> "PostgresStore":
        """Open the database, and bring it to the newest schema.

        `clock` is this machine's; the store's own `clock` is the server's, and goes for all nodes.

        Raises:
            ConfigError: it is newer than this program, or the address is wrong.
            StoreUnavailable: it cannot be reached or written now.
        """
        connector = Connector(address)
        connection = await connector.first()
        try:
            with one_clear_sentence(connector.server):
                await migrate(connection, connector.server)
        finally:
            await closed(connection)
        store = cls(connector, node=node, settings=settings, clock=ServerClock(clock))
        try:
            await store.write_alone(partial(gates.enter_rates, settings=settings))
            await store._presence.enter()
        except BaseException:
            await store.close()
            raise
        return store

    async def accept(self, submission: Submission) -> Receipt:
        for _ in range(KEY_LOOKS):
            try:
                receipt: Receipt = await self._accepts.write(self._accept, submission)
            except accepting.KeyInUse:
                await asyncio.sleep(KEY_LOOK_EVERY)
            else:
                self._note_change()
                return receipt
        raise IdempotencyConflict(
            "this idempotency key is being used at this moment; ask again soon", is_running=True
        )

    async def keep_callback(self, callback: RawCallback) -> bool:
        """Keep a callback in a group commit; False where it is a repeat."""
        is_new: bool = await self._accepts.write(callbacks.keep_all, callback)
        return is_new

    async def repeat_of(self, key: IdempotencyKey, *, now: datetime) -> Receipt | None:
        return await self.read(partial(accepting.repeat_of, key=key, now=micros(now)))

    async def claim(self, wish: ClaimWish | Callable[[], ClaimWish]) -> Claim:
        asked = wish if callable(wish) else partial(_same, wish)
        claim: Claim = await self._works.write(self._claim, asked)
        return claim

    async def settle(self, settlement: Settlement) -> State | None:
        state: State | None = await self._works.write(self._settle, settlement)
        return state

    async def release(self, leases: Sequence[Lease], *, now: datetime) -> None:
        if leases:
            await self._works.write(self._release, (leases, now))

    async def rescue(
        self, *, now: datetime, unclear_for: timedelta, schedule: RetrySchedule | None = None
    ) -> int:
        rescuing = partial(
            settling.rescue,
            now=micros(now),
            unclear_for=unclear_for,
            schedule=RetrySchedule() if schedule is None else schedule,
            silent_since=micros(now - SILENT_FOR),
        )
        return await self.write_alone(rescuing)

    async def sweep(self, *, now: datetime, limit: int = 1_000) -> int:
        count = await self.write_alone(partial(settling.sweep, now=micros(now), most=limit))
        if count:
            self._note_change()
        return count

    async def changed(self, *, within: timedelta) -> bool:
        """Wake at once for this process's own changes, soon for another's."""
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        while True:
            left = deadline - asyncio.get_running_loop().time()
            if self._changes.is_set() or self._is_closed:  # closed: their next call is told so
                self._changes.clear()
                return True
            if left <= 0:
                return False
            is_told = self._presence.is_listening
            try:
                async with asyncio.timeout(left if is_told else min(left, LOOK_EVERY)):
                    await self._changes.wait()
            except TimeoutError:
                if not is_told and await self._presence.is_changed_elsewhere():
                    return True

    async def cancel(self, email_or_message_id: str, *, now: datetime) -> list[Cancelled]:
        return await self.write_alone(
            partial(controlling.cancel, id_=email_or_message_id, now=micros(now))
        )

    async def reschedule(self, email_id: str, *, scheduled_at: datetime, now: datetime) -> None:
        await self.write_alone(
            partial(controlling.reschedule, id_=email_id, at=scheduled_at, now=now)
        )
        self._note_change()

    async def requeue(self, which: RequeueFilter, *, now: datetime) -> int:
        requeuing = partial(
            controlling.requeue, which=which, settings=self._settings, now=micros(now)
        )
        count = await self.write_alone(requeuing)
        self._note_change()
        return count

    async def count_requeueable(self, which: RequeueFilter) -> int:
        return len(await self.search(partial(controlling.requeueable, which=which)))

    async def mark_accepted(self, message_id: str, *, now: datetime) -> None:
        await self.write_alone(partial(controlling.mark_accepted, id_=message_id, now=now))

    async def record_evidence(
        self, message_id: str, evidence: Evidence, *, at: datetime, provider_ref: str | None = None
    ) -> State:
        state: State = await self._works.write(
            controlling.evident_all, (message_id, evidence, at, provider_ref)
        )
        return state

    async def pauses(self) -> list[Pause]:
        return await self.read(gates.pauses_of)

    async def pause(self, pause: Pause) -> bool:
        return await self.write_alone(partial(gates.save_pause, pause=pause))

    async def resume(self, provider: str, *, sender: str = "", fault: str | None = None) -> bool:
        ending = partial(gates.resume, provider=provider, sender=sender, fault=fault)
        ended = await self.write_alone(ending)
        self._note_change()
        return ended

    async def providers(self, *, now: datetime) -> list[ProviderStatus]:
        return await self.search(partial(gates.statuses_of, settings=self._settings, now=now))

    async def add_key(self, row: KeyRow) -> bool:
        return await self.write_alone(partial(keeping.add_key, row=row))

    async def revoke_key(self, key_id: str, *, now: datetime) -> bool:
        return await self.write_alone(partial(keeping.revoke_key, id_=key_id, now=micros(now)))

    async def keep_option(self, name: str, value: str) -> str:
        return await self.write_alone(partial(keeping.keep_option, name=name, value=value))

    async def reroute(self, *, limit: int = 10_000) -> int:
        lanes = {
            (route, place)
            for route, names in self._settings.routes.items()
            for place in range(len(names))
        }
        lost = await self.search(controlling.lanes) - lanes
        moving = partial(controlling.reroute, lost=lost, settings=self._settings, most=limit)
        return await self.write_alone(moving) if lost else 0

    async def take_turn(self, name: str, *, every: timedelta, now: datetime) -> bool:
        due = micros(now + every)
        turn = {
            "name": name,
            "now": micros(now),
            "next": due,
            "absurd": due + span_us(CLOCKS_APART),
        }
        return await self.write_alone(partial(keeping.take_turn, turn=turn))

    async def free_bytes(self) -> int | None:
        """Return None: the server's disk is not ours to look at."""
        return None

    async def check_writable(self) -> None:
        await self.write_alone(keeping.check_writable)

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._changes.set()
        await self._accepts.close()
        await self._works.close()
        await self._presence.leave()
        await self._searches.close()
        await self._pool.close()

    async def write_alone(self, call: Callable[[Database], Awaitable[T]]) -> T:
        """Write something that is not asked for in numbers, in a transaction of its own.

        It may be made more than once: when it collides with another, or its COMMIT is not answered.
        """
        return await self._pool.write(call)

    def _note_change(self) -> None:
        self._changes.set()
        self._presence.tell()


def _same(wish: ClaimWish) -> ClaimWish:
    return wish
