"""One database that stands behind every port of sending."""

from typing import Protocol

from terkirim.ports.controls import Controls
from terkirim.ports.gates import Gates
from terkirim.ports.keys import KeyRing
from terkirim.ports.messages import MessageLog
from terkirim.ports.outbox import Outbox
from terkirim.ports.submissions import Submissions
from terkirim.ports.upkeep import Upkeep


class Store(Submissions, Outbox, Controls, Gates, MessageLog, KeyRing, Upkeep, Protocol):
    """One database that stands behind all of the above; opened by `compose`, closed once."""

    node: str

    async def close(self) -> None:
        """Finish what is queued for the writer and close; safe to call twice."""
        ...
