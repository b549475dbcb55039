"""A connection that can only read, on a thread of its own: it never waits for the writer."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw

from terkirim.domain.errors import StoreUnavailable
from terkirim.store.sqlite.connection import one_clear_sentence, opened_for_reading

T = TypeVar("T")


class Reader:
    """Answers one question after the other; the connection is opened for the first one."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._connection: apsw.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._is_closed = False

    async def ask(self, question: Callable[[apsw.Connection], T]) -> T:
        """Return what the question finds.

        Raises:
            StoreUnavailable: the database cannot be read now, or was closed.
        """
        if self._is_closed:
            raise StoreUnavailable("the database is closed")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer, question)

    def close(self) -> None:
        """Answer what was asked, and close; safe to call twice."""
        self._is_closed = True
        self._thread.shutdown(wait=True)
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _answer(self, question: Callable[[apsw.Connection], T]) -> T:
        if self._connection is None:
            self._connection = opened_for_reading(self._path)
        with one_clear_sentence(self._path):
            return question(self._connection)
