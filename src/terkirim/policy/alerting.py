"""Who is told what, and when: once per condition, again only if it grows worse or eases."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from terkirim.domain.alert import Alert, Finding, Severity

COOLDOWN = timedelta(hours=1)  # a condition that comes and goes is told of once in this time
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
    finding: Finding | None


def moves(
    opened: Sequence[Alert], found: Sequence[Finding], *, kinds: Collection[str], now: datetime
) -> list[Move]:
    """Return what follows for each condition.

    What is open and of one of these kinds, but is not found, is over. The worst finding of a
    condition counts where there are several.
    """
    before = {alert.condition: alert for alert in opened}
    worst: dict[str, Finding] = {}
    for finding in sorted(found, key=lambda one: one.severity.rank):
        worst[finding.condition] = finding
    steps = [
        move
        for name, finding in worst.items()
        if (move := _step(before.get(name), finding, now)) is not None
    ]
    over = [
        Move(Step.FORGET if alert.raised_at is None else Step.END, alert, None)
        for name, alert in before.items()
        if alert.kind in kinds and name not in worst
    ]
    return over + steps


def _step(alert: Alert | None, finding: Finding, now: datetime) -> Move | None:
    if alert is None:
        return Move(Step.SEE if finding.holds_for else Step.RAISE, None, finding)
    if alert.raised_at is None and now - alert.seen_at >= finding.holds_for:
        return Move(Step.RAISE, alert, finding)
    if alert.raised_at is not None and finding.severity is not alert.severity:
        is_worse = finding.severity.rank > alert.severity.rank
        return Move(Step.WORSEN if is_worse else Step.EASE, alert, finding)
    return Move(Step.GO_ON, alert, finding) if now - alert.last_at >= STALE else None


def due_after(last_raised_at: datetime | None, now: datetime) -> datetime:
    """Return when a condition that is raised anew may be told of."""
    return now if last_raised_at is None else max(now, last_raised_at + COOLDOWN)


def hears(lowest: Severity, severity: Severity) -> bool:
    """Return whether a channel with this lowest severity wants to know."""
    return severity.rank >= lowest.rank


def wait_before(attempts: int) -> timedelta | None:
    """Return how long to wait after so many failed attempts at a channel, None to give up."""
    if attempts >= _ATTEMPTS:
        return None
    return _WAITS[min(max(attempts, 1), len(_WAITS)) - 1]
