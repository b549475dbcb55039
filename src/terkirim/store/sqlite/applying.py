"""Applies events: match, message, log, suppressions and counts in one transaction, in bulk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import apsw

from terkirim.domain.event import Match, NewEvent
from terkirim.domain.message import UNFINISHED
from terkirim.policy.evidence import OPENED, SCANNED, SCANNER_WITHIN, Standing, weighed
from terkirim.policy.matching import Candidate, chosen, may_guess, next_look
from terkirim.ports.tracking import Applied, ReadCallback
from terkirim.store import hearing
from terkirim.store.hearing import Arrived, EventCounts, Known
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.sqlite.controlling import finish
from terkirim.store.sqlite.event_counts import count_events
from terkirim.store.sqlite.suppressions import Ids, suppress_for
from terkirim.store.times import instant, micros, micros_or_none, span_us

MOST_IN_DOUBT = 5_000  # while the fate of more mail than this is not known, nothing is guessed

_sql = Queries("terkirim.store.sqlite", "tracking.sql")
_SCAN_US = span_us(SCANNER_WITHIN)


@dataclass(slots=True)
class _Writing:
    """What one transaction writes, gathered message by message."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    told: list[tuple[Any, ...]] = field(default_factory=list)
    ended: list[tuple[Any, ...]] = field(default_factory=list)
    counts: EventCounts = field(default_factory=EventCounts)
    late_deliveries: list[tuple[Known, Standing, str]] = field(default_factory=list)


def apply_all(
    db: apsw.Connection, node: str, ids: Ids, *, callbacks: Sequence[ReadCallback], now: datetime
) -> Applied:
    """Apply what was read out of kept callbacks, and close these."""
    rows = to_json([(one.seq, one.id) for one in callbacks])
    (found,) = next(db.execute(_sql["still_open"], {"rows": rows}))
    still_open = set(from_json(found))
    arrived = [
        Arrived(id=one.id, provider=one.provider, received_at=micros(one.received_at), event=said)
        for one in callbacks
        if one.seq in still_open and isinstance(said := one.said, NewEvent)
    ]
    matches = _matches(db, arrived, now)
    known = _apply_matched(db, node, arrived, matches, now=now)
    waiting = [one for one, match in zip(arrived, matches, strict=True) if match is None]
    _keep_waiting(db, node, waiting, now=now)
    suppress_for(db, ids, _addressed(arrived, matches, known), now=now)
    closing = [_closing(one) for one in callbacks]
    db.execute(_sql["close_callbacks"], {"rows": to_json(closing)})
    return Applied(
        matched=len(arrived) - len(waiting),
        unmatched=len(waiting),
        not_understood=sum(not isinstance(one.said, NewEvent) for one in callbacks),
    )


def rematch_all(
    db: apsw.Connection, node: str, ids: Ids, *, now: datetime, limit: int
) -> tuple[int, int]:
    """Look again for messages; return how many events were looked at, and how many found theirs."""
    (found,) = next(db.execute(_sql["due_unmatched"], {"now": micros(now), "most": limit}))
    arrived = [hearing.arrived_of(row) for row in from_json(found)]
    if not arrived:
        return 0, 0
    matches = _matches(db, arrived, now)
    known = _apply_matched(db, node, arrived, matches, now=now)
    pairs = list(zip(arrived, matches, strict=True))
    matched = [one.id for one, match in pairs if match is not None]
    db.execute(_sql["drop_unmatched"], {"ids": to_json(matched)})
    again = [(one.id, _next_look(one, now)) for one, match in pairs if match is None]
    db.execute(_sql["look_again"], {"rows": to_json(again)})
    # An address in the callback was suppressed when it came; one that only the message has, is now.
    nameless = [
        one for one in _addressed(arrived, matches, known) if one[0].event.recipient is None
    ]
    suppress_for(db, ids, nameless, now=now)
    return len(arrived), len(matched)


def _matches(
    db: apsw.Connection, arrived: Sequence[Arrived], now: datetime
) -> list[Candidate | None]:
    """Return for each event the message it is about, None where none is found."""
    rows = to_json([hearing.search_row(one) for one in arrived])
    (found,) = next(db.execute(_sql["candidates"], {"rows": rows}))
    candidates: dict[int, list[Candidate]] = {}
    for number, match, id_ in from_json(found):
        candidates.setdefault(number, []).append(Candidate(id_, Match(match)))
    matches = [chosen(candidates.get(number, ())) for number in range(len(arrived))]
    guessable = [
        number
        for number, one in enumerate(arrived)
        if number not in candidates
        and may_guess(
            one.event.recipient,
            one.event.reference,
            received_at=instant(one.received_at),
            now=now,
        )
    ]
    for number, guess in _guesses(db, arrived, guessable).items():
        matches[number] = guess
    return matches


def _guesses(
    db: apsw.Connection, arrived: Sequence[Arrived], numbers: Sequence[int]
) -> dict[int, Candidate]:
    """Return what recipient and time say, where exactly one accepted message fits."""
    if not numbers:
        return {}
    rows = to_json([hearing.guess_row(arrived[number]) for number in numbers])
    (found,) = next(db.execute(_sql["guesses"], {"rows": rows}))
    guesses = {
        numbers[place]: guess
        for place, ids in from_json(found)
        if (guess := chosen([Candidate(id_, Match.GUESSED) for id_ in ids])) is not None
    }
    if not guesses:
        return {}
    (found,) = next(db.execute(_sql["in_doubt"], {"most": MOST_IN_DOUBT}))
    in_doubt = from_json(found)
    if len(in_doubt) >= MOST_IN_DOUBT:
        return {}
    doubted = set(in_doubt)
    return {
        number: guess
        for number, guess in guesses.items()
        if arrived[number].event.recipient not in doubted
    }


def _apply_matched(
    db: apsw.Connection,
    node: str,
    arrived: Sequence[Arrived],
    matches: Sequence[Candidate | None],
    *,
    now: datetime,
) -> Mapping[str, Known]:
    """Write events and what they make of their messages; return these as they stood before."""
    by_message: dict[str, list[tuple[Arrived, Match]]] = {}
    for one, match in zip(arrived, matches, strict=True):
        if match is not None:
            by_message.setdefault(match.message_id, []).append((one, match.match))
    if not by_message:
        return {}
    (found,) = next(db.execute(_sql["standings"], {"ids": to_json(list(by_message))}))
    known = {row[0]: hearing.known_of(row) for row in from_json(found)}
    writing = _Writing()
    for id_, message in known.items():
        _gather(writing, message, by_message[id_])
    finish(db, node, writing.ended, now=micros(now))
    db.execute(_sql["tell_messages"], {"rows": to_json(writing.told)})
    db.execute(_sql["insert_events"], {"rows": to_json(writing.events)})
    for message, standing, provider in writing.late_deliveries:
        _unmark_opens(db, writing.counts, message, standing=standing, provider=provider)
    count_events(db, node, writing.counts)
    return known


def _gather(writing: _Writing, message: Known, told: Sequence[tuple[Arrived, Match]]) -> None:
    before = message.standing
    after, bits = weighed(before, [one.event for one, _ in told])
    writing.told.append(hearing.told_row(message.message_id, after))
    writing.events += [
        hearing.event_row(one, message.message_id, match, is_scan=bit == SCANNED)
        for (one, match), bit in zip(told, bits, strict=True)
    ]
    if not message.is_sandbox:
        heard = [(one, bit) for (one, _), bit in zip(told, bits, strict=True)]
        hearing.count_heard(writing.counts, message, heard)
    if before.state in UNFINISHED and after.state is not before.state:
        writing.ended.append(_ended_row(message, after))
    if before.told & OPENED and after.said_delivered_at != before.said_delivered_at:
        writing.late_deliveries.append((message, after, told[0][0].provider))


def _ended_row(message: Known, after: Standing) -> tuple[Any, ...]:
    return (
        message.message_id,
        after.state.value,
        after.reason,
        message.attempts,
        message.lease,
        message.provider,
    )


def _unmark_opens(
    db: apsw.Connection,
    counts: EventCounts,
    message: Known,
    *,
    standing: Standing,
    provider: str,
) -> None:
    """Take back opens that turn out to have been a scanner's, now that the delivery is known."""
    delivered_at = micros_or_none(standing.delivered_at) or 0
    which = {
        "message_id": message.message_id,
        "since": delivered_at - _SCAN_US,
        "until": delivered_at + _SCAN_US,
    }
    scans = sorted(at for (at,) in db.execute(_sql["mark_scans"], which))
    if not scans:
        return
    own = {"message_id": message.message_id}
    (first,) = next(db.execute(_sql["first_open"], own))
    told = standing.told | SCANNED
    if first is None:
        told &= ~OPENED
    db.execute(_sql["unmark_open"], own | {"opened_at": first, "told": told})
    if message.is_sandbox:
        return
    for at in scans:
        counts.add(at, "event", f"{provider}:opened", -1)
        counts.add(at, "event", f"{provider}:scanned")
    if first is None:
        counts.add_first(scans[0], message, "opened", provider=provider, count=-1)


def _keep_waiting(
    db: apsw.Connection, node: str, waiting: Sequence[Arrived], *, now: datetime
) -> None:
    if not waiting:
        return
    rows = [hearing.unmatched_row(one, _next_look(one, now)) for one in waiting]
    db.execute(_sql["insert_unmatched"], {"rows": to_json(rows)})
    counts = EventCounts()
    for one in waiting:
        counts.add(micros(one.event.at), "event", f"{one.provider}:unmatched")
    count_events(db, node, counts)


def _next_look(one: Arrived, now: datetime) -> int | None:
    return micros_or_none(next_look(received_at=instant(one.received_at), now=now))


def _addressed(
    arrived: Sequence[Arrived], matches: Sequence[Candidate | None], known: Mapping[str, Known]
) -> list[tuple[Arrived, Known | None]]:
    return [
        (one, None if match is None else known[match.message_id])
        for one, match in zip(arrived, matches, strict=True)
    ]


def _closing(one: ReadCallback) -> tuple[int, str, str]:
    if isinstance(one.said, NewEvent):
        return one.seq, "applied", ""
    return one.seq, "nothing", one.said.why
