"""How statistics are asked of the rollups, and how rows become answers; for every database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from terkirim.domain.delivery import Outcomes
from terkirim.ports.statistics import Ask, Named, Sums
from terkirim.store.counting import DAY
from terkirim.store.times import HOUR_US, instant, micros


def bound(ask: Ask) -> dict[str, Any]:
    """Return what the statements are bound to; the kinds are a list."""
    return {
        "kinds": [kind + DAY for kind in ask.kinds] if ask.by_day else list(ask.kinds),
        **hours(ask.since, ask.until),
    }


def hours(since: datetime, until: datetime) -> dict[str, int]:
    """Return the hours from `since` on, and before `until`."""
    return {"since": micros(since) // HOUR_US, "until": -(-micros(until) // HOUR_US)}


def summed(row: Sequence[Any]) -> tuple[str, str, int]:
    """Return a row of `sums`."""
    kind, key, count = row
    return kind.removesuffix(DAY), key, int(count)


def placed(row: Sequence[Any]) -> Sums:
    """Return a row of `series`: hour, kind, keys, and their counts; nodes may share a key."""
    hour, kind, keys, counts = row
    by_key: dict[str, int] = {}
    for key, count in zip(keys, counts, strict=True):
        by_key[key] = by_key.get(key, 0) + count
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
