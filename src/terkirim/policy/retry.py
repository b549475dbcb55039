"""When a failed attempt is tried again. Pure: no clock, no randomness, no I/O."""

from dataclasses import dataclass
from datetime import timedelta

LONGEST_ASKED = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySchedule:
    """The quick waits, the long tail (empty: off) and the sum of waits after which to give up.

    `jitter` 0.2 lengthens a wait by up to a fifth.
    """

    quick: tuple[timedelta, ...] = (
        timedelta(seconds=2),
        timedelta(seconds=6),
        timedelta(seconds=18),
    )
    tail: tuple[timedelta, ...] = (
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(hours=1),
        timedelta(hours=2),
        timedelta(hours=4),
    )
    retry_for: timedelta = timedelta(hours=24)
    jitter: float = 0.2

    def wait_at(self, step: int) -> timedelta | None:
        """Return the nominal wait; the tail's last one repeats, None past a tail that is off."""
        waits = self.quick + self.tail
        if step < len(waits):
            return waits[step]
        return self.tail[-1] if self.tail else None

    def is_quick(self, step: int) -> bool:
        """Return True while the step's wait belongs to the quick part."""
        return step < len(self.quick)


def next_wait(
    schedule: RetrySchedule,
    *,
    step: int,
    waited: timedelta,
    spread: float,
    asked: timedelta | None = None,
) -> timedelta | None:
    """Return how long to wait before the next attempt, or None to give up.

    The jitter only ever adds: messages that failed together do not return together, and none
    returns earlier than the documented wait.

    Args:
        schedule: the waits.
        step: place in the schedule, 0 for a message that was never deferred.
        waited: the sum of the nominal waits so far; what it may reach is `retry_for`.
        spread: a draw from [0, 1). The caller owns the dice, tests load them.
        asked: what the provider asked for (`Retry-After`); a floor, never a ceiling, at most 1 h.
    """
    wait = schedule.wait_at(step)
    if wait is None or waited + wait > schedule.retry_for:
        return None
    wait *= 1 + schedule.jitter * spread
    return wait if asked is None else max(wait, min(asked, LONGEST_ASKED))
