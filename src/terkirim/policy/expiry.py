"""What an end of time does to a message that waits."""

from datetime import datetime

from terkirim.domain.email import IfUnclear
from terkirim.domain.message import State

MAYBE_SENT = "expired, may have been sent"


def is_expired(expires_at: datetime | None, now: datetime) -> bool:
    """Return True from the instant of expiry on; None never expires."""
    return expires_at is not None and now >= expires_at


def unclear_end(
    if_unclear: IfUnclear, expires_at: datetime | None, now: datetime
) -> tuple[State, str]:
    """Return the state and the reason of an unclear message of which no event spoke in time."""
    if is_expired(expires_at, now):
        return State.DEAD, MAYBE_SENT
    if if_unclear is IfUnclear.HOLD:
        return State.HELD, "may have been sent; waits for a person"
    return State.QUEUED, ""
