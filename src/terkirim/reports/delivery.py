"""What became of mail: how much was accepted, delivered, opened, clicked, bounced, complained of.

A rate is a share from 0 to 1 of what was accepted, None where nothing was: nobody can tell. It is
never above 1, although an open may come in a later hour, or day, than the mail that it is about.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

from terkirim.domain.delivery import Outcomes
from terkirim.ports.statistics import Ask, Statistics, Sums
from terkirim.reports.spans import Span, day_that_began

HOURS, DAYS, TAGS, SENDERS, PROVIDERS = "hour", "day", "tag", "sender", "provider"
BY = (HOURS, DAYS, TAGS, SENDERS, PROVIDERS)
MOST = 100  # tags, or senders, of an answer
_KINDS = ("event_first",)  # of the messages, not of the attempts
_NAMED = {TAGS: "event_tag", SENDERS: "event_sender"}
_UNSENT = "sandbox"  # the provider that sends nothing
_FIELDS = frozenset(Outcomes.__dataclass_fields__)
_NOTHING = dict.fromkeys(_FIELDS | {""}, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One hour, day, tag, sender or provider; `key` is its name, of an hour its begin."""

    key: str
    outcomes: Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The lines, and all mail of the span; `has_more`: there are lines that are not shown."""

    by: str
    span: Span
    total: Outcomes
    lines: tuple[Line, ...]
    has_more: bool = False


async def delivery(
    statistics: Statistics, *, span: Span, by: str = DAYS, limit: int = MOST
) -> Delivery:
    """Return what became of the mail of a span, by one of `BY`; a time without mail has a line."""
    if by == HOURS:
        span = span.in_hours()
        found = await statistics.series(_ask(span, by_day=False))
        keys = [at.astimezone(span.zone).isoformat() for at in span.hours()]
        lines = _lines(found, lambda at: at.astimezone(span.zone).isoformat(), keys)
        return _whole(by, span, lines)
    span = span.in_days()
    if by == DAYS:
        found = await statistics.series(_ask(span, by_day=True))
        keys = [day.isoformat() for day in span.days()]
        lines = _lines(found, lambda at: day_that_began(at, span.zone).isoformat(), keys)
        return _whole(by, span, lines)
    sums = await statistics.sums(_ask(span, by_day=True))
    if by == PROVIDERS:
        return _whole(by, span, _by_provider(sums))
    named = await statistics.ranked(_NAMED[by], since=span.since, until=span.until, limit=limit + 1)
    return Delivery(
        by=by,
        span=span,
        total=outcomes_of(sums),
        lines=tuple(Line(key=one.name, outcomes=one.outcomes) for one in named[:limit]),
        has_more=len(named) > limit,
    )


def outcomes_of(sums: Iterable[tuple[str, str, int]]) -> Outcomes:
    """Return the outcomes that (kind, key, count) add up to."""
    counts: Counter[str] = Counter()
    for _, key, count in sums:
        counts[_field(key)] += count
    return _outcomes(counts)


def share(part: int, whole: int) -> float | None:
    """Return a part as a share from 0 to 1; None where there is no whole."""
    return round(min(part / whole, 1.0), 4) if whole > 0 else None


def rates(outcomes: Outcomes) -> dict[str, float | None]:
    """Return the rates by name."""
    whole = outcomes.accepted
    return {
        "delivery_rate": share(outcomes.delivered, whole),
        "open_rate": share(outcomes.opened, whole),
        "click_rate": share(outcomes.clicked, whole),
        "bounce_rate": share(outcomes.bounced, whole),
        "complaint_rate": share(outcomes.complained, whole),
    }


def shape(found: Delivery) -> dict[str, Any]:
    """Return the report as programs read it."""
    return {
        "object": "delivery_statistics",
        "by": found.by,
        "since": found.span.since.astimezone(found.span.zone).isoformat(),
        "until": found.span.until.astimezone(found.span.zone).isoformat(),
        "total": _figures(found.total),
        "has_more": found.has_more,
        "data": [{"key": line.key} | _figures(line.outcomes) for line in found.lines],
    }


def _ask(span: Span, *, by_day: bool) -> Ask:
    return Ask(kinds=_KINDS, since=span.since, until=span.until, by_day=by_day)


def _lines(
    found: Iterable[Sums],
    key_of: Callable[[datetime], str],
    keys: Iterable[str],
) -> list[Line]:
    counts = {key: _NOTHING.copy() for key in keys}
    names: dict[datetime, str] = {}
    for one in found:
        name = names.get(one.begin) or names.setdefault(one.begin, key_of(one.begin))
        own = counts.setdefault(name, _NOTHING.copy())
        for key, count in one.by_key.items():
            own[_field(key)] += count
    return [Line(key=key, outcomes=_outcomes(own)) for key, own in sorted(counts.items())]


def _by_provider(sums: Iterable[tuple[str, str, int]]) -> list[Line]:
    counts: dict[str, Counter[str]] = {}
    for _, key, count in sums:
        if field := _field(key):
            counts.setdefault(key.partition(":")[0], Counter())[field] += count
    lines = [Line(key=name, outcomes=_outcomes(own)) for name, own in counts.items()]
    return sorted(lines, key=lambda line: (-line.outcomes.accepted, line.key))


def _whole(by: str, span: Span, lines: list[Line]) -> Delivery:
    found = [line.outcomes for line in lines]
    total = {name: sum(map(attrgetter(name), found)) for name in _FIELDS}
    return Delivery(by=by, span=span, total=_outcomes(total), lines=tuple(lines))


@lru_cache(maxsize=1_024)
def _field(key: str) -> str:
    """Return which figure a count belongs to, "" for none."""
    provider, _, what = key.partition(":")
    return what if what in _FIELDS and provider != _UNSENT else ""


def _outcomes(counts: Mapping[str, int]) -> Outcomes:
    return Outcomes(**{name: counts[name] for name in _FIELDS})


def _figures(outcomes: Outcomes) -> dict[str, Any]:
    figures = {name: getattr(outcomes, name) for name in Outcomes.__dataclass_fields__}
    return figures | rates(outcomes)
