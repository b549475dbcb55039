"""The one writer thread: what waits is written as one group, in one transaction, with one fsync."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from enum import IntEnum
from operator import attrgetter
from pathlib import Path
from typing import Any

import apsw

from terkirim.domain.errors import StoreUnavailable
from terkirim.store.sqlite.connection import one_clear_sentence
from terkirim.store.sqlite.fair_lock import FairLock

GROUP_LIMIT = 500
CHECKPOINT_PAGES = 2_000  # of 4 KiB, in the write-ahead log
CHECKPOINT_TRUNCATE_PAGES = 50_000

Batch = Callable[[apsw.Connection, Sequence[Any]], list[Any]]


class Turn(IntEnum):
    """When in its group's transaction a call is made: a claim finds what the others left due."""

    FIRST = 0
    USUAL = 1
    LAST = 2


class _Member:
    """One call that waits for its commit."""

    __slots__ = ("batch", "future", "loop", "payload", "turn")

    def __init__(
        self, batch: Batch, payload: Any, turn: Turn, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.batch = batch
        self.payload = payload
        self.turn = turn
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()


class Writer:
    """Owns the writing connection. `write` may be called from any event loop."""

    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._turns = FairLock(path)
        self._waiting: deque[_Member] = deque()
        self._wake = threading.Condition()
        self._is_closing = False
        self._is_idle = False
        self._wal_pages = 0
        connection.set_wal_hook(self._note_wal_size)
        self._thread = threading.Thread(target=self._run, name="terkirim-writer", daemon=True)
        self._thread.start()

    async def write(self, batch: Batch, payload: Any, turn: Turn = Turn.USUAL) -> Any:
        """Return what `batch` says of `payload`, after the commit of the group it went with.

        A result that is an exception is raised here, and its transaction stands. An exception out
        of `batch` rolls back; then each member of the group is written by itself, so that only the
        guilty one hears of it.
        """
        member = _Member(batch, payload, turn, asyncio.get_running_loop())
        self._waiting.append(member)
        if self._is_closing and self._is_taken_back(member):
            raise StoreUnavailable("the database is being closed")
        if self._is_idle:  # else it looks again by itself, and the lock is not asked for
            self._is_idle = False  # one of a burst wakes it
            with self._wake:
                self._wake.notify()
        result = await member.future
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        """Write what waits, then end the thread and close the connection."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        self._thread.join()

    def _is_taken_back(self, member: _Member) -> bool:
        try:
            self._waiting.remove(member)
        except ValueError:  # the thread has it already, and will answer
            return False
        return True

    def _run(self) -> None:
        while True:
            with self._wake:
                self._is_idle = True  # before the look: who comes after it sees that and wakes us
                while not self._waiting and not self._is_closing:
                    self._wake.wait()
                self._is_idle = False
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_LIMIT))]
            if not group:
                break
            self._answer(group, self._written(group))
            self._checkpoint_when_long()
        self._connection.close()
        self._turns.close()

    def _written(self, group: list[_Member]) -> list[Any]:
        # A caller that was cancelled while it waited never learns the id: nothing is stored for it.
        group[:] = [member for member in group if not member.future.cancelled()]
        group.sort(key=_turn_of)
        if not group:
            return []
        try:
            return self._transaction(group)
        except Exception as error:  # noqa: BLE001 - it is handed to the caller that caused it
            if len(group) == 1:
                return [error]
            if isinstance(error.__cause__, apsw.BusyError):  # nobody of them is guilty
                return [StoreUnavailable(str(error)) for _ in group]
        return [self._written_alone(member) for member in group]

    def _written_alone(self, member: _Member) -> Any:
        try:
            return self._transaction([member])[0]
        except Exception as error:  # noqa: BLE001 - as above
            return error

    def _transaction(self, group: list[_Member]) -> list[Any]:
        execute = self._connection.execute
        with one_clear_sentence(self._path), self._turns.held():
            execute("BEGIN IMMEDIATE")
            try:
                results = self._results(group)
                execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    execute("ROLLBACK")
                raise
        return results

    def _results(self, group: list[_Member]) -> list[Any]:
        kinds: dict[Batch, list[int]] = {}
        for index, member in enumerate(group):
            kinds.setdefault(member.batch, []).append(index)
        results: list[Any] = [None] * len(group)
        for batch, indexes in kinds.items():
            answers = batch(self._connection, [group[index].payload for index in indexes])
            for index, answer in zip(indexes, answers, strict=True):
                results[index] = answer
        return results

    @staticmethod
    def _answer(group: list[_Member], results: list[Any]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
        for member, result in zip(group, results, strict=True):
            by_loop.setdefault(member.loop, []).append((member.future, result))
        for loop, answers in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, answers)

    def _note_wal_size(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _checkpoint_when_long(self) -> None:
        """Copy the log into the file between commits, when nobody waits or it has grown long."""
        is_long = self._wal_pages > CHECKPOINT_TRUNCATE_PAGES
        if self._wal_pages < CHECKPOINT_PAGES or (self._waiting and not is_long):
            return
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if is_long else apsw.SQLITE_CHECKPOINT_PASSIVE
        try:
            self._connection.wal_checkpoint(mode=mode)
            self._wal_pages = 0
        except apsw.Error:  # a reader is in the way, or the disk is full: the log is safe as it is
            self._wal_pages = CHECKPOINT_PAGES // 2


_turn_of = attrgetter("turn")


def _resolve(answers: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in answers:
        if not future.done():
            future.set_result(result)
