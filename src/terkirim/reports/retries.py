"""How much was retried, how often it helped, and why: read from the rollups alone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Any

from terkirim.domain.latency import upper_end
from terkirim.ports.statistics import Ask, Statistics
from terkirim.reports.delivery import share
from terkirim.reports.latency import waited
from terkirim.reports.spans import last_days

KINDS = ("outcome", "reason", "wait")
MOST_REASONS = 20
MOST_DAYS_OF_WAITS = 7
Sums = Sequence[tuple[str, str, int]]


async def retries(
    statistics: Statistics, *, now: datetime, zone: tzinfo, days: int
) -> dict[str, Any]:
    """Return the retry statistics of today and the days before it; a rate is from 0 to 1.

    Waits by hour are those of the last seven days.
    """
    span = last_days(days, now=now, zone=zone)
    sums = await statistics.sums(Ask(kinds=KINDS, since=span.since, until=span.until, by_day=True))
    outcomes = [(key.split(":"), count) for kind, key, count in sums if kind == "outcome"]
    attempts = sum(count for _, count in outcomes)
    again = sum(count for (_, _, number), count in outcomes if int(number) > 1)
    helped = sum(
        count for (_, name, number), count in outcomes if int(number) > 1 and name == "accepted"
    )
    return {
        "days": days,
        "attempts": attempts,
        "retries": again,
        "accepted_after_retry": helped,
        "success_rate_after_retry": share(helped, again),
        "by_attempt": _by_attempt(outcomes),
        "reasons": [
            {"reason": key, "count": count}
            for key, count in _of_kind(sums, "reason").most_common(MOST_REASONS)
        ],
        "waits": [
            {"up_to_seconds": round(upper_end(int(key)), 3), "count": count}
            for key, count in sorted(_of_kind(sums, "wait").items(), key=lambda pair: int(pair[0]))
        ],
        "waits_by_hour": await _waits_by_hour(
            statistics, now=now, zone=zone, days=min(days, MOST_DAYS_OF_WAITS)
        ),
    }


def _by_attempt(outcomes: Iterable[tuple[list[str], int]]) -> list[dict[str, int]]:
    numbers: dict[int, Counter[str]] = {}
    for (_, name, number), count in outcomes:
        numbers.setdefault(int(number), Counter())[name] += count
    return [{"attempt": number, **numbers[number]} for number in sorted(numbers)]


def _of_kind(sums: Sums, wanted: str) -> Counter[str]:
    return Counter({key: count for kind, key, count in sums if kind == wanted})


async def _waits_by_hour(
    statistics: Statistics, *, now: datetime, zone: tzinfo, days: int
) -> list[dict[str, Any]]:
    """Return how long the waits were that began in each hour; hours without any are left out."""
    span = last_days(days, now=now, zone=zone)
    ask = Ask(kinds=("wait",), since=span.since, until=span.until, by_day=False)
    found = await statistics.series(ask)
    hours = {one.begin: {int(key): n for key, n in one.by_key.items()} for one in found}
    return [
        {
            "hour": at.astimezone(zone).isoformat(),
            "count": (one := waited("", own)).count,
            "p50_seconds": None if one.p50 is None else round(one.p50.total_seconds(), 3),
            "p95_seconds": None if one.p95 is None else round(one.p95.total_seconds(), 3),
        }
        for at, own in hours.items()
    ]
