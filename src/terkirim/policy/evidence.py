"""What events make of the message they are about: state, times, and which facts are new.

The order of events, and how often they come, does not matter: the caller keeps what is returned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntFlag

from terkirim.domain.event import EventKind, NewEvent, evidence_of
from terkirim.domain.message import Evidence, State, after, stronger

SCANNER_WITHIN = timedelta(seconds=1)  # of delivery: no person is as quick


class Told(IntFlag):
    """Which facts a message has been told of so far; `SCANNED` is an open that does not count."""

    NOTHING = 0
    DELIVERED = 1
    OPENED = 2
    CLICKED = 4
    BOUNCED = 8
    COMPLAINED = 16
    UNSUBSCRIBED = 32
    SCANNED = 64


ARRIVED = Told.DELIVERED | Told.OPENED | Told.CLICKED | Told.UNSUBSCRIBED | Told.SCANNED
_TOLD = {kind: Told[kind.name] for kind in EventKind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A message as events find it.

    `delivered_at` is when the provider says it was delivered, else the first sign that it was.
    `opened_at` and `clicked_at` are the first of their kind. `reason` is the sentence that is kept
    beside the state.
    """

    state: State
    evidence: Evidence | None = None
    accepted_at: datetime | None = None
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    told: Told = Told.NOTHING
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """One event after it was weighed: `is_scanner` is an open by a machine."""

    event: NewEvent
    is_scanner: bool


def weighed(before: Standing, events: Sequence[NewEvent]) -> tuple[Standing, list[Heard]]:
    """Return the message as the events leave it, and each event with its mark, in their order."""
    said = _earliest(
        _said_delivered(before),
        *(event.at for event in events if event.kind is EventKind.DELIVERED),
    )
    heard = [Heard(event, _is_scanner(event, before.accepted_at, said)) for event in events]
    after_all = before
    for one in heard:
        after_all = _with(after_all, one)
    if said is not None:
        after_all = replace(after_all, delivered_at=said)
    return _restated(before, after_all), heard


def is_within_scan(opened_at: datetime, reached_at: datetime | None) -> bool:
    """Return whether an open is so near to the acceptance or the delivery that a machine did it."""
    return reached_at is not None and abs(opened_at - reached_at) <= SCANNER_WITHIN


def _said_delivered(standing: Standing) -> datetime | None:
    return standing.delivered_at if Told.DELIVERED in standing.told else None


def _is_scanner(event: NewEvent, accepted_at: datetime | None, said: datetime | None) -> bool:
    if event.kind is not EventKind.OPENED:
        return False
    return is_within_scan(event.at, accepted_at) or is_within_scan(event.at, said)


def _with(standing: Standing, one: Heard) -> Standing:
    event = one.event
    word = evidence_of(event.kind, event.bounce)
    strongest = stronger(standing.evidence, word)
    told = Told.SCANNED if one.is_scanner else _TOLD[event.kind]
    arrived = event.at if word is Evidence.DELIVERED else None
    counts = not one.is_scanner
    return replace(
        standing,
        evidence=strongest,
        told=standing.told | told,
        reason=_reason(event) if strongest is not standing.evidence else standing.reason,
        delivered_at=_earliest(standing.delivered_at, arrived),
        opened_at=_earliest(standing.opened_at, event.at)
        if event.kind is EventKind.OPENED and counts
        else standing.opened_at,
        clicked_at=_earliest(standing.clicked_at, event.at)
        if event.kind is EventKind.CLICKED
        else standing.clicked_at,
    )


def _restated(before: Standing, standing: Standing) -> Standing:
    """Take the state that the strongest evidence gives; a state that stays keeps its own reason."""
    state = after(before.state, standing.evidence)
    is_kept = state is before.state and state is State.SUPPRESSED
    return replace(standing, state=state, reason=before.reason if is_kept else standing.reason)


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


def _earliest(*times: datetime | None) -> datetime | None:
    return min((at for at in times if at is not None), default=None)
