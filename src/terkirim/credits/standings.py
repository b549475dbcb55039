"""How accounts stand now: the last reading, less what our own counts say was spent since."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from terkirim.domain.credit import Ahead, Forecast, Level, Reading, Spent, Standing, Waiting
from terkirim.policy.conditions import (
    CREDITS_LEVEL,
    CREDITS_RUN_OUT,
    level_before,
)
from terkirim.policy.credit import (
    CreditSettings,
    level_of,
    price_of,
    remaining,
    spent_since,
)
from terkirim.policy.forecast import HISTORY_HOURS, course, forecast
from terkirim.ports import Clock
from terkirim.ports.alerts import Alarms
from terkirim.ports.credits import CreditBook, LastReadings

HISTORY = timedelta(hours=HISTORY_HOURS)
CHECKS = 20  # as many failures in a row are counted at most


class Standings:
    """Read-only: asks no provider and changes nothing."""

    def __init__(
        self,
        *,
        providers: Sequence[str],
        routes: Mapping[str, Sequence[str]],
        book: CreditBook,
        alarms: Alarms,
        clock: Clock,
        levels: CreditSettings,
    ) -> None:
        self.providers = tuple(providers)
        self.levels = levels
        self._routes = routes
        self._book = book
        self._alarms = alarms
        self._clock = clock

    async def all(self) -> list[Standing]:
        """Return how every prepaid account stands."""
        return [await self.one(provider) for provider in self.providers]

    async def one(self, provider: str) -> Standing:
        """Return how this account stands."""
        now = self._clock.now()
        last = await self._book.last_readings(provider, checks=CHECKS)
        begin = now - HISTORY if last.known is None else min(now - HISTORY, last.known.at)
        spent = await self._book.spent(provider, since=begin, until=now)
        waiting = await self._book.waiting(provider, routes=self._routes, now=now)
        balance, used = self._balance(last.known, spent)
        before = await self.level_before(provider)
        known = Level.UNKNOWN
        if balance is not None:
            known = level_of(balance, before=before, settings=self.levels)
        failed = _failed(last)
        left = await self._book.allowance(provider)
        return Standing(
            provider=provider,
            at=now,
            balance=balance,
            is_estimated=used > 0,
            level=Level.UNKNOWN if _is_blind(last) else known,
            known_level=known,
            reading=last.known,
            failures=len(failed),
            fault=failed[0].fault if failed else "",
            reason=failed[0].reason if failed else "",
            checked_at=last.checks[0].at if last.checks else None,
            forecast=self._forecast(balance, spent, waiting),
            waiting=waiting,
            is_reserved=left == 0,
        )

    async def course(self, standing: Standing, *, days: int) -> list[Ahead]:
        """Return what is expected to be left day by day; empty where that cannot be told."""
        if standing.balance is None:
            return []
        now = standing.at
        spent = await self._book.spent(standing.provider, since=now - HISTORY, until=now)
        price, waiting = self.price(spent), standing.waiting
        return course(
            standing.balance,
            self._burn(spent),
            now=now,
            due=waiting.due * price,
            later={hour: count * price for hour, count in waiting.later},
            days=days,
        )

    async def level_before(self, provider: str) -> Level:
        """Return the level that people were last told of."""
        opened = await self._alarms.open({CREDITS_LEVEL})
        return level_before(next((one.severity for one in opened if one.subject == provider), None))

    async def running_out(self) -> frozenset[str]:
        """Return the accounts of which people were told that they run out."""
        return frozenset(one.subject for one in await self._alarms.open({CREDITS_RUN_OUT}))

    def price(self, spent: Sequence[Spent]) -> float:
        """Return what one mail costs, by this history."""
        return price_of(spent, per_bounce=self.levels.per_bounce)

    def _balance(self, reading: Reading | None, spent: Sequence[Spent]) -> tuple[int | None, int]:
        if reading is None:
            return None, 0
        hour = int(reading.at.timestamp()) // 3_600
        since = [one for one in spent if one.hour >= hour]
        used = spent_since(reading, since, per_bounce=self.levels.per_bounce)
        return remaining(reading, used), used

    def _forecast(self, balance: int | None, spent: Sequence[Spent], waiting: Waiting) -> Forecast:
        if balance is None:
            return Forecast(is_known=False)
        price = self.price(spent)
        return forecast(
            balance,
            self._burn(spent),
            now=self._clock.now(),
            due=waiting.due * price,
            later={hour: count * price for hour, count in waiting.later},
        )

    def _burn(self, spent: Sequence[Spent]) -> dict[int, int]:
        return {one.hour: one.sent + one.bounced * self.levels.per_bounce for one in spent}


def _failed(last: LastReadings) -> list[Reading]:
    """Return the newest checks that failed in a row."""
    known = next((at for at, one in enumerate(last.checks) if one.credits is not None), None)
    return list(last.checks[:known])


def _is_blind(last: LastReadings) -> bool:
    """Tell whether the newest check failed and no answer has named a balance since."""
    if last.known is None:
        return True
    newest = last.checks[0] if last.checks else last.known
    return newest.credits is None and last.known.at <= newest.at
