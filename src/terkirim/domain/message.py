"""The states of a message, and what evidence makes of them: total, idempotent, free of order."""

from enum import StrEnum


class State(StrEnum):
    """Where one message stands. Scheduled is `queued` with a later due time."""

    QUEUED = "queued"
    LEASED = "leased"
    UNCLEAR = "unclear"
    HELD = "held"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    DEAD = "dead"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"


class Evidence(StrEnum):
    """A provider's later word about a message, as far as it changes a state."""

    ACCEPTED = "accepted"
    BOUNCED_FOR_NOW = "bounced_for_now"  # transient, or blocked
    DELIVERED = "delivered"  # opened and clicked imply it
    BOUNCED = "bounced"  # permanent
    COMPLAINED = "complained"


UNFINISHED = frozenset({State.QUEUED, State.LEASED, State.UNCLEAR, State.HELD})
SENT = frozenset({State.ACCEPTED, State.DELIVERED, State.BOUNCED, State.COMPLAINED})
CANCELLABLE = frozenset({State.QUEUED, State.UNCLEAR, State.HELD})
REQUEUABLE = frozenset({State.DEAD, State.HELD})

_RANK = {evidence: rank for rank, evidence in enumerate(Evidence, start=1)}
_STATE = {
    Evidence.ACCEPTED: State.ACCEPTED,
    Evidence.BOUNCED_FOR_NOW: State.BOUNCED,
    Evidence.DELIVERED: State.DELIVERED,
    Evidence.BOUNCED: State.BOUNCED,
    Evidence.COMPLAINED: State.COMPLAINED,
}


def stronger(first: Evidence | None, second: Evidence | None) -> Evidence | None:
    """Return the one of the two that outranks the other; None is no evidence at all."""
    if first is None or second is None:
        return first or second
    return max(first, second, key=_RANK.__getitem__)


def after(state: State, evidence: Evidence | None) -> State:
    """Return the state that the strongest evidence so far gives a message.

    A leased message keeps its lease: its settle reads the evidence. `suppressed` was never sent
    by us, so nothing that is said about it changes it. Evidence outranks all that we decided
    ourselves. The caller keeps the strongest evidence (`stronger`), which is what makes repeats
    and any order end in the same state.
    """
    if evidence is None or state in {State.LEASED, State.SUPPRESSED}:
        return state
    return _STATE[evidence]
