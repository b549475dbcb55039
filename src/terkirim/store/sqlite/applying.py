"""Applies events: match, message, log, suppressions and counts in one transaction, in bulk."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import apsw

from terkirim.domain.event import Match, NewEvent
from terkirim.policy.matching import Candidate, chosen
from terkirim.ports.tracking import Applied, ReadCallback
from terkirim.store import hearing, weighing
from terkirim.store.counting import Rollups
from terkirim.store.entries import Ids
from terkirim.store.hearing import Arrived, EventCounts, Known
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.sqlite.controlling import finish
from terkirim.store.sqlite.counts import write_counts
from terkirim.store.sqlite.standing import standings
from terkirim.store.sqlite.suppressions import suppress_for
from terkirim.store.times import micros
from terkirim.store.weighing import LateDelivery

_sql = Queries("terkirim.store.sqlite", "tracking.sql")


def apply_all(
    db: apsw.Connection,
    rollups: Rollups,
    ids: Ids,
    *,
    callbacks: Sequence[ReadCallback],
    now: datetime,
) -> Applied:
    """Apply what was read out of kept callbacks, and close these."""
    rows = to_json([(one.seq, one.id) for one in callbacks])
    (found,) = next(db.execute(_sql["still_open"], {"rows": rows}))
    arrived = weighing.still_to_apply(callbacks, set(from_json(found)))
    matches = _matches(db, arrived, now)
    known = _apply_matched(db, rollups, arrived, matches, now=now)
    waiting = [one for one, match in zip(arrived, matches, strict=True) if match is None]
    _keep_waiting(db, rollups, waiting, now=now)
    suppress_for(db, ids, weighing.addressed(arrived, matches, known), now=now)
    closing = [weighing.closing_row(one) for one in callbacks]
    db.execute(_sql["close_callbacks"], {"rows": to_json(closing)})
    return Applied(
        matched=len(arrived) - len(waiting),
        unmatched=len(waiting),
        not_understood=sum(not isinstance(one.said, NewEvent) for one in callbacks),
    )


def rematch_all(
    db: apsw.Connection, rollups: Rollups, ids: Ids, *, now: datetime, limit: int
) -> tuple[int, int]:
    """Look again for messages; return how many events were looked at, and how many found theirs."""
    (found,) = next(db.execute(_sql["due_unmatched"], {"now": micros(now), "most": limit}))
    arrived = [hearing.arrived_of(row) for row in from_json(found)]
    if not arrived:
        return 0, 0
    matches = _matches(db, arrived, now)
    known = _apply_matched(db, rollups, arrived, matches, now=now)
    pairs = list(zip(arrived, matches, strict=True))
    matched = [one.id for one, match in pairs if match is not None]
    db.execute(_sql["drop_unmatched"], {"ids": to_json(matched)})
    again = [(one.id, weighing.next_look_at(one, now)) for one, match in pairs if match is None]
    db.execute(_sql["look_again"], {"rows": to_json(again)})
    # An address in the callback was suppressed when it came; one that only the message has, is now.
    told = weighing.addressed(arrived, matches, known)
    suppress_for(db, ids, [one for one in told if one[0].event.recipient is None], now=now)
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
    guessable = weighing.guessable(arrived, candidates, now=now)
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
    (found,) = next(db.execute(_sql["in_doubt"], {"most": weighing.MOST_IN_DOUBT}))
    in_doubt = from_json(found)
    if len(in_doubt) >= weighing.MOST_IN_DOUBT:
        return {}
    doubted = set(in_doubt)
    return {
        number: guess
        for number, guess in guesses.items()
        if arrived[number].event.recipient not in doubted
    }


def _apply_matched(
    db: apsw.Connection,
    rollups: Rollups,
    arrived: Sequence[Arrived],
    matches: Sequence[Candidate | None],
    *,
    now: datetime,
) -> Mapping[str, Known]:
    """Write events and what they make of their messages; return these as they stood before."""
    told = weighing.by_message(arrived, matches)
    if not told:
        return {}
    known = standings(db, told)
    writing = weighing.gathered(known.values(), told)
    finish(db, rollups, writing.ended, now=micros(now))
    db.execute(_sql["tell_messages"], {"rows": to_json(writing.told)})
    db.execute(_sql["insert_events"], {"rows": to_json(writing.events)})
    for late in writing.late_deliveries:
        _unmark_opens(db, writing.counts, late)
    write_counts(db, rollups, writing.counts)
    return known


def _unmark_opens(db: apsw.Connection, counts: EventCounts, late: LateDelivery) -> None:
    """Take back opens that turn out to have been a scanner's, now that the delivery is known."""
    scans = sorted(at for (at,) in db.execute(_sql["mark_scans"], late.scans))
    if not scans:
        return
    own = {"message_id": late.message.message_id}
    (first,) = next(db.execute(_sql["first_open"], own))
    db.execute(_sql["unmark_open"], own | {"opened_at": first, "told": late.told(first)})
    late.count(counts, scans, first)


def _keep_waiting(
    db: apsw.Connection, rollups: Rollups, waiting: Sequence[Arrived], *, now: datetime
) -> None:
    if not waiting:
        return
    rows = [hearing.unmatched_row(one, weighing.next_look_at(one, now)) for one in waiting]
    db.execute(_sql["insert_unmatched"], {"rows": to_json(rows)})
    write_counts(db, rollups, weighing.unmatched_counts(waiting))
