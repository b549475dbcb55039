"""Keeps the manners of a process those that people chose, on whichever node they did."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from terkirim.domain.alert import Activity
from terkirim.domain.phrase import Phrase
from terkirim.language.manners import Manners
from terkirim.logs import Logger
from terkirim.ports import Clock
from terkirim.ports.options import Options
from terkirim.schedule.periodic import Job
from terkirim.settings import Settings
from terkirim.settings.choices import CHOICES, chosen, fault_in, open_choices, zone_names

READ_EVERY = timedelta(seconds=10)
_DEEDS = {name: f"{name.replace('_', ' ')} changed" for name in CHOICES}

_log = Logger("terkirim.choices")


class Choices:
    """The language and the time zone: set by the environment, else chosen, else the default.

    `open` names those that may be chosen. `job` reads what other nodes chose.
    """

    def __init__(self, settings: Settings, *, options: Options, clock: Clock) -> None:
        self.open = open_choices(settings)
        self.manners = Manners(settings.language, settings.time_zone)
        self.job = Job(name="choices", every=READ_EVERY, work=self.read, is_own=True)
        self._settings = settings
        self._options = options
        self._clock = clock
        self._kept: Mapping[str, str] = {}
        self._reading = asyncio.Lock()

    @property
    def present(self) -> Mapping[str, str]:
        """What holds now, by name."""
        return dict(zip(CHOICES, (self.manners.say.language, self.manners.zone.key), strict=True))

    async def read(self) -> None:
        """Let the manners follow what is kept."""
        if not self.open:
            return
        async with self._reading:  # an older answer never comes after a newer one
            kept = await self._options.options(self.open)
            if kept == self._kept:
                return
            self._kept = kept
            self.manners.change(*chosen(self._settings, kept))
        for name, value in kept.items():
            if self.present[name] != value:
                _log.warning("a choice is not known here and was passed over", name=name)

    async def fault_in(self, name: str, value: str) -> Phrase | None:
        """Return why this may not be chosen, None where it may."""
        return await asyncio.to_thread(fault_in, self._settings, name, value)

    async def zones(self) -> tuple[str, ...]:
        """Return the names of all time zones, in order."""
        return await asyncio.to_thread(zone_names)

    async def choose(self, name: str, value: str, *, who: str) -> bool:
        """Keep a value that has no fault, and hold to it at once; False where it was so before."""
        await self.read()  # another node may have chosen a moment ago
        before = self._kept.get(name, self.present[name])
        if before == value:
            return False
        note = Activity(
            at=self._clock.now(),
            who=who,
            what=_DEEDS[name],
            subject=value,
            facts={"before": before},
        )
        is_changed = await self._options.set_option(name, value, note=note)
        await self.read()
        return is_changed
