"""Applies events: match, message, log, suppressions and counts in one transaction, in bulk.

Whoever applies holds the log's lock first, then outbox rows, then messages.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from terkirim.domain.event import Match, NewEvent
from terkirim.domain.message import UNFINISHED
from terkirim.policy.matching import Candidate, chosen
from terkirim.ports.tracking import Applied, ReadCallback
from terkirim.store import hearing, weighing
from terkirim.store.entries import Ids
from terkirim.store.hearing import Arrived, EventCounts, Known
from terkirim.store.postgres.controlling import locked
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.finishing import finish
from terkirim.store.postgres.standing import standings
from terkirim.store.postgres.suppressions import lock_log, suppress_for
from terkirim.store.postgres.transacting import Repeat
from terkirim.store.queries import Queries
from terkirim.store.rows import storable_row
from terkirim.store.times import micros
from terkirim.store.weighing import LateDelivery

_sql = Queries("terkirim.store.postgres", "tracking.sql")


async def apply_all(
    db: Database, *, ids: Ids, callbacks: Sequence[ReadCallback], now: datetime
) -> Applied:
    """Apply what was read out of kept callbacks, and close these."""
    await lock_log(db)
    found = await db.many(_sql["still_open"], [(one.seq, one.id) for one in callbacks])
    arrived = weighing.still_to_apply(callbacks, {seq for (seq,) in found})
    matches = await _matches(db, arrived, now)
    known = await _apply_matched(db, arrived, matches, now=now)
    waiting = [one for one, match in zip(arrived, matches, strict=True) if match is None]
    await _keep_waiting(db, waiting, now=now)
    await suppress_for(db, ids, weighing.addressed(arrived, matches, known), now=now)
    closing = [storable_row(weighing.closing_row(one)) for one in callbacks]
    await db.many(_sql["close_callbacks"], closing)
    return Applied(
        matched=len(arrived) - len(waiting),
        unmatched=len(waiting),
        not_understood=sum(not isinstance(one.said, NewEvent) for one in callbacks),
    )


async def rematch_all(db: Database, *, ids: Ids, now: datetime, limit: int) -> tuple[int, int]:
    """Look again for messages; return how many events were looked at, and how many found theirs."""
    await lock_log(db)
    found = await db.rows(_sql["due_unmatched"], now=micros(now), most=limit)
    arrived = [hearing.arrived_of(row) for row in found]
    if not arrived:
        return 0, 0
    matches = await _matches(db, arrived, now)
    known = await _apply_matched(db, arrived, matches, now=now)
    pairs = list(zip(arrived, matches, strict=True))
    matched = [one.id for one, match in pairs if match is not None]
    await db.rows(_sql["drop_unmatched"], id=matched)
    again = [(one.id, weighing.next_look_at(one, now)) for one, match in pairs if match is None]
    await db.many(_sql["look_again"], again)
    # An address in the callback was suppressed when it came; one that only the message has, is now.
    told = weighing.addressed(arrived, matches, known)
    await suppress_for(db, ids, [one for one in told if one[0].event.recipient is None], now=now)
    return len(arrived), len(matched)


async def _matches(
    db: Database, arrived: Sequence[Arrived], now: datetime
) -> list[Candidate | None]:
    """Return for each event the message it is about, None where none is found."""
    rows = [(number, *storable_row(hearing.search_row(one))) for number, one in enumerate(arrived)]
    candidates: dict[int, list[Candidate]] = {}
    for number, match, id_ in await db.many(_sql["candidates"], rows):
        candidates.setdefault(number, []).append(Candidate(id_, Match(match)))
    matches = [chosen(candidates.get(number, ())) for number in range(len(arrived))]
    guessable = weighing.guessable(arrived, candidates, now=now)
    for number, guess in (await _guesses(db, arrived, guessable)).items():
        matches[number] = guess
    return matches


async def _guesses(
    db: Database, arrived: Sequence[Arrived], numbers: Sequence[int]
) -> dict[int, Candidate]:
    """Return what recipient and time say, where exactly one accepted message fits."""
    if not numbers:
        return {}
    in_doubt = await db.rows(_sql["in_doubt"], most=weighing.MOST_IN_DOUBT)
    if len(in_doubt) >= weighing.MOST_IN_DOUBT:
        return {}
    doubted = {address for (address,) in in_doubt}
    rows = [
        (number, *hearing.guess_row(arrived[number]))
        for number in numbers
        if arrived[number].event.recipient not in doubted
    ]
    fitting: dict[int, list[Candidate]] = {}
    for number, id_ in await db.many(_sql["guesses"], rows):
        fitting.setdefault(number, []).append(Candidate(id_, Match.GUESSED))
    return {
        number: guess for number, found in fitting.items() if (guess := chosen(found)) is not None
    }


async def _apply_matched(
    db: Database,
    arrived: Sequence[Arrived],
    matches: Sequence[Candidate | None],
    *,
    now: datetime,
) -> Mapping[str, Known]:
    """Write events and what they make of their messages; return these as they stood before."""
    told = weighing.by_message(arrived, matches)
    if not told:
        return {}
    known = await _locked_standings(db, sorted(told))
    writing = weighing.gathered(known.values(), told)
    await finish(db, [storable_row(row) for row in writing.ended], now=micros(now))
    await db.many(_sql["tell_messages"], [storable_row(row) for row in writing.told])
    await db.many(_sql["insert_events"], [storable_row(row) for row in writing.events])
    for late in writing.late_deliveries:
        await _unmark_opens(db, writing.counts, late)
    writing.counts.add_to(db.counts)
    return known


async def _locked_standings(db: Database, ids: Sequence[str]) -> dict[str, Known]:
    """Lock the messages, and return how they stand.

    Raises:
        Repeat: one went, or came back to the outbox, since it was found.
    """
    waiting = await locked(db, ids)
    known = await standings(db, ids)
    unfinished = {id_ for id_, one in known.items() if one.standing.state in UNFINISHED}
    if unfinished - waiting or len(known) < len(ids):
        raise Repeat
    return known


async def _unmark_opens(db: Database, counts: EventCounts, late: LateDelivery) -> None:
    """Take back opens that turn out to have been a scanner's, now that the delivery is known."""
    scans = sorted(at for (at,) in await db.rows(_sql["mark_scans"], **late.scans))
    if not scans:
        return
    id_ = late.message.message_id
    (first,) = await db.one(_sql["first_open"], message_id=id_)
    unmarked = {"message_id": id_, "opened_at": first, "told": late.told(first)}
    await db.rows(_sql["unmark_open"], **unmarked)
    late.count(counts, scans, first)


async def _keep_waiting(db: Database, waiting: Sequence[Arrived], *, now: datetime) -> None:
    if not waiting:
        return
    rows = [hearing.unmatched_row(one, weighing.next_look_at(one, now)) for one in waiting]
    await db.many(_sql["insert_unmatched"], [storable_row(row) for row in rows])
    weighing.unmatched_counts(waiting).add_to(db.counts)
