"""Which processes are alive: each holds a lock on a file of its own beside the database."""

import fcntl
import os
from pathlib import Path

_held: set[int] = set()


def _let_go() -> None:
    """Close what a forked child has of its parent's locks: they would outlive the parent in it."""
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_let_go)


def lock_folder(database: Path) -> Path:
    """Return the folder for locks beside a database."""
    return database.with_name(database.name + ".lock.d")


def opened_here(path: Path) -> int:
    """Return a handle of a file to lock, which a forked child does not keep."""
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    _held.add(handle)
    return handle


def closed_here(handle: int) -> bool:
    """Close such a handle; False in a forked child, whose parent goes on with it."""
    is_own = handle in _held
    if is_own:
        _held.discard(handle)
        os.close(handle)
    return is_own


class NodeFiles:
    """The lock files of the processes that share one SQLite file.

    The kernel drops a lock when its process ends, however it ends: that is how a lease of a killed
    process is known to be dead at once.
    """

    def __init__(self, database: Path) -> None:
        self._folder = lock_folder(database)
        self._own: tuple[str, int] | None = None

    def enter(self, node: str) -> None:
        """Say that this process is alive, for as long as it is."""
        handle = opened_here(self._folder / node)
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
            self._own = None
            if closed_here(handle):
                (self._folder / node).unlink(missing_ok=True)
