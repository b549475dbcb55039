"""The hot table of unfinished messages, as one node's dispatcher uses it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from terkirim.domain.email import Address, Attachment, Content
from terkirim.domain.frozen import frozen
from terkirim.domain.lease import Lease, Settlement
from terkirim.domain.message import State
from terkirim.policy.retry import RetrySchedule


@frozen
class ClaimWish:
    """What a dispatcher asks of the outbox: at most `limit` leases.

    `turn` is where the 8 : 3 : 1 pattern goes on; the claim returns the next one.
    """

    limit: int
    now: datetime
    lease_for: timedelta
    turn: int = 0


@frozen
class Work:
    """One lease with what is to be sent: content as submitted, not rendered yet."""

    lease: Lease
    recipient: str
    variables: Mapping[str, Any] | None
    sender: Address
    subject: str
    content: Content
    reply_to: tuple[Address, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()


@frozen
class Claim:
    """The leases of one claim, committed; `next_at`: when asking again may bring more, or None."""

    works: tuple[Work, ...]
    turn: int
    next_at: datetime | None = None


class Outbox(Protocol):
    """The hot table of unfinished messages, as one node's dispatcher uses it."""

    async def claim(self, wish: ClaimWish | Callable[[], ClaimWish]) -> Claim:
        """Lease due messages whose providers are open, by priority share, oldest due first.

        Suppressed and expired mail met on the way is ended, not returned. A wish that is a function
        is asked when the claim's turn comes (from any thread): more room may be free by then.
        """
        ...

    async def settle(self, settlement: Settlement) -> State | None:
        """Record the attempt and move the message; return its state.

        Evidence that came meanwhile outranks the settlement; a wanted cancel ends a deferral. None:
        a newer lease exists, or the message is finished: the attempt is kept and nothing moves.
        """
        ...

    async def release(self, leases: Sequence[Lease], *, now: datetime) -> None:
        """Give leases back: no request left, no attempt is counted, rate tokens return."""
        ...

    async def rescue(
        self, *, now: datetime, unclear_for: timedelta, schedule: RetrySchedule | None = None
    ) -> int:
        """Make expired leases of other nodes, and all of dead nodes, unclear; return how many.

        Each uses up a wait of the schedule (None: the documented one), as an unclear answer does:
        mail at which every worker dies ends as dead, "may have been sent", and not never.
        """
        ...

    async def sweep(self, *, now: datetime, limit: int = 1_000) -> int:
        """End expired mail, and unclear mail whose wait is over as its `if_unclear` says."""
        ...

    async def changed(self, *, within: timedelta) -> bool:
        """Return True as soon as messages may have become due, False after `within`."""
        ...
