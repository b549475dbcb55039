"""How many requests may leave for a provider: token buckets, a day's quota, and the 429 gate."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

_PERIODS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_RATE = re.compile(r"([1-9][0-9]{0,8})\s*/\s*([smhd])")
FIRST_STRIKE = timedelta(milliseconds=200)
LONGEST_STRIKE = timedelta(seconds=30)
LONGEST_ASKED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` requests a `unit` (s, m, h: a bucket that refills; d: a calendar day)."""

    count: int
    unit: str

    @property
    def name(self) -> str:
        return f"{self.count}/{self.unit}"

    @property
    def seconds(self) -> int:
        return _PERIODS[self.unit]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """What is kept of a provider: tokens left by rate, when they were counted, and the gate.

    `strikes` counts answers of 429 in a row. `day` is the local date that a day's tokens are of.
    """

    tokens: Mapping[str, float] = field(default_factory=dict)
    counted_at: datetime | None = None
    day: str = ""
    gate_until: datetime | None = None
    strikes: int = 0


def parse_rates(text: str) -> tuple[Rate, ...]:
    """Return the rates that "10/s,400/d" says.

    Raises:
        ValueError: names the part that is wrong.
    """
    rates = []
    for part in text.split(","):
        match = _RATE.fullmatch(part.strip())
        if match is None:
            raise ValueError(
                f"{part.strip()!r} is not a rate: give it as 10/s, 100/m, 1000/h or 400/d"
            )
        rates.append(Rate(int(match[1]), match[2]))
    return tuple(rates)


def take(
    rates: Sequence[Rate], row: RateRow, *, now: datetime, want: int, zone: tzinfo
) -> tuple[int, RateRow]:
    """Return how many of `want` requests may leave now, and the row after they did."""
    tokens = _refilled(rates, row, now=now, zone=zone)
    granted = min([want, *(math.floor(tokens[rate.name] + 1e-9) for rate in rates)])
    left = {name: count - granted for name, count in tokens.items()}
    return granted, _counted(row, left, now=now, zone=zone)


def give_back(
    rates: Sequence[Rate], row: RateRow, count: int, *, now: datetime, zone: tzinfo
) -> RateRow:
    """Return the row with the tokens of requests that never left."""
    tokens = _refilled(rates, row, now=now, zone=zone)
    most = {rate.name: float(rate.count) for rate in rates}
    back = {name: min(most[name], left + count) for name, left in tokens.items()}
    return _counted(row, back, now=now, zone=zone)


def gate(row: RateRow, *, now: datetime, retry_after: timedelta | None) -> RateRow:
    """Return the row after a 429: shut for what was asked, else for a doubling moment."""
    if retry_after is None:
        closed_for = min(FIRST_STRIKE * 2 ** min(row.strikes, 20), LONGEST_STRIKE)
    else:
        closed_for = min(retry_after, LONGEST_ASKED)
    until = max(now + closed_for, row.gate_until or now)
    return replace(row, gate_until=until, strikes=row.strikes + 1)


def ungate(row: RateRow) -> RateRow:
    """Return the row after an acceptance: the next 429 starts from the shortest moment."""
    return row if row.strikes == 0 else replace(row, strikes=0)


def opens_at(
    rates: Sequence[Rate], row: RateRow, *, now: datetime, zone: tzinfo
) -> datetime | None:
    """Return when at least one request may leave again; None: it may now."""
    times = [row.gate_until] if row.gate_until is not None and row.gate_until > now else []
    tokens = _refilled(rates, row, now=now, zone=zone)
    for rate in rates:
        missing = 1 - tokens[rate.name]
        if missing > 1e-9 and rate.unit == "d":  # noqa: PLR2004 - the rounding of a float
            times.append(_next_day(_latest(row, now), zone))
        elif missing > 1e-9:  # noqa: PLR2004 - as above
            times.append(now + timedelta(seconds=missing * rate.seconds / rate.count))
    return max(times, default=None)


def to_plain(row: RateRow) -> dict[str, Any]:
    """Return the row as what JSON can carry."""
    return {
        "tokens": dict(row.tokens),
        "counted_at": None if row.counted_at is None else row.counted_at.isoformat(),
        "day": row.day,
        "gate_until": None if row.gate_until is None else row.gate_until.isoformat(),
        "strikes": row.strikes,
    }


def from_plain(plain: Mapping[str, Any]) -> RateRow:
    """Return the row that `to_plain` wrote."""
    counted, gated = plain["counted_at"], plain["gate_until"]
    return RateRow(
        tokens=plain["tokens"],
        counted_at=None if counted is None else datetime.fromisoformat(counted),
        day=plain["day"],
        gate_until=None if gated is None else datetime.fromisoformat(gated),
        strikes=plain["strikes"],
    )


def _refilled(
    rates: Sequence[Rate], row: RateRow, *, now: datetime, zone: tzinfo
) -> dict[str, float]:
    latest = _latest(row, now)
    gone = 0.0 if row.counted_at is None else (latest - row.counted_at).total_seconds()
    tokens = {}
    for rate in rates:
        left = row.tokens.get(rate.name, float(rate.count))
        if rate.unit == "d":
            tokens[rate.name] = left if row.day == _day(latest, zone) else float(rate.count)
        else:
            tokens[rate.name] = min(float(rate.count), left + gone * rate.count / rate.seconds)
    return tokens


def _counted(row: RateRow, tokens: Mapping[str, float], *, now: datetime, zone: tzinfo) -> RateRow:
    latest = _latest(row, now)
    return replace(row, tokens=tokens, counted_at=latest, day=_day(latest, zone))


def _latest(row: RateRow, now: datetime) -> datetime:
    # A clock set back, or behind that of another node, must not refill the same time or day twice.
    return now if row.counted_at is None else max(now, row.counted_at)


def _day(now: datetime, zone: tzinfo) -> str:
    return now.astimezone(zone).date().isoformat()


def _next_day(now: datetime, zone: tzinfo) -> datetime:
    local = now.astimezone(zone)
    midnight = datetime(local.year, local.month, local.day, tzinfo=zone) + timedelta(days=1)
    return midnight.astimezone(UTC)
