"""Looks again for the messages of events that found none, when they are due for it."""

from terkirim.ports import Clock
from terkirim.ports.tracking import CallbackLog

MATCHED_AT_ONCE = 500  # events in one transaction


class Rematching:
    """A round over all that is due; what finds nothing is due again later, ever more rarely."""

    def __init__(self, *, log: CallbackLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    async def run(self) -> int:
        """Return how many events found their message."""
        count, looked = 0, MATCHED_AT_ONCE
        while looked == MATCHED_AT_ONCE:
            looked, found = await self._log.rematch(now=self._clock.now(), limit=MATCHED_AT_ONCE)
            count += found
        return count
