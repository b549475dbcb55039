"""Events as they travel between records and rows, and what is counted; for every database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from terkirim.domain.event import BounceClass, EventKind, Match, NewEvent
from terkirim.domain.message import Evidence, State
from terkirim.policy.evidence import (
    ARRIVED,
    BOUNCED,
    CLICKED,
    COMPLAINED,
    DELIVERED,
    OPENED,
    SCANNED,
    UNSUBSCRIBED,
    Standing,
)
from terkirim.policy.matching import CLOCKS_DIFFER, GUESS_WITHIN
from terkirim.ports.tracking import EventRow
from terkirim.store.counting import Counts
from terkirim.store.leasing import tags_as_counted
from terkirim.store.rows import from_json, to_json
from terkirim.store.times import (
    DAY_US,
    instant,
    instant_or_none,
    micros,
    micros_or_none,
    span_us,
)

_AFTER_US = span_us(GUESS_WITHIN)
_BEFORE_US = span_us(CLOCKS_DIFFER)
_FIRST = {
    OPENED: "opened",
    CLICKED: "clicked",
    BOUNCED: "bounced",
    COMPLAINED: "complained",
    UNSUBSCRIBED: "unsubscribed",
}
_NO_FIRST = frozenset({DELIVERED, SCANNED})  # counted as an arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """An event that is to be applied, with the id under which it is kept."""

    id: str
    provider: str
    received_at: int
    event: NewEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A message that events are about: how it stands, and what is needed to end and count it."""

    message_id: str
    email_id: str
    recipient: str
    standing: Standing
    attempts: int
    lease: int
    provider: str | None
    sender: str
    tags: tuple[str, ...]
    is_sandbox: bool


def known_of(row: Sequence[Any]) -> Known:
    """Return a message from its row of `standings`."""
    return Known(
        message_id=row[0],
        standing=Standing(
            state=State(row[1]),
            evidence=None if row[2] is None else Evidence(row[2]),
            accepted_at=instant_or_none(row[3]),
            delivered_at=instant_or_none(row[4]),
            opened_at=instant_or_none(row[5]),
            clicked_at=instant_or_none(row[6]),
            told=row[7],
            reason=row[8],
        ),
        attempts=row[9] or 0,
        lease=row[10] or 0,
        provider=row[11],
        email_id=row[12],
        recipient=row[13],
        sender=row[14],
        tags=tags_as_counted(row[15] or ()),
        is_sandbox=bool(row[16]),
    )


def told_row(message_id: str, standing: Standing) -> tuple[Any, ...]:
    """Return what is written of a message; the state of a leased one is not."""
    return (
        message_id,
        None if standing.state is State.LEASED else standing.state,
        standing.evidence,
        standing.reason,
        micros_or_none(standing.delivered_at),
        micros_or_none(standing.opened_at),
        micros_or_none(standing.clicked_at),
        standing.told,
    )


def event_row(arrived: Arrived, message_id: str, match: Match, *, is_scan: bool) -> tuple[Any, ...]:
    """Return the row of an event that found its message."""
    event = arrived.event
    return (
        arrived.id,
        message_id,
        event.kind,
        micros(event.at),
        arrived.received_at,
        arrived.provider,
        match,
        event.recipient,
        event.reference,
        event.bounce,
        int(is_scan),
        to_json(event.facts),
    )


def unmatched_row(arrived: Arrived, due_at: int | None) -> tuple[Any, ...]:
    """Return the row of an event that found no message yet."""
    event = arrived.event
    return (
        arrived.id,
        event.kind,
        micros(event.at),
        arrived.received_at,
        arrived.provider,
        event.recipient,
        event.reference,
        event.bounce,
        to_json(event.facts),
        due_at,
    )


def arrived_of(row: Sequence[Any]) -> Arrived:
    """Return an event that waits for its message, from its row."""
    id_, kind, at, received_at, provider, recipient, reference, bounce, facts = row
    event = NewEvent(
        kind=EventKind(kind),
        at=instant(at),
        recipient=recipient,
        reference=reference,
        bounce=None if bounce is None else BounceClass(bounce),
        facts=from_json(facts),
    )
    return Arrived(id=id_, provider=provider, received_at=received_at, event=event)


def shown(row: Sequence[Any]) -> EventRow:
    """Return an event as lists show it, from a row of `events`."""
    return EventRow(
        seq=row[0],
        id=row[1],
        message_id=row[2],
        kind=EventKind(row[3]),
        at=instant(row[4]),
        received_at=instant(row[5]),
        provider=row[6],
        match=Match(row[7]),
        recipient=row[8],
        reference=row[9],
        bounce=None if row[10] is None else BounceClass(row[10]),
        is_scanner=bool(row[11]),
        facts=from_json(row[12]),
    )


def shown_waiting(arrived: Arrived) -> EventRow:
    """Return an event that waits for its message, as lists show it."""
    event = arrived.event
    return EventRow(
        id=arrived.id,
        kind=event.kind,
        at=event.at,
        received_at=instant(arrived.received_at),
        provider=arrived.provider,
        recipient=event.recipient,
        reference=event.reference,
        bounce=event.bounce,
        facts=event.facts,
    )


def search_row(arrived: Arrived) -> tuple[Any, ...]:
    """Return what `candidates` looks for."""
    return arrived.event.reference, arrived.event.recipient, arrived.provider


def guess_row(arrived: Arrived) -> tuple[Any, ...]:
    """Return what `guesses` looks for: mail to this recipient that was accepted shortly before."""
    event = arrived.event
    at = micros(event.at)
    since, until = at - _AFTER_US, at + _BEFORE_US
    days = list(range(since // DAY_US, until // DAY_US + 1))
    is_nameless, received_at = event.reference is None, arrived.received_at
    return event.recipient, since, until, arrived.provider, days, is_nameless, received_at


def count_heard(counts: "EventCounts", known: Known, told: Sequence[tuple[Arrived, int]]) -> None:
    """Count events, and what a message was told of for the first time; each told with its bit."""
    before = known.standing.told
    for arrived, bit in told:
        at, provider = micros(arrived.event.at), arrived.provider
        counts.add(at, "event", f"{provider}:{what_of(arrived.event, bit)}")
        if not before:
            counts.add(at, "event_first", f"{provider}:heard")
        if bit & ARRIVED and not before & ARRIVED:
            counts.add_first(at, known, "delivered", provider=provider)
        if bit not in _NO_FIRST and not before & bit:
            counts.add_first(at, known, _FIRST[bit], provider=provider)
        before |= bit


def count_proved(counts: Counts, messages: Iterable[Known], *, at: int) -> None:
    """Count as accepted what leaves the outbox as taken although no answer said so."""
    for known in messages:
        if known.provider is not None and not known.is_sandbox:
            counts.add_accepted(at, provider=known.provider, sender=known.sender, tags=known.tags)


def what_of(event: NewEvent, bit: int) -> str:
    """Return the word under which an event is counted; bounces by class, scanners apart."""
    if bit == SCANNED:
        return "scanned"
    return event.kind.value if event.bounce is None else f"{event.kind.value}_{event.bounce}"


class EventCounts(Counts):
    """What one transaction counts of events.

    Kinds: `event` (`provider:what`) counts events; `event_first` (`provider:what`), `event_sender`
    and `event_tag` (`what:sender`, `what:tag`) count messages, at their first event of that sort.
    """

    def add_first(self, at: int, known: Known, what: str, *, provider: str, count: int = 1) -> None:
        """Count a first fact of a message: in all, by its sender, and by each of its tags."""
        names = {"provider": provider, "sender": known.sender}
        self.add_message(at, what, **names, tags=known.tags, count=count)
