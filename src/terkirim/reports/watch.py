"""Looks every second which pauses are in force, and says so at once when one begins or ends."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from terkirim.domain.errors import TerkirimError
from terkirim.logs import Logger
from terkirim.ports import Gates, Pause
from terkirim.reports.health import CRITICAL, SANDBOX, HealthRules, pause_trouble

LOOK_EVERY = timedelta(seconds=1)
DIVERTED = (
    "the provider refuses our key (TERKIRIM_ON_INVALID_KEY=sandbox): this mail is kept in the "
    "sandbox and is NOT really sent"
)

_log = Logger("terkirim.health")


class Watch:
    """Knows the pauses of a moment ago, so that no answer to a caller waits for the database."""

    def __init__(
        self, gates: Gates, *, routes: Mapping[str, tuple[str, ...]], rules: HealthRules
    ) -> None:
        self.rules = rules
        self._gates = gates
        self._routes = routes
        self._pauses: Mapping[tuple[str, str, str], Pause] = {}
        self._diverted: frozenset[str] = frozenset()
        self._task: asyncio.Task[None] | None = None

    def is_sandboxed(self, route: str) -> bool:
        """True while mail of this route ends in the sandbox, by settings or by a refused key."""
        return SANDBOX in self._routes[route] or route in self._diverted

    def warnings_of(self, route: str) -> tuple[str, ...]:
        """Return what everybody must hear now who sends over this route."""
        return (DIVERTED,) if route in self._diverted else ()

    def start(self) -> None:
        """Begin to look, in the running loop."""
        self._task = asyncio.create_task(self._look_for_ever(), name="watch")

    async def stop(self) -> None:
        """Stop looking; safe to call twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def look(self) -> None:
        """Compare the pauses in force with those of the last look."""
        found = {(one.provider, one.sender, one.fault): one for one in await self._gates.pauses()}
        for key in found.keys() - self._pauses.keys():
            self._tell_begin(found[key])
        for provider, sender, fault in self._pauses.keys() - found.keys():
            _log.warning("pause over", provider=provider, sender=sender, fault=fault)
        self._pauses = found
        if self.rules.diverts:
            refused = {one.provider for one in found.values() if _refuses_key(one)}
            self._diverted = frozenset(
                route for route, names in self._routes.items() if refused.issuperset(names)
            )

    def _tell_begin(self, pause: Pause) -> None:
        trouble = pause_trouble(pause, diverts=self.rules.diverts)
        tell = _log.error if trouble.level == CRITICAL else _log.warning
        tell("provider paused", says=trouble.says, provider=pause.provider, fault=pause.fault)

    async def _look_for_ever(self) -> None:
        while True:
            try:
                await self.look()
            except TerkirimError as error:
                _log.warning("the pauses cannot be read", reason=str(error))
            await asyncio.sleep(LOOK_EVERY.total_seconds())


def _refuses_key(pause: Pause) -> bool:
    return pause.fault == "Unauthorised" and not pause.sender
