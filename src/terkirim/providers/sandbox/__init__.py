"""The provider that sends nothing and says so: for a gateway without a key, and for tries."""

import sys
from datetime import timedelta

from terkirim.domain.email import Carries, OutgoingMessage
from terkirim.domain.outcome import Accepted

__all__ = ["Sandbox"]


class Sandbox:
    """Accepts everything at once; each outcome is marked, so that no success is faked."""

    name = "sandbox"
    carries = Carries(
        reply_to=True, headers=True, text=True, content_ids=True, attachments=sys.maxsize
    )

    async def send(self, message: OutgoingMessage, *, within: timedelta) -> Accepted:
        del message, within
        return Accepted("sandbox", is_sandbox=True)

    async def probe(self, *, within: timedelta, sender: str | None = None) -> Accepted:
        del within, sender
        return Accepted("sandbox", is_sandbox=True)

    async def close(self) -> None:
        """Do nothing: there is no connection."""
