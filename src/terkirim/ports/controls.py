"""What a person or a caller may change about messages that are stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from terkirim.domain.message import Evidence, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What a cancel did to one message: `is_cancelled`, or too late and in which `state`."""

    message_id: str
    recipient: str
    state: State
    is_cancelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeueFilter:
    """Which finished or held messages a person wants sent again; all given conditions must hold.

    `states`: of dead, held, and accepted-in-sandbox (with `is_sandbox`).
    """

    message_ids: tuple[str, ...] | None = None
    email_id: str | None = None
    states: tuple[State, ...] = (State.DEAD,)
    reason: str | None = None  # a substring of the reason
    provider: str | None = None
    before: datetime | None = None
    after: datetime | None = None
    is_sandbox: bool = False
    limit: int = 10_000


class Controls(Protocol):
    """What a person or a caller may change about messages that are stored."""

    async def cancel(self, email_or_message_id: str, *, now: datetime) -> list[Cancelled]:
        """Cancel what has not left; a leased message is marked, so that a deferral ends it.

        Raises:
            NotFound: neither an email nor a message has this id.
        """
        ...

    async def reschedule(self, email_id: str, *, scheduled_at: datetime, now: datetime) -> None:
        """Move an email that has not been attempted to another time.

        Raises:
            NotFound: no such email.
            WrongState: a message of it was attempted already, or is finished.
        """
        ...

    async def requeue(self, which: RequeueFilter, *, now: datetime) -> int:
        """Queue messages again, step 0, fence kept; return how many."""
        ...

    async def count_requeueable(self, which: RequeueFilter) -> int:
        """Return how many messages `requeue` would take."""
        ...

    async def mark_accepted(self, message_id: str, *, now: datetime) -> None:
        """Record by hand that a held message did arrive at the provider.

        Raises:
            NotFound, WrongState: it is not held.
        """
        ...

    async def record_evidence(
        self, message_id: str, evidence: Evidence, *, at: datetime, provider_ref: str | None = None
    ) -> State:
        """Apply a provider's later word, matched by id; return the message's state after it."""
        ...
