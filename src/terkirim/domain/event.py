"""A provider's later word about a message: what happened, to whom, when, and what it proves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from terkirim.domain.message import Evidence


class EventKind(StrEnum):
    """What a provider says of a message after it was accepted."""

    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


class BounceClass(StrEnum):
    """Why it came back: the address is no good, not now, or *we* are not welcome."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    BLOCKED = "blocked"


class Match(StrEnum):
    """How an event found its message; a guess never stops or starts a send."""

    ID = "id"
    REFERENCE = "reference"
    GUESSED = "guessed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """One event as it was read out of a callback, not matched to a message yet.

    `recipient` is in lower case, None where the callback names nothing that is an address.
    `reference` is the id in the callback: ours, or the provider's own; None where it has none.
    `bounce` is given for a bounce only. `facts` are the callback's other fields: short, printable.
    """

    kind: EventKind
    at: datetime
    recipient: str | None
    reference: str | None = None
    bounce: BounceClass | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """A callback that can be read and says nothing about a message; `why` is a sentence."""

    why: str


def evidence_of(kind: EventKind, bounce: BounceClass | None) -> Evidence:
    """Return what an event proves; who opens, clicks or unsubscribes has the mail."""
    match kind:
        case EventKind.COMPLAINED:
            return Evidence.COMPLAINED
        case EventKind.BOUNCED:
            is_final = bounce is BounceClass.PERMANENT
            return Evidence.BOUNCED if is_final else Evidence.BOUNCED_FOR_NOW
        case _:
            return Evidence.DELIVERED
