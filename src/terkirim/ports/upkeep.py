"""Periodic work, options, and what a store says of itself."""

from datetime import datetime, timedelta
from typing import Protocol


class Upkeep(Protocol):
    """Periodic work of which only one node does each piece."""

    async def reroute(self, *, limit: int = 10_000) -> int:
        """Send over the default route what waits on a route, or a place of one, that is no more.

        Such mail stands where no claim looks. Returns how many rows were moved, at most `limit`.
        """
        ...

    async def take_turn(self, name: str, *, every: timedelta, now: datetime) -> bool:
        """Return True for the one node that is to do the periodic work `name` now."""
        ...

    async def keep_option(self, name: str, value: str) -> str:
        """Keep a value under this name unless there is one; return the one that is kept."""
        ...

    async def free_bytes(self) -> int | None:
        """Return the bytes left where the database writes, None where that cannot be known."""
        ...

    async def check_writable(self) -> None:
        """Return if something could be written now; nothing is.

        Raises:
            StoreUnavailable: it could not.
        """
        ...
