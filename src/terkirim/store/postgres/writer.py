"""Group commit: what waits is written as one group, in one transaction, with one COMMIT."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import asyncpg

from terkirim.domain.errors import StoreUnavailable
from terkirim.logs import Logger
from terkirim.store.counting import Rollups
from terkirim.store.postgres.connection import (
    BEGIN,
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

GROUP_LIMIT = 500
AGAIN_AFTER = 0.2  # seconds between two looks for a server that is away

_log = Logger("terkirim.store")

# What becomes of a group's payloads of one kind. `earlier`: what was answered in a transaction
# whose COMMIT was sent and never answered; None where there was none.
Batch = Callable[[Database, Sequence[Any], Sequence[Any] | None], Awaitable[list[Any]]]


class _Member:
    """One call that waits for its commit."""

    __slots__ = ("batch", "future", "payload")

    def __init__(self, batch: Batch, payload: Any, future: "asyncio.Future[Any]") -> None:
        self.batch = batch
        self.payload = payload
        self.future = future


class Writer:
    """Owns one connection and writes on it, a group at a time."""

    def __init__(self, connector: Connector, *, rollups: Rollups, order: Sequence[Batch]) -> None:
        """Kinds of calls share a transaction; within it they are made in this order."""
        self._connector = connector
        self._rollups = rollups
        self._place = {batch: place for place, batch in enumerate(order)}
        self._connection: asyncpg.Connection | None = None
        self._waiting: deque[_Member] = deque()
        self._wake = asyncio.Event()
        self._is_closing = False
        self._away = ""
        self._away_until = 0.0
        self._task = asyncio.create_task(self._run(), name="terkirim-writer")

    async def write(self, batch: Batch, payload: Any) -> Any:
        """Return what `batch` says of `payload`, after the commit of the group it went with.

        A result that is an exception is raised here, and its transaction stands. An exception out
        of `batch` rolls back; then each member of the group is written by itself, so that only the
        guilty one hears of it.
        """
        if self._is_closing:
            raise StoreUnavailable("the database is being closed")
        member = _Member(batch, payload, asyncio.get_running_loop().create_future())
        self._waiting.append(member)
        self._wake.set()
        result = await member.future
        if isinstance(result, Exception):
            raise result
        return result

    async def close(self) -> None:
        """Write what waits, then close the connection."""
        self._is_closing = True
        self._wake.set()
        await self._task

    async def _run(self) -> None:
        while self._waiting or not self._is_closing:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                group = self._next_group()
                if group:
                    _answer(group, await self._written(group))
        if self._connection is not None:
            await closed(self._connection)

    def _next_group(self) -> list[_Member]:
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_LIMIT))]
        # A caller that was cancelled while it waited never learns the id: nothing is stored for it.
        return [member for member in taken if not member.future.cancelled()]

    async def _written(self, group: list[_Member]) -> list[Any]:
        try:
            return await self._committed(group)
        except StoreUnavailable as error:
            return _told(error, len(group))
        except Exception as error:  # noqa: BLE001 - it is handed to the caller that caused it
            if len(group) == 1:
                return [error]
        return [(await self._written([member]))[0] for member in group]

    async def _committed(self, group: list[_Member]) -> list[Any]:
        """Return the results of a transaction that is known to be committed."""
        for _ in range(TRIES):
            connection = await self._connected()
            try:
                return await self._transaction(connection, group, None)
            except Unknown as unknown:
                _log.warning("a COMMIT was not answered: it is repeated", waiting=len(group))
                return await self._known(group, unknown.result)
            except COLLISIONS:
                continue
            except FORGOTTEN:
                self._connector.is_pooled = True
                connection.terminate()
            except Exception as error:
                if not is_lost(connection, error):
                    with one_clear_sentence(self._connector.server):
                        raise
        raise StoreUnavailable(f"{self._connector.server} broke off every try to write")

    async def _known(self, group: list[_Member], earlier: list[Any]) -> list[Any]:
        """Repeat a transaction whose COMMIT was never answered, for as long as that takes.

        Every batch bears that: what stands already is found, not written twice. The callers wait;
        to tell them anything would be to guess. Who comes meanwhile hears that the server is away.
        """
        while not self._is_closing:
            try:
                with one_clear_sentence(self._connector.server):
                    return await self._transaction(await self._connected(), group, earlier)
            except StoreUnavailable as error:
                self._refuse_the_waiting(error)
            except (*COLLISIONS, Unknown):
                pass
            except Exception as error:  # noqa: BLE001 - it is handed to the callers
                return [error] * len(group)
            await asyncio.sleep(AGAIN_AFTER)
        raise StoreUnavailable("closed before the server said whether this was stored")

    async def _transaction(
        self, connection: asyncpg.Connection, group: list[_Member], earlier: list[Any] | None
    ) -> list[Any]:
        call = partial(self._results, group=group, earlier=earlier)
        return await transacted(connection, call, begin=BEGIN, rollups=self._rollups)

    async def _results(
        self, database: Database, *, group: list[_Member], earlier: list[Any] | None
    ) -> list[Any]:
        kinds: dict[Batch, list[int]] = {}
        for index, member in enumerate(group):
            kinds.setdefault(member.batch, []).append(index)
        results: list[Any] = [None] * len(group)
        for batch in sorted(kinds, key=self._place.__getitem__):
            indexes = kinds[batch]
            before = None if earlier is None else [earlier[index] for index in indexes]
            answers = await batch(database, [group[index].payload for index in indexes], before)
            for index, answer in zip(indexes, answers, strict=True):
                results[index] = answer
        return results

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        now = asyncio.get_running_loop().time()
        if now < self._away_until:
            raise StoreUnavailable(self._away)
        try:
            self._connection = await self._connector.connect()
        except StoreUnavailable as error:
            self._away, self._away_until = str(error), now + AGAIN_AFTER
            raise
        return self._connection

    def _refuse_the_waiting(self, error: StoreUnavailable) -> None:
        refused = [self._waiting.popleft() for _ in range(len(self._waiting))]
        _answer(refused, _told(error, len(refused)))


def _told(error: StoreUnavailable, count: int) -> list[Any]:
    """Return an error for each: one that is raised in many places would grow a traceback of all."""
    return [StoreUnavailable(str(error)) for _ in range(count)]


def _answer(group: Sequence[_Member], results: Sequence[Any]) -> None:
    for member, result in zip(group, results, strict=True):
        if not member.future.done():
            member.future.set_result(result)
