"""How long mail took from its submission, or its scheduled time, until a provider had it.

All waits between attempts are in it; the sandbox's mail is not.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from terkirim.domain.latency import percentiles
from terkirim.ports.statistics import Ask, Statistics
from terkirim.reports.delivery import DAYS, HOURS
from terkirim.reports.spans import Span, day_that_began

BY = (HOURS, DAYS)
SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """How long `count` messages took: half of them, 95 and 99 of a hundred; None without any."""

    key: str
    count: int
    p50: timedelta | None
    p95: timedelta | None
    p99: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The whole span, and its hours or days in which mail was accepted."""

    by: str
    span: Span
    total: Waited
    lines: tuple[Waited, ...]


async def latency(statistics: Statistics, *, span: Span, by: str = DAYS) -> Latency:
    """Return how long mail took in a span; its percentiles are a fifth too high at most."""
    by_day = by == DAYS
    span = span.in_days() if by_day else span.in_hours()
    ask = Ask(kinds=("latency",), since=span.since, until=span.until, by_day=by_day)
    parts: dict[str, list[Mapping[str, int]]] = {}
    for one in await statistics.series(ask):
        at = one.begin
        began = day_that_began(at, span.zone) if by_day else at.astimezone(span.zone)
        parts.setdefault(began.isoformat(), []).append(one.by_key)
    counts = {key: _added(some) for key, some in sorted(parts.items())}
    every = _added(counts.values())
    # The same few buckets hour after hour: each name is read once, and put in order once.
    buckets = sorted((int(name), name) for name in every)
    total = waited("", _numbered(every, buckets))
    lines = tuple(waited(key, _numbered(own, buckets)) for key, own in counts.items())
    return Latency(by=by, span=span, total=total, lines=lines)


def waited(key: str, buckets: Mapping[int, int]) -> Waited:
    """Return what buckets with their counts tell."""
    p50, p95, p99 = percentiles(buckets, SHARES)
    return Waited(key=key, count=sum(buckets.values()), p50=p50, p95=p95, p99=p99)


def shape(found: Latency) -> dict[str, Any]:
    """Return the report as programs read it."""
    return {
        "object": "latency_statistics",
        "by": found.by,
        "since": found.span.since.astimezone(found.span.zone).isoformat(),
        "until": found.span.until.astimezone(found.span.zone).isoformat(),
        "total": _figures(found.total),
        "data": [{"key": line.key} | _figures(line) for line in found.lines],
    }


def _added(parts: Collection[Mapping[str, int]]) -> Mapping[str, int]:
    """Return the sums of counts; mostly there is one part, which is returned as it is."""
    first, *more = parts or [{}]
    if not more:
        return first
    sums = dict(first)
    for part in more:
        for key, count in part.items():
            sums[key] = sums.get(key, 0) + count
    return sums


def _numbered(counts: Mapping[str, int], buckets: Sequence[tuple[int, str]]) -> dict[int, int]:
    return {number: counts[name] for number, name in buckets if name in counts}


def _figures(one: Waited) -> dict[str, Any]:
    return {
        "count": one.count,
        "p50_seconds": _seconds(one.p50),
        "p95_seconds": _seconds(one.p95),
        "p99_seconds": _seconds(one.p99),
    }


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else round(span.total_seconds(), 4)
