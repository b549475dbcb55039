"""One batch: claim, send, settle. It decides nothing: the policy and the store's gates do."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from terkirim.domain.email import OutgoingMessage
from terkirim.domain.errors import InvalidEmail, StoreUnavailable
from terkirim.domain.lease import Settlement
from terkirim.domain.outcome import Outcome, ProviderFault, Rejected, Unclear
from terkirim.logs import Logger
from terkirim.policy.retry import RetrySchedule
from terkirim.policy.verdict import Facts, verdict
from terkirim.ports import ClaimWish, Clock, Dice, Outbox, Provider, Work

SETTLE_AGAIN_AFTER = 0.5  # seconds between tries while the database is away
ONE_SECOND = timedelta(seconds=1)

_log = Logger("terkirim.delivery")


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings:
    """How much is in the air, for how long, and what follows from each outcome."""

    concurrency: int = 200
    lease_for: timedelta = timedelta(seconds=120)
    request_within: timedelta = timedelta(seconds=30)
    unclear_wait: timedelta = timedelta(seconds=60)
    schedule: RetrySchedule = field(default_factory=RetrySchedule)
    observe: Callable[[Settlement], object] | None = None  # hears how each attempt ended

    @property
    def send_within(self) -> timedelta:
        """A request ends well before its lease does."""
        return min(self.request_within, self.lease_for / 2)


class Dispatcher:
    """Keeps up to `concurrency` requests in the air; one of these runs in a node."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        providers: Mapping[str, Provider],
        routes: Mapping[str, tuple[str, ...]],
        outgoing: Callable[[Work, datetime], OutgoingMessage],
        clock: Clock,
        dice: Dice,
        settings: DispatchSettings,
    ) -> None:
        self._outbox = outbox
        self._providers = providers
        self._routes = routes
        self._outgoing = outgoing
        self._clock = clock
        self._dice = dice
        self._settings = settings
        self._within = settings.send_within
        spare = settings.lease_for - settings.send_within - ONE_SECOND
        self._may_wait = spare.total_seconds()  # from the claim to the start of the request
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_air = 0
        self._freed = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._turn = 0
        self._is_stopping = False

    @property
    def in_air(self) -> int:
        """How many leases have not had their request's end yet."""
        return self._in_air

    async def fill(self) -> tuple[int, datetime | None]:
        """Claim as much as there is room for; return how many, and when more may be due."""
        async with self._claiming:
            is_full = self._in_air >= self._settings.concurrency
            return (0, None) if is_full or self._is_stopping else await self._filled()

    async def _filled(self) -> tuple[int, datetime | None]:
        leased_at = self._clock.monotonic()
        claim = await self._outbox.claim(self._wish)
        self._turn = claim.turn
        self._in_air += len(claim.works)
        for work in claim.works:
            task = asyncio.create_task(self._attempt(work, leased_at))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        return len(claim.works), claim.next_at

    async def freed(self) -> None:
        """Wait until a request has ended since the last call."""
        await self._freed.wait()
        self._freed.clear()

    async def stop(self, *, within: timedelta) -> int:
        """Start nothing new; wait for what is in the air; return how many were cut off."""
        self._is_stopping = True
        async with self._claiming:  # what a claim under way brings is released, not cut off
            pass
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within.total_seconds())
        cut_off = list(self._tasks)
        for task in cut_off:
            task.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)
        return len(cut_off)

    def _wish(self) -> ClaimWish:
        """Return what there is room for now; asked when the claim's turn has come."""
        return ClaimWish(
            limit=max(self._settings.concurrency - self._in_air, 0),
            now=self._clock.now(),
            lease_for=self._settings.lease_for,
            turn=self._turn,
        )

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("attempt broke", error=repr(error))

    async def _attempt(self, work: Work, leased_at: float) -> None:
        try:
            settlement = await self._settlement(work, leased_at)
        finally:  # the settlement goes ahead of the claim that this room allows
            self._in_air -= 1
            self._freed.set()
        if settlement is None:
            await _kept(lambda: self._outbox.release([work.lease], now=self._clock.now()))
        else:
            await _kept(lambda: self._outbox.settle(settlement))

    async def _settlement(self, work: Work, leased_at: float) -> Settlement | None:
        """Return what the request came to, None where it must not leave any more."""
        if self._is_too_late(leased_at) or self._is_stopping:
            return None
        started_at, begun = self._clock.now(), self._clock.monotonic()
        result = await self._sent(work, started_at)
        ended = self._clock.monotonic()
        facts = Facts(
            now=self._clock.now(),
            started_at=started_at,
            duration_us=round((ended - begun) * 1_000_000),
            schedule=self._settings.schedule,
            unclear_wait=self._settings.unclear_wait,
            spread=self._dice(),
            route=self._routes.get(work.lease.route, ()),
        )
        settlement = verdict(work.lease, result, facts)
        if self._settings.observe is not None:
            self._settings.observe(settlement)
        return settlement

    def _is_too_late(self, leased_at: float) -> bool:
        """A request leaves only if its lease outlasts it, by a clock that never jumps."""
        return self._clock.monotonic() - leased_at > self._may_wait

    async def _sent(self, work: Work, now: datetime) -> Outcome | ProviderFault:
        try:
            message = self._outgoing(work, now)
        except InvalidEmail as error:
            return Rejected(f"the content could not be rendered: {error}", field="variables")
        provider = self._providers[work.lease.provider]
        try:
            return await provider.send(message, within=self._within)
        except Exception as error:  # noqa: BLE001 - a provider with a bug: it may have left
            _log.exception("provider raised", provider=provider.name)
            return Unclear(f"internal error: {type(error).__name__}")


async def _kept(write: Callable[[], Awaitable[object]]) -> None:
    """Keep an outcome in hand until the database takes it; the fence decides if it counts.

    Nobody else would end it: a process never rescues its own leases.
    """
    while True:
        try:
            await write()
        except StoreUnavailable as error:
            _log.warning("outcome waits for the database", reason=str(error))
            await asyncio.sleep(SETTLE_AGAIN_AFTER)
        else:
            return
