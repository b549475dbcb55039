"""How statistics are asked of the rollups, and how rows become answers; for every database."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from terkirim.domain.delivery import Outcomes
from terkirim.ports.statistics import Ask, Named, Sums
from terkirim.store.counting import DAY, MONTH, month_of
from terkirim.store.times import HOUR_US, instant, micros

# The middle of a day says which it is: it may have been counted while another zone was set.
HALF_A_DAY = 12  # hours
LONGEST_MONTH = 31 * 24 + 1  # hours, with one that the clocks are put back by


def bound(ask: Ask) -> dict[str, Any]:
    """Return what the statements are bound to; the kinds are a list."""
    since, until = micros(ask.since) // HOUR_US, -(-micros(ask.until) // HOUR_US)
    if not ask.by_day:
        return {"kinds": list(ask.kinds), "since": since, "until": until}
    kinds = [kind + DAY for kind in ask.kinds]
    return {"kinds": kinds, "since": since - HALF_A_DAY, "until": until - HALF_A_DAY}


def stretches(kind: str, since: datetime, until: datetime, zone: tzinfo) -> dict[str, Any]:
    """Return what `ranked` is bound to: days, then whole months, then days again."""
    begin, end = micros(since) // HOUR_US, -(-micros(until) // HOUR_US)
    first, last = month_of(begin, zone), month_of(end, zone)
    if first < begin:  # it began before: the next one is the first whole month
        first = month_of(first + LONGEST_MONTH, zone)
    if first >= last:
        first = last = begin
    return {
        "kind": kind,
        "months": kind + MONTH,
        "since": begin - HALF_A_DAY,
        "first": first - HALF_A_DAY,
        "last": last - HALF_A_DAY,
        "until": end - HALF_A_DAY,
    }


def summed(row: Sequence[Any]) -> tuple[str, str, int]:
    """Return a row of `sums`."""
    kind, key, count = row
    return kind.removesuffix(DAY), key, int(count)


def placed(row: Sequence[Any]) -> Sums:
    """Return a row of `series`: hour, kind, keys, and their counts; nodes may share a key."""
    hour, kind, keys, counts = row
    by_key: dict[str, int] = dict(zip(keys, counts, strict=True))
    if len(by_key) < len(keys):
        by_key = dict.fromkeys(by_key, 0)
        for key, count in zip(keys, counts, strict=True):
            by_key[key] += count
    return Sums(begin=instant(hour * HOUR_US), kind=kind.removesuffix(DAY), by_key=by_key)


def named(row: Sequence[Any]) -> Named:
    """Return a row of `ranked`."""
    name, accepted, delivered, bounced, complained, opened, clicked, unsubscribed = row
    outcomes = Outcomes(
        accepted=int(accepted),
        delivered=int(delivered),
        bounced=int(bounced),
        complained=int(complained),
        opened=int(opened),
        clicked=int(clicked),
        unsubscribed=int(unsubscribed),
    )
    return Named(name=name, outcomes=outcomes)
