"""How many requests may leave for a provider: token buckets, a day's quota, and the 429 gate."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from terkirim.policy.clocks import is_absurd

_PERIODS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_RATE = re.compile(r"([1-9][0-9]{0,8})\s*/\s*([smhd])")
FIRST_STRIKE = timedelta(milliseconds=200)
LONGEST_STRIKE = timedelta(seconds=30)
LONGEST_ASKED = timedelta(hours=1)
_PARTS_OF_A_SECOND = 20
_ROUNDING = 1e-9  # of a float that counts tokens


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` requests a `unit`.

    `s` is spread over the second, so that no second sees more, whenever it begins; `m` and `h` are
    buckets that refill, full at first; `d` is a calendar day.
    """

    count: int
    unit: str

    @property
    def name(self) -> str:
        return f"{self.count}/{self.unit}"

    @property
    def seconds(self) -> int:
        return _PERIODS[self.unit]

    @property
    def burst(self) -> int:
        """How many may leave at once."""
        return max(self.count // _PARTS_OF_A_SECOND, 1) if self.unit == "s" else self.count

    @property
    def refill(self) -> float:
        """How many more may leave each second.

        A burst takes its part: `burst + refill - 1` of a second are `count`.
        """
        spread = self.count + 1 - self.burst if self.unit == "s" else self.count
        return spread / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """What is kept of a provider: tokens left by rate, when they were counted, and the gate.

    `strikes` counts answers of 429 in a row, `accepted` the mails that were accepted since the last
    of them (None: that is long past), and `room` limits what may be in the air meanwhile. `day` is
    the local date that a day's tokens are of.
    """

    tokens: Mapping[str, float] = field(default_factory=dict)
    counted_at: datetime | None = None
    day: str = ""
    gate_until: datetime | None = None
    strikes: int = 0
    accepted: int | None = None
    room: int | None = None


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
    granted = min([want, *(math.floor(tokens[rate.name] + _ROUNDING) for rate in rates)])
    left = {name: count - granted for name, count in tokens.items()}
    return granted, _counted(row, left, now=now, zone=zone)


def give_back(
    rates: Sequence[Rate], row: RateRow, count: int, *, now: datetime, zone: tzinfo
) -> RateRow:
    """Return the row with the tokens of requests that never left."""
    tokens = _refilled(rates, row, now=now, zone=zone)
    most = {rate.name: float(rate.burst) for rate in rates}
    back = {name: min(most[name], left + count) for name, left in tokens.items()}
    return _counted(row, back, now=now, zone=zone)


def gate(row: RateRow, *, now: datetime, retry_after: timedelta | None) -> RateRow:
    """Return the row after a 429: shut for a doubling moment, or for what was asked if longer."""
    asked = min(retry_after or timedelta(0), LONGEST_ASKED)
    until = now + max(asked, wait_after(row.strikes))
    return replace(
        row,
        gate_until=max(until, gate_of(row, now=now) or now),
        strikes=row.strikes + 1,
        accepted=0,
        room=None if row.accepted is None else max(2 * row.accepted, 1),
    )


def wait_after(strikes: int) -> timedelta:
    """Return the least wait after a 429 that so many came before; "come back in 0 s" is no wait."""
    return min(FIRST_STRIKE * (1 << min(strikes, 20)), LONGEST_STRIKE)


def room_of(row: RateRow) -> int | None:
    """Return how many requests may be in the air after a 429: twice what was accepted; None: all.

    Of many that leave at once as the gate opens, most would meet the next 429.
    """
    return None if row.room is None else max(row.room, 2 * (row.accepted or 0))


def gate_of(row: RateRow, *, now: datetime) -> datetime | None:
    """Return until when the gate is shut; None: it is open, or a wrong clock shut it for ages."""
    until = row.gate_until
    return None if until is None or until <= now or _is_absurd_gate(until, now) else until


def is_of_gated_burst(row: RateRow, started_at: datetime, *, now: datetime) -> bool:
    """Return True for a request that began before the gate's last moment."""
    until = row.gate_until
    return until is not None and started_at < until and not _is_absurd_gate(until, now)


def _is_absurd_gate(until: datetime, now: datetime) -> bool:
    return is_absurd(until, now=now, at_most=LONGEST_ASKED)


def is_day_spent(rates: Sequence[Rate], row: RateRow, *, now: datetime, zone: tzinfo) -> bool:
    """Return True if a day's rate grants nothing more today; a bucket refills within moments."""
    tokens = _refilled(rates, row, now=now, zone=zone)
    return any(rate.unit == "d" and tokens[rate.name] < 1 - _ROUNDING for rate in rates)


def ungate(row: RateRow, *, started_at: datetime, now: datetime, full: int) -> RateRow:
    """Return the row after an acceptance: the next 429 starts from the shortest moment.

    One that left before the gate shut says nothing of what came after. `full`: how many may be in
    the air at all; once there is room for so many again, the last 429 is long past.
    """
    if row.strikes == 0 and row.accepted is None:
        return row
    counted = replace(row, accepted=(row.accepted or 0) + 1)
    if is_of_gated_burst(row, started_at, now=now):
        return counted
    if 2 * (counted.accepted or 0) < full:
        return replace(counted, strikes=0)
    return replace(counted, strikes=0, accepted=None, room=None)


def opens_at(
    rates: Sequence[Rate], row: RateRow, *, now: datetime, zone: tzinfo
) -> datetime | None:
    """Return when at least one request may leave again; None: it may now."""
    gated_until = gate_of(row, now=now)
    times = [] if gated_until is None else [gated_until]
    tokens = _refilled(rates, row, now=now, zone=zone)
    for rate in rates:
        missing = 1 - tokens[rate.name]
        if missing > _ROUNDING and rate.unit == "d":
            times.append(_next_day(_latest(row, now), zone))
        elif missing > _ROUNDING:
            times.append(now + timedelta(seconds=missing / rate.refill))
    return max(times, default=None)


def to_plain(row: RateRow) -> dict[str, Any]:
    """Return the row as what JSON can carry."""
    return {
        "tokens": dict(row.tokens),
        "counted_at": None if row.counted_at is None else row.counted_at.isoformat(),
        "day": row.day,
        "gate_until": None if row.gate_until is None else row.gate_until.isoformat(),
        "strikes": row.strikes,
        "accepted": row.accepted,
        "room": row.room,
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
        accepted=plain.get("accepted"),  # a row of an earlier version has neither
        room=plain.get("room"),
    )


def _refilled(
    rates: Sequence[Rate], row: RateRow, *, now: datetime, zone: tzinfo
) -> dict[str, float]:
    latest = _latest(row, now)
    counted_at = latest if row.counted_at is None else min(row.counted_at, latest)
    gone = (latest - counted_at).total_seconds()
    tokens = {}
    for rate in rates:
        left = row.tokens.get(rate.name, float(rate.burst))
        if rate.unit == "d":
            # A later day than today's was counted by a clock that was wrong: it grants nothing new.
            tokens[rate.name] = left if row.day >= _day(latest, zone) else float(rate.count)
        else:
            tokens[rate.name] = min(float(rate.burst), left + gone * rate.refill)
    return tokens


def _counted(row: RateRow, tokens: Mapping[str, float], *, now: datetime, zone: tzinfo) -> RateRow:
    latest = _latest(row, now)
    return replace(row, tokens=tokens, counted_at=latest, day=_day(latest, zone))


def _latest(row: RateRow, now: datetime) -> datetime:
    # A clock set back, or behind that of another node, must not refill the same time or day twice;
    # one that was far ahead once must not stop every refill until real time has caught up.
    if row.counted_at is None or is_absurd(row.counted_at, now=now):
        return now
    return max(now, row.counted_at)


def _day(now: datetime, zone: tzinfo) -> str:
    return now.astimezone(zone).date().isoformat()


def _next_day(now: datetime, zone: tzinfo) -> datetime:
    local = now.astimezone(zone)
    midnight = datetime(local.year, local.month, local.day, tzinfo=zone) + timedelta(days=1)
    return midnight.astimezone(UTC)
