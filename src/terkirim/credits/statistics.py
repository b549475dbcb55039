"""Statistics over days: checks, balances, use, and where it leads."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta, tzinfo

from terkirim.policy.conditions import CREDIT_KINDS
from terkirim.policy.credit import cost_of
from terkirim.ports.alerts import AlertBook, AlertFilter
from terkirim.ports.credits import CreditBook, CreditStatistics

MOST_READINGS = 1_000  # newest first: forty days of hourly checks
MOST_ALERTS = 200
_WEEK = 7  # days


class Statistics:
    """Read-only questions about an account's past."""

    def __init__(
        self, *, book: CreditBook, alerts: AlertBook, zone: tzinfo, per_bounce: int
    ) -> None:
        self._book = book
        self._alerts = alerts
        self._zone = zone
        self._per_bounce = per_bounce

    async def over(
        self,
        provider: str,
        *,
        days: int,
        now: datetime,
        kinds: Collection[str] = CREDIT_KINDS,
    ) -> CreditStatistics:
        """Return the statistics of the last `days` days."""
        since = now - timedelta(days=days)
        checks, average, lowest = await self._book.reading_counts(provider, since=since)
        found = await self._alerts.alerts(
            AlertFilter(since=since, until=now, limit=MOST_ALERTS, kinds=kinds)
        )
        alerts = tuple(one for one in found if one.subject == provider)
        usage = await self._usage(provider, days=days, now=now)
        readings = await self._book.readings(provider, since=since, limit=MOST_READINGS)
        return CreditStatistics(
            days=days,
            checks=checks,
            average_balance=None if average is None else round(average),
            lowest_balance=lowest,
            alerts_raised=len(alerts),
            alerts=alerts,
            readings=tuple(readings),
            usage=usage,
            trend=_trend(usage, days=days),
        )

    async def balances(
        self, provider: str, *, since: datetime, each: timedelta
    ) -> list[tuple[datetime, int]]:
        """Return the last known balance of each stretch of time, oldest first."""
        return await self._book.balances(provider, since=since, each=each)

    async def _usage(self, provider: str, *, days: int, now: datetime) -> dict[date, int]:
        today = now.astimezone(self._zone).date()
        first = today - timedelta(days=days - 1)
        begin = datetime(first.year, first.month, first.day, tzinfo=self._zone)
        usage = {first + timedelta(days=day): 0 for day in range(days)}
        for one in await self._book.spent(provider, since=begin, until=now):
            day = datetime.fromtimestamp(one.hour * 3_600, self._zone).date()
            if day in usage:  # a zone of half hours begins its day within an hour
                usage[day] += cost_of([one], per_bounce=self._per_bounce)
        return usage


def _trend(usage: Mapping[date, int], *, days: int) -> float | None:
    if days <= 2 * _WEEK:
        return None
    whole = list(usage.values())[:-1]
    last, before = sum(whole[-_WEEK:]), sum(whole[-2 * _WEEK : -_WEEK])
    return round(last / before - 1, 3) if before else None
