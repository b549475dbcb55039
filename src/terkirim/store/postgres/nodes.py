"""Which processes are alive, and who tells whom that something has changed.

Each process has a row. Where it has the server's session to itself it holds a lock there, which
ends with its connection, however it ends; and it listens. Behind a pooler it can do neither: it
says every few seconds that it lives, and looks for changes.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from hashlib import blake2b

import asyncpg

from terkirim.domain.errors import StoreUnavailable
from terkirim.logs import Logger
from terkirim.store.postgres.clock import ServerClock
from terkirim.store.postgres.connection import (
    BEGIN_LOOSELY,
    Connector,
    closed,
    one_clear_sentence,
)
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.pool import Pool
from terkirim.store.queries import Queries
from terkirim.store.times import micros

BEAT_EVERY = 5.0  # seconds
BEATS_A_MEASURE = 12  # the clock is compared once a minute
SILENT_FOR = timedelta(seconds=30)  # a node without a lock that said nothing for so long is dead
FORGOTTEN_AFTER = timedelta(days=1)
TELL_EVERY = 0.1  # seconds at least between two announcements
AGAIN_AFTER = 0.5  # seconds between two tries to listen again
CHANNEL = "terkirim"

_log = Logger("terkirim.store")
_sql = Queries("terkirim.store.postgres")


class Presence:
    """This process among those that share the database."""

    def __init__(
        self,
        connector: Connector,
        pool: Pool,
        *,
        node: str,
        clock: ServerClock,
        on_change: Callable[[], None],
    ) -> None:
        self._connector = connector
        self._pool = pool
        self._node = node
        self._clock = clock
        self._on_change = on_change
        self._line: asyncpg.Connection | None = None
        self._line_ended = asyncio.Event()
        self._to_tell = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._changes_seen = 0

    @property
    def is_listening(self) -> bool:
        """True while another node's changes are told to this one."""
        return self._line is not None and not self._line.is_closed()

    async def enter(self) -> None:
        """Say that this process is alive, for as long as it is."""
        await self._listen()
        await self._beat(is_measuring=True)
        self._tasks = [
            asyncio.create_task(self._stay(), name="terkirim-presence"),
            asyncio.create_task(self._tell(), name="terkirim-tell"),
        ]

    async def leave(self) -> None:
        """Take the row and the lock away: what is still leased has no worker any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(StoreUnavailable):  # without its lock it is known to be gone
            await self._pool.write(self._left)
        if self._line is not None:
            await closed(self._line)

    def tell(self) -> None:
        """Let other nodes know, soon, that messages may have become due."""
        self._to_tell.set()

    async def is_changed_elsewhere(self) -> bool:
        """Return True if another node has told something since the last look."""
        seen = self._changes_seen
        self._changes_seen = await self._pool.read(self._changes)
        return seen != self._changes_seen

    async def _stay(self) -> None:
        beats, is_away = 0, False
        while True:
            await self._rested()
            try:
                if not self._connector.is_pooled and not self.is_listening:
                    await self._listen()
                    self._on_change()  # what was told meanwhile went unheard
                beats += 1
                await self._beat(is_measuring=beats % BEATS_A_MEASURE == 0)
            except StoreUnavailable as error:
                if not is_away:
                    _log.warning("the database is away", reason=str(error))
                is_away = True
                self._line_ended.set()  # no rest until it is back
                await asyncio.sleep(AGAIN_AFTER)
            else:
                if is_away:
                    _log.info("the database is back")
                is_away = False

    async def _rested(self) -> None:
        """Wait for the next beat, or for the end of the line."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BEAT_EVERY):
                await self._line_ended.wait()
        self._line_ended.clear()

    async def _listen(self) -> None:
        if self._connector.is_pooled:
            return
        line = await self._connector.connect()
        try:
            with one_clear_sentence(self._connector.server):
                line.add_termination_listener(self._ended)
                await line.add_listener(CHANNEL, self._heard)
                await line.execute(f"SELECT pg_advisory_lock({_lock(self._node)})")
        except BaseException:
            line.terminate()
            raise
        self._line = line

    def _ended(self, _line: asyncpg.Connection) -> None:
        self._line_ended.set()

    def _heard(self, _line: asyncpg.Connection, _pid: int, _channel: str, node: object) -> None:
        if node != self._node:
            self._on_change()

    async def _beat(self, *, is_measuring: bool) -> None:
        async def beaten(db: Database) -> None:
            if is_measuring:
                await self._clock.measure(db)
            now = self._clock.now()
            lock = _lock(self._node) if self.is_listening else None
            await db.rows(_sql["enter_node"], node=self._node, lock=lock, now=micros(now))
            forgotten = micros(now - FORGOTTEN_AFTER)
            await db.rows(_sql["forget_nodes"], node=self._node, forgotten=forgotten)

        await self._pool.write(beaten, begin=BEGIN_LOOSELY)

    async def _tell(self) -> None:
        while True:
            await self._to_tell.wait()
            self._to_tell.clear()
            with contextlib.suppress(StoreUnavailable):  # who is not told looks by himself
                await self._pool.write(self._told, begin=BEGIN_LOOSELY)
            await asyncio.sleep(TELL_EVERY)

    async def _told(self, db: Database) -> None:
        await db.rows(_sql["announce"], node=self._node)
        await db.rows(_sql["notify"], channel=CHANNEL, node=self._node)

    async def _changes(self, db: Database) -> int:
        (changes,) = await db.one(_sql["changes"], node=self._node)
        return int(changes)

    async def _left(self, db: Database) -> None:
        await db.rows(_sql["leave_nodes"], nodes=[self._node])


def _lock(node: str) -> int:
    digest = blake2b(node.encode(), digest_size=8, person=b"node").digest()
    return int.from_bytes(digest, "big", signed=True)
