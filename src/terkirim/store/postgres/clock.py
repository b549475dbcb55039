"""The server's time on this machine: every node of a database goes by one clock."""

from datetime import datetime, timedelta

from terkirim.ports import Clock
from terkirim.store.postgres.database import Database
from terkirim.store.queries import Queries
from terkirim.store.times import instant

SAMPLES = 3

_sql = Queries("terkirim.store.postgres")


class ServerClock:
    """Local time and how far it is from the server's, as it was measured last."""

    def __init__(self, local: Clock) -> None:
        self._local = local
        self.offset = timedelta()

    def now(self) -> datetime:
        """Return the present instant of the server."""
        return self._local.now() + self.offset

    def monotonic(self) -> float:
        """Return seconds that never go back, whatever the server says."""
        return self._local.monotonic()

    async def measure(self, db: Database) -> None:
        """Ask the server the time; the quickest of a few answers is the most exact."""
        self.offset = min([await self._sample(db) for _ in range(SAMPLES)])[1]

    async def _sample(self, db: Database) -> tuple[float, timedelta]:
        asked, local = self._local.monotonic(), self._local.now()
        (server,) = await db.one(_sql["server_time"])
        took = self._local.monotonic() - asked
        return took, instant(server) - (local + timedelta(seconds=took / 2))
