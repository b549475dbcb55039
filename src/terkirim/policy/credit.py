"""What a balance means: its level, what is left between readings, what can still be paid."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from terkirim.domain.credit import Level, Preflight, Reading, Spent

LADDER = (Level.OK, Level.WARNING, Level.CRITICAL, Level.EMERGENCY)
FAILURES_THAT_ALERT = 3  # checks in a row

_MARGIN = 1.1  # a level is left only when the balance is a tenth above its threshold
_FEWEST_MAILS = 200  # from which on their bounces say what a mail costs


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditSettings:
    """The thresholds of the levels, in credits, and what one bounce costs beside its mail."""

    warning: int = 50_000
    critical: int = 10_000
    emergency: int = 1_000
    per_bounce: int = 30

    def threshold(self, level: Level) -> int:
        """Return the balance at and below which a level below OK begins."""
        return {
            Level.WARNING: self.warning,
            Level.CRITICAL: self.critical,
            Level.EMERGENCY: self.emergency,
        }[level]


def level_of(balance: int, *, before: Level, settings: CreditSettings) -> Level:
    """Return the level of a balance, given the one that it had before.

    It falls at the threshold and rises a tenth above it, so that a balance that wobbles round a
    threshold changes its level once.
    """
    falling = _place(balance, settings, margin=1.0)
    rising = _place(balance, settings, margin=_MARGIN)
    known = LADDER.index(before) if before in LADDER else falling
    return LADDER[min(max(known, falling), rising)]


def cost_of(spent: Iterable[Spent], *, per_bounce: int) -> int:
    """Return the credits that mails and bounces used."""
    return sum(one.sent + one.bounced * per_bounce for one in spent)


def price_of(spent: Iterable[Spent], *, per_bounce: int) -> float:
    """Return what one mail costs with the bounces that follow it; 1 while too few are counted."""
    sent = bounced = 0
    for one in spent:
        sent, bounced = sent + one.sent, bounced + one.bounced
    return 1.0 if sent < _FEWEST_MAILS else 1 + per_bounce * bounced / sent


def spent_since(reading: Reading, spent: Iterable[Spent], *, per_bounce: int) -> int:
    """Return the credits used after a reading; `spent` begins with the reading's own hour."""
    before = reading.sent_before + reading.bounced_before * per_bounce
    return max(cost_of(spent, per_bounce=per_bounce) - before, 0)


def remaining(reading: Reading, used: int) -> int:
    """Return what is left of a known reading."""
    return max((reading.credits or 0) - used, 0)


def allowance(balance: int, *, in_air: int, settings: CreditSettings, guard: int) -> int | None:
    """Return how many messages of low and normal priority may still leave before the reserve.

    None: the reserve is so far away that nobody need count, even if `guard` leave before the next
    look. `in_air`: leased messages, which no count holds yet.
    """
    left = balance - in_air - settings.emergency
    return None if left > guard else max(left, 0)


def preflight(
    count: int,
    *,
    balance: int | None,
    is_estimated: bool,
    waiting: int,
    price: float,
    reserve: int,
) -> Preflight:
    """Return whether `count` more mails can be paid.

    `price` is what one mail costs, `waiting` how many wait already, `reserve` the credits that are
    kept from them.
    """
    cost, before = ceil(count * price), ceil(waiting * price)
    fits = None if balance is None else max(balance - before - reserve, 0)
    return Preflight(
        count=count,
        cost=cost,
        balance=balance,
        is_estimated=is_estimated,
        waiting=before,
        reserve=reserve,
        goes_out=None if fits is None else min(count, int(fits / price)),
        is_enough=None if fits is None else cost <= fits,
    )


def _place(balance: int, settings: CreditSettings, *, margin: float) -> int:
    """Return how many thresholds, each `margin` times as high, the balance is not above."""
    return sum(balance <= settings.threshold(level) * margin for level in LADDER[1:])
