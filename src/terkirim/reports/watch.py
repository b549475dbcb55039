"""Looks every second which pauses are in force, and says so at once when one begins or ends."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog

from terkirim.domain.errors import TerkirimError
from terkirim.ports import Gates, Pause
from terkirim.reports.health import CRITICAL, pause_trouble

LOOK_EVERY = timedelta(seconds=1)

_log = structlog.get_logger("terkirim.health")


class Watch:
    """Knows the pauses of a moment ago, so that no answer to a caller waits for the database."""

    def __init__(self, gates: Gates, *, diverts: bool) -> None:
        self._gates = gates
        self._diverts = diverts
        self._pauses: Mapping[tuple[str, str, str], Pause] = {}
        self._task: asyncio.Task[None] | None = None
        self.refused: tuple[
            str, ...
        ] = ()  # providers that refuse their key, while mail is diverted

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
        for key in self._pauses.keys() - found.keys():
            provider, sender, fault = key
            _log.warning("pause over", provider=provider, sender=sender, fault=fault)
        self._pauses = found
        if self._diverts:
            self.refused = tuple(one.provider for one in found.values() if _refuses_key(one))

    def _tell_begin(self, pause: Pause) -> None:
        trouble = pause_trouble(pause, diverts=self._diverts)
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
