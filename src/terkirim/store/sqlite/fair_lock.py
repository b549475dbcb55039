"""Who writes next, among the processes that share one file: first come, first served.

SQLite lets a process that waits for the write lock sleep for up to 100 ms between its looks, while
the one that holds it comes back at once. Here whoever waits is next.
"""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from terkirim.store.sqlite.nodes import closed_here, lock_folder, opened_here

LOOK_EVERY = 0.000_1  # seconds; what wakes a waiter at once cannot be given up after a while
PATIENCE = 2.0  # seconds, then it goes without
REST = 30.0  # seconds without, after somebody held it for too long


class FairLock:
    """An order, no safety: that is SQLite's own lock, which everybody takes inside of this one.

    So nobody waits here for long for a process that was stopped, or that a debugger holds.
    """

    def __init__(
        self,
        database: Path,
        *,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        folder = lock_folder(database)
        # Who waits holds the first one, so that who has just let go of the second comes after it.
        self._next, self._own = (opened_here(folder / name) for name in (".next", ".writes"))
        self._patience, self._clock, self._sleep = patience, clock, sleep
        self._goes_without_until = -1.0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have the own turn inside the block."""
        taken = self._taken()
        try:
            yield
        finally:
            for handle in taken:
                fcntl.flock(handle, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the files back."""
        closed_here(self._next)
        closed_here(self._own)

    def _taken(self) -> tuple[int, ...]:
        if self._clock() < self._goes_without_until:
            return ()
        until = self._clock() + self._patience
        if not self._lock(self._next, until):
            return ()
        try:
            return (self._own,) if self._lock(self._own, until) else ()
        finally:
            fcntl.flock(self._next, fcntl.LOCK_UN)

    def _lock(self, handle: int, until: float) -> bool:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if not isinstance(error, BlockingIOError) or self._clock() >= until:
                    self._goes_without_until = until + REST
                    return False
                self._sleep(LOOK_EVERY)
            else:
                return True
