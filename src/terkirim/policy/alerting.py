"""Who is told what, and when: once per condition, again only if it grows worse or eases."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from terkirim.domain.alert import Alert, Condition, Severity

COOLDOWN = timedelta(hours=1)  # what comes and goes, no worse than before, is told once in it
STALE = timedelta(minutes=10)  # how old the last sight of a condition may be before it is noted

_WAITS = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
)
_ATTEMPTS = 28  # the last wait repeats: a channel that is down is tried for about a day


class Step(Enum):
    """What happens to a condition."""

    SEE = "see"  # it is new, and must last before anybody is told
    RAISE = "raise"
    WORSEN = "worsen"
    EASE = "ease"
    END = "end"
    FORGET = "forget"  # it went before anybody was told
    GO_ON = "go on"  # nothing new, but it was seen again


@dataclass(frozen=True, slots=True)
class Move:
    """One step: of the alert that is open, to what is found now; None where there is none."""

    step: Step
    alert: Alert | None
    condition: Condition | None


def moves(
    opened: Sequence[Alert], found: Sequence[Condition], *, kinds: Collection[str], now: datetime
) -> list[Move]:
    """Return what follows for each condition.

    What is open and of one of these kinds, but is not found, is over. The worst condition of a
    condition counts where there are several.
    """
    before = {alert.condition: alert for alert in opened}
    worst: dict[str, Condition] = {}
    for condition in sorted(found, key=lambda one: one.severity.rank):
        worst[condition.name] = condition
    steps = [
        move
        for name, condition in worst.items()
        if (move := _step(before.get(name), condition, now)) is not None
    ]
    over = [
        Move(Step.FORGET if alert.raised_at is None else Step.END, alert, None)
        for name, alert in before.items()
        if alert.kind in kinds and name not in worst
    ]
    return over + steps


def _step(alert: Alert | None, condition: Condition, now: datetime) -> Move | None:
    if alert is None:
        return Move(Step.SEE if condition.holds_for else Step.RAISE, None, condition)
    if alert.raised_at is None and now - alert.seen_at >= condition.holds_for:
        return Move(Step.RAISE, alert, condition)
    if alert.raised_at is not None and condition.severity is not alert.severity:
        is_worse = condition.severity.rank > alert.severity.rank
        return Move(Step.WORSEN if is_worse else Step.EASE, alert, condition)
    return Move(Step.GO_ON, alert, condition) if now - alert.last_at >= STALE else None


def due_after(told: Mapping[Severity, datetime], severity: Severity, now: datetime) -> datetime:
    """Return when a condition that comes back may be told of.

    `told`: when people last heard of it, by how bad it was. What they heard when it was milder
    holds nothing back.
    """
    heard = [at for known, at in told.items() if known.rank >= severity.rank]
    return max([now, *(at + COOLDOWN for at in heard)])


def hears(lowest: Severity, severity: Severity) -> bool:
    """Return whether a channel with this lowest severity wants to know."""
    return severity.rank >= lowest.rank


def wait_before(attempts: int) -> timedelta | None:
    """Return how long to wait after so many failed attempts at a channel, None to give up."""
    if attempts >= _ATTEMPTS:
        return None
    return _WAITS[min(max(attempts, 1), len(_WAITS)) - 1]
