"""The lines over which pages are told of changes: how many there are, and when they must end."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

MOST_OF_A_SESSION = 4  # a browser has six connections to one server, and needs some for its pages
MOST = 200


class Lines:
    """Counts the open lines; `stop` ends them all."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._stopping = asyncio.Event()

    @property
    def count(self) -> int:
        """How many are open."""
        return self._open.total()

    @property
    def is_stopping(self) -> bool:
        """True once every line has to end."""
        return self._stopping.is_set()

    def has_room(self, session: str) -> bool:
        """Return whether this session may open one more."""
        return self._open[session] < MOST_OF_A_SESSION and self.count < MOST

    @contextmanager
    def opened(self, session: str) -> Iterator[None]:
        """Count a line as long as the block runs."""
        self._open[session] += 1
        try:
            yield
        finally:
            self._open[session] -= 1
            if not self._open[session]:
                del self._open[session]

    async def rest(self, seconds: float) -> None:
        """Wait; no longer than until every line has to end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def stop(self) -> None:
        """End every line, and let none begin."""
        self._stopping.set()
