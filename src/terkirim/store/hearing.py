"""Events as they travel between records and rows, and what is counted; for every database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from terkirim.domain.event import BounceClass, EventKind, Match, NewEvent
from terkirim.domain.message import Evidence, State
from terkirim.policy.evidence import ARRIVED, Heard, Standing, Told
from terkirim.policy.matching import CLOCKS_DIFFER, GUESS_WITHIN
from terkirim.ports.tracking import EventRow
from terkirim.store.rows import from_json, to_json
from terkirim.store.times import HOUR_US, instant, instant_or_none, micros, micros_or_none, span_us

KEYS_A_DAY = 1_000  # tags, and senders, that have counts of their own on one day
OTHERS = "(others)"  # where the rest is counted
DAY_HOURS = 24
_AFTER_US = span_us(GUESS_WITHIN)
_BEFORE_US = span_us(CLOCKS_DIFFER)
_FIRSTS = (
    ("opened", Told.OPENED),
    ("clicked", Told.CLICKED),
    ("bounced", Told.BOUNCED),
    ("complained", Told.COMPLAINED),
    ("unsubscribed", Told.UNSUBSCRIBED),
)

Count = tuple[int, str, str, int]  # at in microseconds, kind, key, by how much


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
            told=Told(row[7]),
            reason=row[8],
        ),
        attempts=row[9] or 0,
        lease=row[10] or 0,
        provider=row[11],
        email_id=row[12],
        recipient=row[13],
        sender=row[14],
        tags=tuple(f"{name}={value}" for name, value in row[15] or ()),
    )


def told_row(message_id: str, standing: Standing) -> tuple[Any, ...]:
    """Return what is written of a message; the state of a leased one is not."""
    return (
        message_id,
        None if standing.state is State.LEASED else standing.state.value,
        standing.evidence,
        standing.reason,
        micros_or_none(standing.delivered_at),
        micros_or_none(standing.opened_at),
        micros_or_none(standing.clicked_at),
        int(standing.told),
    )


def event_row(arrived: Arrived, message_id: str, match: Match, heard: Heard) -> tuple[Any, ...]:
    """Return the row of an event that found its message."""
    event = arrived.event
    return (
        arrived.id,
        message_id,
        event.kind.value,
        micros(event.at),
        arrived.received_at,
        arrived.provider,
        match.value,
        event.recipient,
        event.reference,
        event.bounce,
        int(heard.is_scanner),
        to_json(event.facts),
    )


def unmatched_row(arrived: Arrived, due_at: int | None) -> tuple[Any, ...]:
    """Return the row of an event that found no message yet."""
    event = arrived.event
    return (
        arrived.id,
        event.kind.value,
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
    at = micros(arrived.event.at)
    return arrived.event.recipient, at - _AFTER_US, at + _BEFORE_US, arrived.provider


def counts_of(known: Known, heard: Sequence[Heard], provider: str) -> Iterable[Count]:
    """Yield what is counted: every event, and what a message was told of for the first time.

    Kinds: `event` (`provider:what`) counts events; `event_first` (`provider:what`), `event_sender`
    and `event_tag` (`what:sender`, `what:tag`) count messages.
    """
    told = known.standing.told
    for one in heard:
        at = micros(one.event.at)
        yield at, "event", f"{provider}:{what_of(one)}", 1
        now_told = told | (Told.SCANNED if one.is_scanner else Told[one.event.kind.name])
        for what in _firsts(told, now_told):
            yield at, "event_first", f"{provider}:{what}", 1
            yield from first_counts(known, at, what, 1)
        told = now_told


def first_counts(known: Known, at: int, what: str, count: int) -> Iterable[Count]:
    """Yield the counts by sender and by tag of one first fact."""
    yield at, "event_sender", f"{what}:{known.sender}", count
    for tag in known.tags:
        yield at, "event_tag", f"{what}:{tag}", count


def what_of(heard: Heard) -> str:
    """Return the word under which an event is counted; bounces by class, scanners apart."""
    event = heard.event
    if heard.is_scanner:
        return "scanned"
    return event.kind.value if event.bounce is None else f"{event.kind.value}_{event.bounce}"


def counted_key(count: Count) -> tuple[int, str, str]:
    """Return (day, kind, key) of what only a bounded number of keys is counted of on a day."""
    at, kind, key, _ = count
    return at // HOUR_US // DAY_HOURS, kind, key.partition(":")[2]


def _firsts(before: Told, now: Told) -> Iterable[str]:
    if not before and now:
        yield "heard"
    if not before & ARRIVED and now & ARRIVED:
        yield "delivered"
    for what, bit in _FIRSTS:
        if not before & bit and now & bit:
            yield what
