"""A provider that answers as a test tells it, and remembers what it was sent."""

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import timedelta

from terkirim.domain.email import Carries, OutgoingMessage
from terkirim.domain.outcome import Accepted, Outcome, ProviderFault, Unclear

__all__ = ["Line", "ScriptedProvider"]

Word = Outcome | ProviderFault
Line = Word | Callable[[OutgoingMessage], Word | Awaitable[Word]]

ACCEPTED = Accepted("scripted")


class ScriptedProvider:
    """Answers the lines of its script in order, then `otherwise`, and keeps `sent` and `probed`.

    A line is an outcome, or a function of the message (async where it is to wait) that returns one.
    """

    def __init__(
        self,
        *script: Line,
        otherwise: Line = ACCEPTED,
        name: str = "scripted",
        carries: Carries | None = None,
    ) -> None:
        self.name = name
        self.carries = Carries() if carries is None else carries
        self.otherwise = otherwise
        self.script = deque(script)
        self.probes: deque[Word] = deque()
        self.sent: list[OutgoingMessage] = []
        self.probed: list[str | None] = []
        self.is_closed = False

    async def send(self, message: OutgoingMessage, *, within: timedelta) -> Word:
        self.sent.append(message)
        line = self.script.popleft() if self.script else self.otherwise
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await _spoken(line, message)
        except TimeoutError:
            return Unclear("no answer in time", code="timeout")

    async def probe(self, *, within: timedelta, sender: str | None = None) -> Word:
        """Return the next of `probes`, Accepted once there are none."""
        del within
        self.probed.append(sender)
        return self.probes.popleft() if self.probes else ACCEPTED

    async def close(self) -> None:
        self.is_closed = True


async def _spoken(line: Line, message: OutgoingMessage) -> Word:
    if not callable(line):
        return line
    spoken = line(message)
    return await spoken if inspect.isawaitable(spoken) else spoken
