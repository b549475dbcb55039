"""How long nobody may try to sign in after failed tries. Pure: no clock, no I/O."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)  # without a try


@dataclass(frozen=True, slots=True)
class Strikes:
    """Tries that were not followed by a success; `until` None: the next one is taken."""

    count: int
    last_at: datetime
    until: datetime | None = None


def is_locked(strikes: Strikes | None, now: datetime) -> bool:
    """Return True while no try is taken."""
    return strikes is not None and strikes.until is not None and strikes.until > now


def after_try(strikes: Strikes | None, *, free: int, now: datetime) -> Strikes:
    """Return the strikes with one more try, counted as failed until it succeeds.

    The first `free` tries cost nothing; the last of them and each one after it lock, for a minute
    first, then for twice as long as before.
    """
    is_fresh = strikes is None or now - strikes.last_at > FORGOTTEN_AFTER
    count = 1 if is_fresh or strikes is None else strikes.count + 1
    if count < free:
        return Strikes(count, now)
    doublings = min(count - free, 10)
    return Strikes(count, now, now + min(FIRST_WAIT * 2**doublings, LONGEST_WAIT))
