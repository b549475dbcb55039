"""Knows how every prepaid account stands, and says so where it stands badly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from terkirim.credits.standings import Standings
from terkirim.domain.alert import Activity, Condition
from terkirim.domain.credit import Reading, Source, Spent, Standing
from terkirim.domain.outcome import Outcome, ProviderFault, Unauthorised
from terkirim.policy.conditions import CREDIT_KINDS, credit_conditions, refused_key
from terkirim.policy.credit import CreditSettings, allowance, remaining, spent_since
from terkirim.ports import Clock
from terkirim.ports.alerts import Alarms
from terkirim.ports.credits import BalanceSource, CreditBook, Ears

SHOWN = 200  # characters of a provider's answer in a reason
ASK_AGAIN_AFTER = timedelta(minutes=5)  # where an estimate, not the clock, asks for a check
SCHEDULE = "schedule"  # who asks, where no person and no key does
GUARD = 1_000_000  # messages: more cannot leave between two looks


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """The levels, how near a run-out may come before it is told, and how long a check may take."""

    levels: CreditSettings = field(default_factory=CreditSettings)
    lead: timedelta = timedelta(days=3)
    check_within: timedelta = timedelta(seconds=15)


class Monitor:
    """Reads balances, keeps them, and settles what is wrong with them."""

    def __init__(
        self,
        *,
        sources: Mapping[str, BalanceSource],
        standings: Standings,
        book: CreditBook,
        alarms: Alarms,
        ears: Ears,
        clock: Clock,
        settings: MonitorSettings,
    ) -> None:
        self._sources = sources
        self._standings = standings
        self._book = book
        self._alarms = alarms
        self._ears = ears
        self._clock = clock
        self._settings = settings

    async def check(self, *, who: str = SCHEDULE) -> list[Standing]:
        """Ask every provider for its balance, for `who` it is; return how the accounts stand."""
        for provider, source in self._sources.items():
            await self._read(provider, source, who)
        return await self._settled(await self._standings.all())

    async def look(self) -> list[Standing]:
        """Settle by what was spent since the last reading; ask where that reaches another level."""
        standings = await self._standings.all()
        doubtful = [one for one in standings if await self._asks_for_check(one)]
        for standing in doubtful:
            await self._read(standing.provider, self._sources[standing.provider], SCHEDULE)
        return await self._settled(await self._standings.all() if doubtful else standings)

    async def listen(self) -> None:
        """Keep the balances that answers to mails named, as readings."""
        for heard in self._ears.balances():
            if heard.provider in self._sources:
                reading = Reading(
                    provider=heard.provider, at=heard.at, credits=heard.credits, source=Source.SEND
                )
                await self._book.keep_reading(reading)

    async def _read(self, provider: str, source: BalanceSource, who: str) -> None:
        answer = await source.balance(within=self._settings.check_within)
        reading = _reading(provider, answer, self._clock.now())
        facts = {"credits": reading.credits, "reason": reading.reason}
        asked = Activity(
            at=reading.at, who=who, what="credits checked", subject=provider, facts=facts
        )
        await self._book.keep_reading(reading, asked)
        if reading.fault == Unauthorised.__name__:
            await self._alarms.raise_(refused_key(provider, reading.reason))

    async def _asks_for_check(self, standing: Standing) -> bool:
        """Tell whether a check is due before its hour: for another level, or a key put right."""
        at = standing.checked_at
        if at is not None and standing.at - at < ASK_AGAIN_AFTER:
            return False
        if standing.fault == Unauthorised.__name__:
            return True
        before = await self._standings.level_before(standing.provider)
        return standing.is_estimated and standing.known_level is not before

    async def conditions(self, standings: Sequence[Standing]) -> list[Condition]:
        """Return what is wrong with accounts that stand so."""
        running_out = await self._standings.running_out()
        return [
            condition
            for standing in standings
            for condition in credit_conditions(
                standing,
                lead=self._settings.lead,
                is_running_out=standing.provider in running_out,
            )
        ]

    async def _settled(self, standings: Sequence[Standing]) -> list[Standing]:
        conditions = await self.conditions(standings)
        balances = {one.provider: {"balance": one.balance} for one in standings}
        await self._alarms.settle(conditions, kinds=CREDIT_KINDS, standing=balances)
        for standing in standings:
            if standing.reading is not None:
                await self._book.renew_allowance(
                    standing.reading, allow=partial(self._allowance, standing.reading)
                )
        return list(standings)

    def _allowance(self, reading: Reading, counted: Sequence[Spent], in_air: int) -> int | None:
        levels = self._settings.levels
        used = spent_since(reading, counted, per_bounce=levels.per_bounce)
        return allowance(remaining(reading, used), in_air=in_air, settings=levels, guard=GUARD)


def _reading(provider: str, answer: int | Outcome | ProviderFault, at: datetime) -> Reading:
    if isinstance(answer, int):
        return Reading(provider=provider, at=at, credits=answer)
    said = getattr(answer, "reason", "")
    words = f"{said}: {answer.answer[:SHOWN]}" if answer.answer else said
    return Reading(
        provider=provider, at=at, credits=None, fault=type(answer).__name__, reason=words
    )
