"""Who writes next, among the processes that share one file: first come, first served.

SQLite lets a process that waits for the write lock sleep for up to 100 ms between its looks, while
the one that holds it comes back at once. Here whoever waits is next.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path

from terkirim.store.sqlite.nodes import closed_here, lock_folder, opened_here

LOOK_EVERY = 0.000_1  # seconds; a call that waits by itself could not be given up
PATIENCE = 2.0  # seconds, then it goes without
REST = 30.0  # seconds without, after somebody held it for too long
# Who waits holds the first one, so that who has just let go of the second comes after it.
_FILES = (".next", ".writes")


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
        self._files: list[int] = []
        self._goes_without_until = -1.0
        try:
            for name in _FILES:
                self._files.append(_opened_for_owner(database, folder / name))
        except PermissionError:  # another user's process made them: no order is better than no mail
            self._goes_without_until = inf
        self._patience, self._clock, self._sleep = patience, clock, sleep

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
        for handle in self._files:
            closed_here(handle)

    def _taken(self) -> tuple[int, ...]:
        if self._clock() < self._goes_without_until:
            return ()
        until = self._clock() + self._patience
        queue, own = self._files
        if not self._lock(queue, until):
            return ()
        try:
            return (own,) if self._lock(own, until) else ()
        finally:
            fcntl.flock(queue, fcntl.LOCK_UN)

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


def _opened_for_owner(database: Path, path: Path) -> int:
    """Return a handle of a file that belongs to the database's owner, also where root makes it."""
    handle = opened_here(path)
    if os.geteuid() == 0:
        owner = database.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)
    return handle
