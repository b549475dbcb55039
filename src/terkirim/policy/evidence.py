"""What events make of the message they are about: state, times, and which facts it was told of.

The order of events, and how often they come, does not matter: the caller keeps what is returned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from terkirim.domain.event import EventKind, NewEvent, evidence_of
from terkirim.domain.message import Evidence, State, after, stronger

SCANNER_WITHIN = timedelta(seconds=1)  # of delivery: no person is as quick

# Which facts a message was told of, as bits; SCANNED is an open that does not count.
DELIVERED, OPENED, CLICKED, BOUNCED, COMPLAINED, UNSUBSCRIBED, SCANNED = (1 << n for n in range(7))
ARRIVED = DELIVERED | OPENED | CLICKED | UNSUBSCRIBED | SCANNED
_BIT = {
    EventKind.DELIVERED: DELIVERED,
    EventKind.OPENED: OPENED,
    EventKind.CLICKED: CLICKED,
    EventKind.BOUNCED: BOUNCED,
    EventKind.COMPLAINED: COMPLAINED,
    EventKind.UNSUBSCRIBED: UNSUBSCRIBED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A message as events find it.

    `delivered_at` is when the provider says that it was delivered, else the first sign of it.
    `opened_at` and `clicked_at` are the first of their kind. `told` are the bits above. `reason` is
    the sentence that is kept beside the state.
    """

    state: State
    evidence: Evidence | None = None
    accepted_at: datetime | None = None
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    told: int = 0
    reason: str = ""

    @property
    def said_delivered_at(self) -> datetime | None:
        """When the provider says that it was delivered, None where it only can be told."""
        return self.delivered_at if self.told & DELIVERED else None


def weighed(before: Standing, events: Sequence[NewEvent]) -> tuple[Standing, list[int]]:
    """Return the message as the events leave it, and what it is told by each, in their order."""
    said = _said_delivered(before, events)
    evidence, told, reason = before.evidence, before.told, before.reason
    delivered_at, opened_at, clicked_at = before.delivered_at, before.opened_at, before.clicked_at
    bits: list[int] = []
    for event in events:
        bit = _BIT[event.kind]
        if bit == OPENED and is_scan(event.at, before.accepted_at, said):
            bit = SCANNED
        bits.append(bit)
        told |= bit
        if bit & ARRIVED:
            delivered_at = _earlier(delivered_at, event.at)
        if bit == OPENED:
            opened_at = _earlier(opened_at, event.at)
        elif bit == CLICKED:
            clicked_at = _earlier(clicked_at, event.at)
        strongest = stronger(evidence, evidence_of(event.kind, event.bounce))
        if strongest is not evidence:
            evidence, reason = strongest, _reason(event)
    state = after(before.state, evidence)
    standing = Standing(
        state=state,
        evidence=evidence,
        accepted_at=before.accepted_at,
        delivered_at=delivered_at if said is None else said,
        opened_at=opened_at,
        clicked_at=clicked_at,
        told=told,
        # It was never sent by us: why it was not is a better reason than a provider's word.
        reason=before.reason if state is State.SUPPRESSED else reason,
    )
    return standing, bits


def is_scan(opened_at: datetime, *reached: datetime | None) -> bool:
    """Return whether an open is so near to the acceptance or the delivery that a machine did it."""
    return any(at is not None and abs(opened_at - at) <= SCANNER_WITHIN for at in reached)


def _said_delivered(before: Standing, events: Sequence[NewEvent]) -> datetime | None:
    said = before.said_delivered_at
    for event in events:
        if event.kind is EventKind.DELIVERED:
            said = _earlier(said, event.at)
    return said


def _reason(event: NewEvent) -> str:
    """Return the sentence on why it did not arrive; "" where it did."""
    match event.kind:
        case EventKind.BOUNCED:
            said = event.facts.get("reason", "")
            return f"{event.bounce} bounce: {said}" if said else f"{event.bounce} bounce"
        case EventKind.COMPLAINED:
            return "the recipient reported it as spam"
        case _:
            return ""


def _earlier(one: datetime | None, other: datetime) -> datetime:
    return other if one is None or other < one else one
