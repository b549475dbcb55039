"""What the parts need of the world and of each other; every adapter stands behind one of these.

All times are aware UTC instants. Every method of a store may raise `StoreUnavailable`, and then
nothing of the call was stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from terkirim.domain.email import Carries, Email, OutgoingMessage
from terkirim.domain.lease import Lease, Settlement
from terkirim.domain.message import State
from terkirim.domain.outcome import Outcome, ProviderFault


class Clock(Protocol):
    """The time, passed in so that tests own it."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for waits inside the process."""
        ...


class Dice(Protocol):
    """Randomness, passed in so that tests load it."""

    def __call__(self) -> float:
        """Return a draw from [0, 1)."""
        ...


class Provider(Protocol):
    """A delivery service. Implementations own their sockets and close them in `close`."""

    name: str
    carries: Carries

    async def send(
        self, message: OutgoingMessage, *, within: timedelta
    ) -> Outcome | ProviderFault:
        """Return how the one request ended; raises nothing but cancellation.

        Never follows a redirect, never tries twice, and ends after `within` at the latest.
        """
        ...

    async def probe(
        self, *, within: timedelta, sender: str | None = None
    ) -> Outcome | ProviderFault:
        """Ask, without sending mail, whether the provider takes mail again (for `sender`).

        Accepted: it does. Unclear: this provider has no call that could tell.
        """
        ...

    async def close(self) -> None:
        """Release connections; the provider is not used afterwards."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A caller's key with its scope; `fingerprint` is a hash of the canonical JSON payload."""

    owner: str
    route: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Emails that are accepted together or not at all, with the answer that a repeat gets back."""

    emails: tuple[Email, ...]
    idempotency: IdempotencyKey | None = None
    answer: str = ""  # JSON, stored beside the key


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a submission: `answer` is the stored one where the key was used before.

    `skipped` holds the ids of emails whose (campaign, row) had been taken before.
    """

    answer: str
    is_repeat: bool = False
    skipped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimWish:
    """What a dispatcher asks of the outbox: at most `limit` leases, committed before they return.

    `shut` names providers this node cannot reach on its own account (none configured, closed).
    """

    node: str
    limit: int
    now: datetime
    lease_for: timedelta
    turn: int = 0  # where the 8:3:1 pattern goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One lease with what is to be sent; content is as submitted, not rendered yet."""

    lease: Lease
    recipient: str
    variables: Mapping[str, Any] | None
    email: Mapping[str, Any]  # the stored email: see `store/README` in docs/concepts
    html: str | None
    text: str | None
    is_template: bool


class Submissions(Protocol):
    """Where emails are put on disk."""

    async def accept(self, submission: Submission) -> Receipt:
        """Store the submission and return after its commit.

        Raises:
            IdempotencyConflict: the key was used with another payload, or is in use elsewhere.
        """
        ...


class Outbox(Protocol):
    """The hot table of unfinished messages."""

    async def claim(self, wish: ClaimWish) -> list[Work]:
        """Lease due messages whose providers are open, by priority share, oldest due first."""
        ...

    async def settle(self, settlement: Settlement) -> State | None:
        """Record the attempt and move the message; return its state.

        None: a newer lease exists, or the message is finished; the attempt is kept, nothing moves.
        """
        ...

    async def release(self, lease: Lease, *, now: datetime) -> None:
        """Give a lease back: no request left, no attempt is counted."""
        ...

    async def rescue(self, *, node: str, now: datetime, unclear_for: timedelta) -> int:
        """Make other nodes' expired leases, and leases of dead nodes, unclear; return how many."""
        ...

    async def sweep(self, *, now: datetime, limit: int) -> int:
        """End expired mail and settle overdue unclear mail as its `if_unclear` says."""
        ...

    async def next_due(self, *, now: datetime) -> datetime | None:
        """Return when the next message is due, None for an empty outbox."""
        ...
