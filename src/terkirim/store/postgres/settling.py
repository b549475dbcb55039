"""Ends leases: attempt, message, outbox, breaker and counts in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from terkirim.domain.email import IfUnclear
from terkirim.domain.lease import Lease, Settlement
from terkirim.domain.message import State
from terkirim.policy.expiry import unclear_end
from terkirim.store.endings import (
    RESCUED,
    attempt_row,
    count_settled,
    finished_row,
    latest,
    moved_row,
    reached,
    settled_by_itself,
    why_expired,
)
from terkirim.store.gating import GateSettings
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.finishing import finish
from terkirim.store.postgres.gates import hear, lock_gates, save_gates
from terkirim.store.queries import Queries
from terkirim.store.times import instant, micros

_sql = Queries("terkirim.store.postgres")


async def settle_all(
    db: Database,
    group: Sequence[Settlement],
    _earlier: Sequence[Any] | None,
    *,
    settings: GateSettings,
) -> list[State | None]:
    """Return the state that each message reached, None where the fence kept it."""
    rows = [attempt_row(one) for one in sorted(group, key=_key)]
    kept = {(row[0], row[1]) for row in await db.many(_sql["keep_attempts"], rows)}
    fresh = [one for one in group if _key(one) in kept]
    states: dict[tuple[str, int], State | None] = {}
    if fresh:
        states = await _settled(db, fresh)
        await hear(db, settings, fresh, now=instant(latest(fresh)))
        count_settled(db.counts, fresh, [states[_key(one)] for one in fresh])
    if len(fresh) < len(group):
        repeated = [one.lease.message_id for one in group if _key(one) not in kept]
        standing = {row[0]: State(row[2]) for row in await db.rows(_sql["standing"], id=repeated)}
        states |= {
            _key(one): standing[one.lease.message_id] for one in group if _key(one) not in kept
        }
    return [states[_key(one)] for one in group]


async def _settled(
    db: Database, group: Sequence[Settlement]
) -> dict[tuple[str, int], State | None]:
    found = await db.many(_sql["live"], sorted(_key(one) for one in group))
    live = {(row[0], row[3]): row for row in found}
    states: dict[tuple[str, int], State | None] = {}
    ended, moved, late = [], [], []
    for one in group:
        row = live.get(_key(one))
        if row is None:
            late.append(_key(one))
            states[_key(one)] = None
            continue
        state = reached(one, is_cancel_wanted=row[1], evidence=row[2])
        states[_key(one)] = state
        if state in {State.QUEUED, State.UNCLEAR}:
            moved.append(moved_row(one, state))
        else:
            ended.append(finished_row(one, state))
    await finish(db, ended, now=latest(group))
    await db.many(_sql["move"], moved)
    await db.many(_sql["note_late"], late)
    return states


async def release_all(
    db: Database,
    group: Sequence[tuple[Sequence[Lease], datetime]],
    _earlier: Sequence[Any] | None,
    *,
    settings: GateSettings,
) -> list[None]:
    """Give leases back unused."""
    now = group[0][1]
    rows = sorted((lease.message_id, lease.number, "") for some, _ in group for lease in some)
    found = await db.many(_sql["unlease"], rows)
    ended = [(row[0], "cancelled", "cancelled", row[2], row[3]) for row in found if row[4]]
    await finish(db, ended, now=micros(now))
    if settings.limits:
        gates = await lock_gates(db, settings, now=now)
        for row in found:
            gates.give_back(row[1], 1)
        await save_gates(db, gates)
    return [None for _ in group]


async def rescue(db: Database, *, now: int, unclear_us: int, silent_since: int) -> int:
    """Make overdue leases of others, and all of dead nodes, unclear; return how many."""
    lessees = [name for (name,) in await db.rows(_sql["lessees"], node=db.node)]
    dead = [
        name
        for (name,) in await db.rows(_sql["dead_nodes"], nodes=lessees, silent_since=silent_since)
    ]
    rows = await db.rows(_sql["overdue_leases"], node=db.node, now=now, dead=dead)
    attempts = [
        (id_, lease, number, provider, now, 0, "unclear", None, RESCUED, "")
        for id_, lease, number, provider in rows
    ]
    await db.many(_sql["keep_attempts"], attempts)
    ids = [row[0] for row in rows]
    await db.rows(_sql["rescue"], id=ids, due_at=now + unclear_us, reason=RESCUED)
    return len(rows)


async def sweep(db: Database, *, now: int, most: int) -> int:
    """End expired mail; let unclear mail whose wait is over go, hold it, or end it."""
    expired = await db.rows(_sql["expired"], now=now, most=most)
    ended: list[Sequence[Any]] = [
        (id_, "dead", why_expired(State(state), attempts), attempts, lease)
        for id_, state, attempts, lease in expired
    ]
    await finish(db, ended, now=now)
    rows = await db.rows(_sql["unclear_over"], now=now, most=most)
    await finish(db, [settled_by_itself(row) for row in rows if row[2] or row[5]], now=now)
    restated = [
        (row[0], unclear_end(IfUnclear(row[1]), None, instant(now))[0].value)
        for row in rows
        if not row[2] and not row[5]
    ]
    await db.many(_sql["restate"], restated, now=now)
    return len(expired) + len(rows)


def _key(one: Settlement) -> tuple[str, int]:
    return (one.lease.message_id, one.lease.number)
