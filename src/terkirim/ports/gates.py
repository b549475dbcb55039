"""Pauses, breakers and rate gates of providers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

BY_HAND = "by hand"  # the fault of a pause that a person made


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A provider that must not be used now; with `sender`, for that sender address only."""

    provider: str
    sender: str
    fault: str  # Unauthorised, OutOfCredits, QuotaReached, SenderRefused, or BY_HAND
    reason: str
    since: datetime
    until: datetime | None
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderStatus:
    """How one provider stands: the breaker's state, its pauses, and when its rate gate opens.

    `waiting` counts due messages whose turn it is to go through it, `in_air` requests that left.
    `rate_until`: when its own rates grant another request, None: now.
    """

    name: str
    breaker: str
    faults: int
    open_until: datetime | None
    gate_until: datetime | None
    pauses: tuple[Pause, ...]
    waiting: int = 0
    in_air: int = 0
    rate_until: datetime | None = None


class Gates(Protocol):
    """Pauses, breakers and rate gates: one row per provider, the same for every node."""

    async def pauses(self) -> list[Pause]:
        """Return every pause in force, oldest first."""
        ...

    async def pause(self, pause: Pause) -> bool:
        """Start a pause; False where one for the same fault was in force already.

        The newest fault is the one to tell of. A pause by hand takes the place of one that a fault
        began, and no fault takes its place: no probe ends what a person began.
        """
        ...

    async def resume(self, provider: str, *, sender: str = "", fault: str | None = None) -> bool:
        """End a pause and let its messages go; False where there was none.

        With `fault` only a pause for that fault is ended: another may have begun meanwhile. And a
        sender's then ends only once one of its messages, which is let go now, was accepted.
        """
        ...

    async def providers(self, *, now: datetime) -> list[ProviderStatus]:
        """Return the state of every provider on a route."""
        ...
