"""What events make of the messages they are about, before it is written; for every database."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from terkirim.domain.event import Match, NewEvent
from terkirim.domain.message import SENT, UNFINISHED
from terkirim.policy.evidence import OPENED, SCANNED, SCANNER_WITHIN, Standing, weighed
from terkirim.policy.matching import Candidate, may_guess, next_look
from terkirim.ports.tracking import ReadCallback
from terkirim.store import hearing
from terkirim.store.hearing import Arrived, EventCounts, Known
from terkirim.store.times import instant, micros, micros_or_none, span_us

MOST_IN_DOUBT = 5_000  # while the fate of more mail than this is not known, nothing is guessed
_SCAN_US = span_us(SCANNER_WITHIN)

Told = Mapping[str, Sequence[tuple[Arrived, Match]]]  # by message


@dataclass(frozen=True, slots=True, kw_only=True)
class LateDelivery:
    """A delivery that became known after opens: those too near to it were a scanner's."""

    message: Known
    standing: Standing
    provider: str

    @property
    def scans(self) -> dict[str, Any]:
        """What `mark_scans` looks for."""
        at = micros_or_none(self.standing.delivered_at) or 0
        id_ = self.message.message_id
        return {"message_id": id_, "since": at - _SCAN_US, "until": at + _SCAN_US}

    def told(self, first_open: int | None) -> int:
        """Return what the message was told of, once the scanner's opens are taken back."""
        told = self.standing.told | SCANNED
        return told & ~OPENED if first_open is None else told

    def count(self, counts: EventCounts, scans: Sequence[int], first_open: int | None) -> None:
        """Count the opens at these instants as scans."""
        if self.message.is_sandbox:
            return
        for at in scans:
            counts.add(at, "event", f"{self.provider}:opened", -1)
            counts.add(at, "event", f"{self.provider}:scanned")
        if first_open is None:
            counts.add_first(scans[0], self.message, "opened", provider=self.provider, count=-1)


@dataclass(frozen=True, slots=True)
class Writing:
    """What one transaction writes of events that found their messages: rows of the statements."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    told: list[tuple[Any, ...]] = field(default_factory=list)
    ended: list[tuple[Any, ...]] = field(default_factory=list)
    counts: EventCounts = field(default_factory=EventCounts)
    late_deliveries: list[LateDelivery] = field(default_factory=list)


def gathered(messages: Iterable[Known], told: Told) -> Writing:
    """Return what is to be written of these messages."""
    writing = Writing()
    for message in messages:
        _gather(writing, message, told[message.message_id])
    return writing


def by_message(arrived: Sequence[Arrived], matches: Sequence[Candidate | None]) -> Told:
    """Return the events that found a message, by its id."""
    told: dict[str, list[tuple[Arrived, Match]]] = {}
    for one, match in zip(arrived, matches, strict=True):
        if match is not None:
            told.setdefault(match.message_id, []).append((one, match.match))
    return told


def still_to_apply(callbacks: Sequence[ReadCallback], still_open: Container[int]) -> list[Arrived]:
    """Return the events of callbacks that nobody else has applied meanwhile."""
    return [
        Arrived(id=one.id, provider=one.provider, received_at=micros(one.received_at), event=said)
        for one in callbacks
        if one.seq in still_open and isinstance(said := one.said, NewEvent)
    ]


def closing_row(one: ReadCallback) -> tuple[int, str, str]:
    """Return how an applied callback is closed: (seq, state, note)."""
    if isinstance(one.said, NewEvent):
        return one.seq, "applied", ""
    return one.seq, "nothing", one.said.why


def guessable(arrived: Sequence[Arrived], found: Container[int], *, now: datetime) -> list[int]:
    """Return the numbers of the events whose message may be guessed, of those not `found`."""
    return [
        number
        for number, one in enumerate(arrived)
        if number not in found
        and may_guess(
            one.event.recipient,
            one.event.reference,
            received_at=instant(one.received_at),
            now=now,
        )
    ]


def next_look_at(one: Arrived, now: datetime) -> int | None:
    """Return when a message is looked for again, None: only when a person asks."""
    return micros_or_none(next_look(received_at=instant(one.received_at), now=now))


def unmatched_counts(waiting: Sequence[Arrived]) -> EventCounts:
    """Return what is counted of events that found no message."""
    counts = EventCounts()
    for one in waiting:
        counts.add(micros(one.event.at), "event", f"{one.provider}:unmatched")
    return counts


def addressed(
    arrived: Sequence[Arrived], matches: Sequence[Candidate | None], known: Mapping[str, Known]
) -> list[tuple[Arrived, Known | None]]:
    """Return each event with its message, if it has one."""
    return [
        (one, None if match is None else known[match.message_id])
        for one, match in zip(arrived, matches, strict=True)
    ]


def _gather(writing: Writing, message: Known, told: Sequence[tuple[Arrived, Match]]) -> None:
    before = message.standing
    after, bits = weighed(before, [one.event for one, _ in told])
    writing.told.append(hearing.told_row(message.message_id, after))
    writing.events.extend(
        hearing.event_row(one, message.message_id, match, is_scan=bit == SCANNED)
        for (one, match), bit in zip(told, bits, strict=True)
    )
    if not message.is_sandbox:
        heard = [(one, bit) for (one, _), bit in zip(told, bits, strict=True)]
        hearing.count_heard(writing.counts, message, heard)
        if before.state not in SENT and after.state in SENT:
            first = told[0][0]
            writing.counts.add_accepted(
                micros(first.event.at),
                provider=first.provider,
                sender=message.sender,
                tags=message.tags,
            )
    if before.state in UNFINISHED and after.state is not before.state:
        writing.ended.append(_ended_row(message, after))
    if before.told & OPENED and after.said_delivered_at != before.said_delivered_at:
        late = LateDelivery(message=message, standing=after, provider=told[0][0].provider)
        writing.late_deliveries.append(late)


def _ended_row(message: Known, after: Standing) -> tuple[Any, ...]:
    return (
        message.message_id,
        after.state.value,
        after.reason,
        message.attempts,
        message.lease,
        message.provider,
    )
