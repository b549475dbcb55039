"""The loop that runs for ever: keeps the dispatcher filled, sweeps, rescues, ends pauses."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from terkirim.delivery.dispatcher import Dispatcher
from terkirim.domain.errors import TerkirimError
from terkirim.domain.outcome import QuotaReached
from terkirim.logs import Logger
from terkirim.policy.pauses import is_over, new_cause
from terkirim.policy.retry import RetrySchedule
from terkirim.ports import BY_HAND, Clock, Gates, Outbox, Pause, Provider

IDLE_FOR = timedelta(seconds=1)  # at most this long without a look, whatever was promised
SWEPT_AT_ONCE = 1_000  # messages in one transaction
BROKEN_FOR = 1.0  # seconds of rest after an error of the database

_log = Logger("terkirim.worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How often the periodic parts run, and what rescued mail has left to wait."""

    unclear_wait: timedelta = timedelta(seconds=60)
    schedule: RetrySchedule = field(default_factory=RetrySchedule)
    rescue_every: timedelta = timedelta(seconds=5)
    sweep_every: timedelta = timedelta(seconds=1)
    pause_probe: timedelta = timedelta(seconds=60)
    probe_within: timedelta = timedelta(seconds=15)


class Worker:
    """Runs one node's dispatcher until it is stopped."""

    def __init__(
        self,
        *,
        dispatcher: Dispatcher,
        outbox: Outbox,
        gates: Gates,
        providers: Mapping[str, Provider],
        clock: Clock,
        settings: WorkerSettings,
    ) -> None:
        self._dispatcher = dispatcher
        self._outbox = outbox
        self._gates = gates
        self._providers = providers
        self._clock = clock
        self._settings = settings
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def in_air(self) -> int:
        """How many leases this node holds."""
        return self._dispatcher.in_air

    def start(self) -> None:
        """Begin to work in the running loop."""
        settings = self._settings
        self._tasks = [
            asyncio.create_task(self._dispatch(), name="dispatch"),
            asyncio.create_task(self._every(settings.rescue_every, self.rescue), name="rescue"),
            asyncio.create_task(self._every(settings.sweep_every, self.sweep), name="sweep"),
            asyncio.create_task(self._every(settings.pause_probe, self.probe_pauses), name="probe"),
        ]

    async def stop(self, *, within: timedelta) -> None:
        """Stop leasing, finish what is in the air, settle it."""
        cut_off = await self._dispatcher.stop(within=within)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if cut_off:
            _log.warning("stopped before every answer came", unclear=cut_off)

    async def rescue(self) -> None:
        """Make leases of dead or overdue nodes unclear."""
        count = await self._outbox.rescue(
            now=self._clock.now(),
            unclear_for=self._settings.unclear_wait,
            schedule=self._settings.schedule,
        )
        if count:
            _log.warning("leases rescued", count=count)

    async def sweep(self) -> None:
        """End what expired, and what waited long enough for a word."""
        swept = SWEPT_AT_ONCE
        while swept >= SWEPT_AT_ONCE:
            swept = await self._outbox.sweep(now=self._clock.now(), limit=SWEPT_AT_ONCE)

    async def probe_pauses(self) -> None:
        """Ask paused providers, without mail, whether they take it again; if so, one mail asks."""
        for pause in await self._gates.pauses():
            if pause.until is not None:
                if self._clock.now() >= pause.until:
                    await self._end(pause)
            elif pause.fault != BY_HAND and pause.provider in self._providers:
                await self._probe(pause, self._providers[pause.provider])

    async def _probe(self, pause: Pause, provider: Provider) -> None:
        """End the pause where it is over; where another fault keeps it, let it say so."""
        within = self._settings.probe_within
        answer = await provider.probe(within=within, sender=pause.sender or None)
        if is_over(pause.fault, answer, is_of_sender=bool(pause.sender)):
            await self._end(pause)
        elif not pause.sender and (cause := new_cause(pause.fault, answer)) is not None:
            until = cause.until if isinstance(cause, QuotaReached) else None
            fault = type(cause).__name__
            await self._gates.pause(replace(pause, fault=fault, reason=cause.reason, until=until))

    async def _end(self, pause: Pause) -> None:
        await self._gates.resume(pause.provider, sender=pause.sender, fault=pause.fault)
        _log.info("one message asks", provider=pause.provider, sender=pause.sender)

    async def _dispatch(self) -> None:
        while True:
            try:
                count, next_at = await self._dispatcher.fill()
            except TerkirimError as error:
                _log.warning("the outbox cannot be read", reason=str(error))
                await asyncio.sleep(BROKEN_FOR)
                continue
            if count == 0:
                await self._rest(next_at)

    async def _rest(self, next_at: datetime | None) -> None:
        """Sleep until mail comes, falls due, or room is free."""
        wait = IDLE_FOR
        if next_at is not None:
            wait = min(max(next_at - self._clock.now(), timedelta(milliseconds=1)), IDLE_FOR)
        changed = asyncio.create_task(self._outbox.changed(within=wait))
        freed = asyncio.create_task(self._dispatcher.freed())
        try:
            await asyncio.wait({changed, freed}, return_when=asyncio.FIRST_COMPLETED)
        finally:  # also of a rest that is cut short: neither may outlive the database
            changed.cancel()
            freed.cancel()
            await asyncio.gather(changed, freed, return_exceptions=True)

    async def _every(self, wait: timedelta, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except TerkirimError as error:
                _log.warning("periodic work failed", reason=str(error))
            except Exception:  # noqa: BLE001 - the loop outlives a bug in one round, and logs it
                _log.exception("periodic work broke")
            await asyncio.sleep(wait.total_seconds())
