"""A few connections for what is not asked in numbers: reads, and writes of a transaction each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg

from terkirim.domain.errors import StoreUnavailable
from terkirim.store.counting import Rollups
from terkirim.store.postgres.connection import (
    BEGIN,
    BEGIN_READING,
    Connector,
    closed,
    is_lost,
    one_clear_sentence,
)
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.transacting import (
    COLLISIONS,
    FORGOTTEN,
    TRIES,
    Unknown,
    transacted,
)

T = TypeVar("T")


class Pool:
    """Lends connections; each call is a transaction of its own, repeated when it may be.

    It keeps no more than its connections: asyncpg's own pool asks the server to forget a session's
    state at each return, which here has none, and a pooler's must not be touched.
    """

    def __init__(self, connector: Connector, *, rollups: Rollups, size: int) -> None:
        self._connector = connector
        self._rollups = rollups
        self._free: list[asyncpg.Connection] = []
        self._size = size
        self._room = asyncio.Semaphore(size)
        self._is_closed = False

    async def write(self, call: Callable[[Database], Awaitable[T]], *, begin: str = BEGIN) -> T:
        """Return what the call answers, after its commit. It may be made more than once."""
        for _ in range(TRIES):
            async with self._lent() as connection:
                try:
                    return await transacted(connection, call, begin=begin, rollups=self._rollups)
                except (*COLLISIONS, Unknown):
                    continue
                except FORGOTTEN:
                    self._connector.is_pooled = True
                    connection.terminate()
                except Exception as error:
                    # What took too long once would take too long again.
                    if not is_lost(connection, error) or isinstance(error, TimeoutError):
                        with one_clear_sentence(self._connector.server):
                            raise
        raise StoreUnavailable(f"{self._connector.server} broke off every try")

    async def read(self, question: Callable[[Database], Awaitable[T]]) -> T:
        """Return what the question finds, all of it as of one instant."""
        return await self.write(question, begin=BEGIN_READING)

    async def close(self) -> None:
        """Wait for the calls under way, then close."""
        self._is_closed = True
        for _ in range(self._size):
            await self._room.acquire()
        for connection in self._free:
            await closed(connection)

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[asyncpg.Connection]:
        if self._is_closed:
            raise StoreUnavailable("the database is closed")
        async with self._room:
            connection = await self._taken()
            try:
                yield connection
            finally:
                if not connection.is_closed():
                    self._free.append(connection)

    async def _taken(self) -> asyncpg.Connection:
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
        return await self._connector.connect()
