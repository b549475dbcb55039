"""What people and callers change about stored messages: cancel, reschedule, requeue, evidence."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from terkirim.domain.email import DEFAULT_ROUTE
from terkirim.domain.errors import NotFound, WrongState
from terkirim.domain.message import CANCELLABLE, UNFINISHED, Evidence, State, after, stronger
from terkirim.ports import Cancelled, RequeueFilter
from terkirim.store.gate_settings import GateSettings
from terkirim.store.moving import movable
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.finishing import finish
from terkirim.store.postgres.standing import count_proved
from terkirim.store.postgres.telling import tell_moved
from terkirim.store.postgres.transacting import Repeat
from terkirim.store.queries import Queries
from terkirim.store.times import micros, micros_or_none

_sql = Queries("terkirim.store.postgres")
# What retention took the content or the variables of can never be sent again.
_HAS_CONTENT = """(SELECT NOT c.is_template OR m.variables IS NOT NULL FROM contents c
    WHERE c.id = (SELECT e.content_id FROM emails e WHERE e.id = m.email_id))"""
_ENDED = """messages m
    LEFT JOIN LATERAL (SELECT * FROM outbox WHERE id = m.id OFFSET 0) o ON true
    WHERE {is_so} AND o.id IS NULL"""
_HELD = """outbox o
    CROSS JOIN LATERAL (SELECT * FROM messages WHERE id = o.id OFFSET 0) m
    WHERE o.state = 'held'"""
Word = tuple[str, Evidence, datetime, str | None]  # message id, evidence, at, provider_ref


async def cancel(db: Database, *, id_: str, now: int) -> list[Cancelled]:
    """Cancel what has not left, and mark what is leased."""
    standing = await _standing(db, id_)
    if not standing:
        raise NotFound(f"there is no e-mail or message with the id {id_}")
    stoppable = [row for row in standing if State(row[2]) in CANCELLABLE]
    ended = [(row[0], "cancelled", "cancelled", row[4], row[5]) for row in stoppable]
    await finish(db, ended, now=now)
    await db.rows(_sql["want_cancel"], id=[row[0] for row in standing])
    stopped = {row[0] for row in stoppable}
    return [
        Cancelled(
            message_id=row[0],
            recipient=row[1],
            state=State.CANCELLED if row[0] in stopped else State(row[2]),
            is_cancelled=row[0] in stopped,
        )
        for row in standing
    ]


async def reschedule(db: Database, *, id_: str, at: datetime, now: datetime) -> None:
    """Move an email that was not attempted yet."""
    standing = await _standing(db, id_)
    if not standing:
        raise NotFound(f"there is no e-mail with the id {id_}")
    email_id = standing[0][3]
    if email_id != id_:
        raise NotFound(f"{id_} is one message of an e-mail; the e-mail {email_id} can be moved")
    moved = movable((row[0], row[2], row[4]) for row in standing)
    await db.rows(_sql["reschedule_outbox"], at=micros(at), id=moved)
    await db.rows(_sql["reschedule_email"], at=micros(at), id=id_)
    await tell_moved(db, moved, at=at, now=now)


async def requeue(db: Database, *, which: RequeueFilter, settings: GateSettings, now: int) -> int:
    """Queue dead, held or sandboxed messages again; return how many."""
    wanted = await requeueable(db, which=which)
    await locked(db, wanted)
    contents = [id_ for (id_,) in await db.rows(_sql["contents_of"], id=wanted)]
    await db.rows(_sql["hold_contents"], id=contents)
    # Another node's requeue, an event, or retention may have come first.
    still = await requeueable(db, which=replace(which, message_ids=wanted))
    ids = sorted(set(wanted).intersection(still))
    routes = list(settings.routes)
    await db.rows(_sql["requeue_outbox"], id=ids, now=now, routes=routes, usual=DEFAULT_ROUTE)
    await db.rows(_sql["requeue_messages"], id=ids)
    return len(ids)


async def lanes(db: Database) -> set[tuple[str, int]]:
    """Return every (route, place) on which something waits."""
    return {(route, place) for route, place in await db.rows(_sql["lanes"])}


async def reroute(
    db: Database, *, lost: Iterable[tuple[str, int]], settings: GateSettings, most: int
) -> int:
    """Move what waits on lost lanes, where no claim looks; return how many."""
    routes = list(settings.routes)
    moved = await db.many(
        _sql["reroute"], sorted(lost), routes=routes, usual=DEFAULT_ROUTE, most=most
    )
    return len(moved)


async def requeueable(db: Database, *, which: RequeueFilter) -> tuple[str, ...]:
    """Return the ids of the messages that the filter names, oldest first of each kind."""
    tests, bound = _tests(which)
    ids: list[str] = []
    for source in _sources(which):
        sql = (
            f"SELECT m.id FROM {source} AND {' AND '.join([*tests, _HAS_CONTENT])} "
            "ORDER BY m.id LIMIT :most::bigint"
        )
        ids += [id_ for (id_,) in await db.rows(sql, most=which.limit - len(ids), **bound)]
    return tuple(ids)


def _sources(which: RequeueFilter) -> list[str]:
    """Return where to look: each has an index of its own, so that history costs nothing."""
    if which.is_sandbox:
        return [_ENDED.format(is_so="m.is_sandbox AND m.state = 'accepted'")]
    dead = [_ENDED.format(is_so="m.state = 'dead'")] if State.DEAD in which.states else []
    return [*dead, *([_HELD] if State.HELD in which.states else [])]


def _tests(which: RequeueFilter) -> tuple[list[str], dict[str, Any]]:
    optional: tuple[tuple[str, str, Any], ...] = (
        ("ids", "m.id = ANY (:ids::text[])", which.message_ids),
        ("email", "m.email_id = :email", which.email_id),
        (
            "reason",
            "strpos(coalesce(nullif(m.reason, ''), o.reason, ''), :reason) > 0",
            which.reason,
        ),
        ("provider", "coalesce(m.provider, o.provider) = :provider", which.provider),
        ("before", "m.created_at < :before", micros_or_none(which.before)),
        ("after", "m.created_at >= :after", micros_or_none(which.after)),
    )
    bound = {name: value for name, _, value in optional if value is not None}
    return [test for name, test, _ in optional if name in bound], bound


async def mark_accepted(db: Database, *, id_: str, now: datetime) -> None:
    """Record by hand that a held message arrived at the provider."""
    await locked(db, [id_])
    row = next(iter(await db.rows(_sql["standing"], id=[id_])), None)
    if row is None:
        raise NotFound(f"there is no message with the id {id_}")
    if State(row[2]) is not State.HELD:
        raise WrongState("only a held message can be marked as accepted", state=row[2])
    await evident_all(db, [(id_, Evidence.ACCEPTED, now, None)], None)


async def evident_all(
    db: Database, group: Sequence[Word], _earlier: Sequence[Any] | None
) -> list[State | NotFound]:
    """Apply evidence to messages; return the state of each after its word."""
    ids = sorted({id_ for id_, _, _, _ in group})
    waiting = await locked(db, ids)
    found = {row[0]: row for row in await db.rows(_sql["evidence_of"], id=ids)}
    if any(row[3] is not None and row[0] not in waiting for row in found.values()):
        raise Repeat  # it came back to the outbox between the two locks
    tales = {id_: _Tale(row) for id_, row in found.items()}
    results: list[State | NotFound] = [
        tales[id_].told(evidence, micros(at), ref)
        if id_ in tales
        else NotFound(f"there is no message with the id {id_}")
        for id_, evidence, at, ref in group
    ]
    kept = [(id_, tale.best, tale.ref, tale.delivered_at) for id_, tale in tales.items()]
    await db.many(_sql["keep_evidence"], kept)
    moved = {id_: tale for id_, tale in tales.items() if tale.reached is not tale.before}
    ended = [
        (id_, tale.reached.value, "", tale.attempts, tale.lease)
        for id_, tale in moved.items()
        if tale.before in UNFINISHED
    ]
    if ended:
        now = max(micros(at) for _, _, at, _ in group)
        await count_proved(db, [row[0] for row in ended], at=now)
        await finish(db, ended, now=now)
    states = [(id_, tale.reached.value) for id_, tale in moved.items()]
    await db.many(_sql["restate_messages"], states)
    return results


class _Tale:
    """What one group of words makes of one message."""

    def __init__(self, row: Sequence[Any]) -> None:
        _, evidence, stored, waiting, self.attempts, self.lease = row
        self.before = self.reached = State(waiting or stored)
        self.best = None if evidence is None else Evidence(evidence)
        self.ref: str | None = None
        self.delivered_at: int | None = None

    def told(self, evidence: Evidence, at: int, ref: str | None) -> State:
        """Return the state after this word; a leased message waits for its settle to read it."""
        self.best = stronger(self.best, evidence)
        self.ref = ref if ref is not None else self.ref
        if evidence is Evidence.DELIVERED and self.delivered_at is None:
            self.delivered_at = at
        self.reached = after(self.reached, self.best)
        return self.reached


async def _standing(db: Database, id_: str) -> list[Any]:
    """Return the messages of an email, or the one of this id; they are locked until the COMMIT."""
    ids = [found for (found,) in await db.rows(_sql["ids_of"], id=id_)]
    await locked(db, ids)
    return await db.rows(_sql["standing"], id=ids)


async def locked(db: Database, ids: Sequence[str]) -> set[str]:
    """Lock outbox rows, then messages; return the ids that stand in the outbox.

    What is read in the next statement is the newest, and stays so until the COMMIT.
    """
    waiting = {id_ for (id_,) in await db.rows(_sql["lock_outbox"], id=list(ids))}
    await db.rows(_sql["lock_messages"], id=list(ids))
    return waiting
