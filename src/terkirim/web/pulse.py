"""How the gateway does now: asked of the database once for all who look, and not in a row."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from terkirim.compose import Gateway
from terkirim.domain.credit import Standing
from terkirim.domain.message import State
from terkirim.reports.credits import credit_troubles
from terkirim.reports.health import Health, health, with_troubles
from terkirim.reports.overview import Period, Recalled, by_hour, per_minute, periods
from terkirim.web.balance_line import Point, balance_line

HEALTH_KEPT = 2.0  # seconds, for the strip of every page
FIGURES_KEPT = 0.9  # seconds: less than a beat, so that each beat is a new one
STANDINGS_KEPT = 10.0  # seconds: a forecast reads eight weeks of counts
LINE_DAYS, LINE_EACH = 30, 24  # days back, hours between two points
_SHOWN = (State.QUEUED, State.LEASED, State.UNCLEAR, State.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the overview shows; `oldest`: how long the oldest due message waits, None without."""

    health: Health
    standings: Sequence[Standing]
    waiting: Mapping[State, int]
    oldest: timedelta | None
    rate: float
    periods: Sequence[Period]

    @property
    def has_sandboxed(self) -> bool:
        """True where the sandbox kept anything in these spans."""
        return any(one.now.sandboxed or one.before.sandboxed for one in self.periods)


class Pulse:
    """Keeps what it found for a moment; several who ask at once wait for one answer."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._recalled = Recalled(gateway.desk.insight, gateway.clock)
        self._lock = asyncio.Lock()
        self._health: tuple[float, Health] | None = None
        self._figures: tuple[float, Figures] | None = None
        self._standings: tuple[float, Sequence[Standing]] | None = None
        self._lines: tuple[float, Mapping[str, Sequence[Point]]] | None = None

    async def health(self) -> Health:
        """Return what is wrong now."""
        async with self._lock:
            return await self._found_health(kept_for=HEALTH_KEPT)

    async def figures(self) -> Figures:
        """Return what the overview shows."""
        async with self._lock:
            present = self._gateway.clock.monotonic()
            if self._figures is None or present - self._figures[0] > FIGURES_KEPT:
                self._figures = (present, await self._found_figures())
            return self._figures[1]

    async def lines(self) -> Mapping[str, Sequence[Point]]:
        """Return the line of each account's balance, by provider."""
        async with self._lock:
            present = self._gateway.clock.monotonic()
            if self._lines is None or present - self._lines[0] > STANDINGS_KEPT:
                self._lines = (present, await self._found_lines())
            return self._lines[1]

    def forget(self) -> None:
        """Ask anew at the next time: somebody has just changed something."""
        self._health = self._figures = self._standings = self._lines = None

    async def _found_figures(self) -> Figures:
        gateway = self._gateway
        now, insight = gateway.clock.now(), gateway.desk.insight
        found = await self._found_health(kept_for=FIGURES_KEPT)
        oldest = found.backlog.oldest_due_at
        return Figures(
            health=found,
            standings=await self._found_standings(),
            waiting={state: found.backlog.by_state.get(state, 0) for state in _SHOWN},
            oldest=None if oldest is None else max(now - oldest, timedelta()),
            rate=per_minute(await by_hour(insight, now=now, hours=2), now=now),
            periods=await periods(self._recalled, now=now, zone=gateway.desk.choices.manners.zone),
        )

    async def _found_health(self, *, kept_for: float) -> Health:
        present, gateway = self._gateway.clock.monotonic(), self._gateway
        if self._health is None or present - self._health[0] > kept_for:
            found = await health(gateway.store, now=gateway.clock.now(), rules=gateway.watch.rules)
            standings = await self._found_standings()
            others = credit_troubles(standings, lead=gateway.settings.credits_lead)
            self._health = (present, with_troubles(found, others))
        return self._health[1]

    async def _found_standings(self) -> Sequence[Standing]:
        present = self._gateway.clock.monotonic()
        if self._standings is None or present - self._standings[0] > STANDINGS_KEPT:
            self._standings = (present, await self._gateway.lookout.standings.all())
        return self._standings[1]

    async def _found_lines(self) -> Mapping[str, Sequence[Point]]:
        return {
            one.provider: await balance_line(self._gateway, one, days=LINE_DAYS, each=LINE_EACH)
            for one in await self._found_standings()
        }
