"""Which processes are alive: each holds a lock on a file of its own beside the database."""

import fcntl
import os
from pathlib import Path


class NodeFiles:
    """The lock files of the processes that share one SQLite file.

    The kernel drops a lock when its process ends, however it ends: that is how a lease of a killed
    process is known to be dead at once.
    """

    def __init__(self, database: Path) -> None:
        self._folder = database.with_name(database.name + ".lock.d")
        self._own: tuple[str, int] | None = None

    def enter(self, node: str) -> None:
        """Say that this process is alive, for as long as it is."""
        self._folder.mkdir(exist_ok=True)
        handle = os.open(self._folder / node, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._own = (node, handle)

    def is_dead(self, node: str) -> bool:
        """Return True if no living process holds this node's lock; its file is removed then."""
        path = self._folder / node
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            path.unlink(missing_ok=True)
            return True
        finally:
            os.close(handle)

    def leave(self) -> None:
        """Drop the own lock and its file."""
        if self._own is not None:
            node, handle = self._own
            (self._folder / node).unlink(missing_ok=True)
            os.close(handle)
            self._own = None
