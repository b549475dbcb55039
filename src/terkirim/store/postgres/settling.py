"""Ends leases: attempt, message, outbox, breaker and counts in one transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from terkirim.domain.email import IfUnclear
from terkirim.domain.lease import Lease, Settlement
from terkirim.domain.message import Evidence, State, after
from terkirim.policy.expiry import unclear_end
from terkirim.policy.retry import RetrySchedule
from terkirim.store.endings import (
    RESCUED,
    after_rescue,
    attempt_row,
    count_rescued,
    count_settled,
    judged,
    latest,
    rescued_attempts,
    settled_by_itself,
    uncount_rescued,
    why_expired,
)
from terkirim.store.gate_settings import GateSettings
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.finishing import finish, finish_untold
from terkirim.store.postgres.gates import hear, lock_gates, save_gates
from terkirim.store.postgres.standing import count_proved
from terkirim.store.postgres.telling import tell_restated
from terkirim.store.queries import Queries
from terkirim.store.times import instant, micros

_WAITING = (State.QUEUED, State.UNCLEAR)

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
    kept = {(row[0], row[1]): row[2] for row in await db.many(_sql["keep_attempts"], rows)}
    fresh = [one for one in group if _key(one) in kept]
    states: dict[tuple[str, int], State | None] = {}
    if fresh:
        reached = await _settled(db, fresh)
        await hear(db, settings, fresh, now=instant(latest(fresh)))
        uncount_rescued(db.counts, fresh, {key: at for key, at in kept.items() if at is not None})
        count_settled(db.counts, fresh, reached)
        states = dict(zip(map(_key, fresh), reached, strict=True))
    if len(fresh) < len(group):
        states |= await _standing(db, [_key(one) for one in group if _key(one) not in kept])
    return [states[_key(one)] for one in group]


async def _standing(
    db: Database, settled_before: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], State | None]:
    """Return where messages stand whose settlement is repeated: its COMMIT lost its word."""
    ids = [id_ for id_, _ in settled_before]
    states = {row[0]: State(row[2]) for row in await db.rows(_sql["standing"], id=ids)}
    return {key: states.get(key[0]) for key in settled_before}


async def _settled(db: Database, group: Sequence[Settlement]) -> list[State | None]:
    now = latest(group)
    final = [_key(one) for one in group if one.state not in _WAITING]
    waiting = [_key(one) for one in group if one.state in _WAITING]
    gone = await db.many(_sql["end_leases"], sorted(final))
    live = await db.many(_sql["live"], sorted(waiting))
    passed: dict[str, tuple[str, bool, str | None, int]] = {
        id_: (id_, False, None, lease) for id_, lease in gone
    }
    found = judged(group, [*passed.values(), *live])
    told = await finish_untold(db, [row for row in found.ended if row[0] in passed], now=now)
    if told:  # evidence came before the answer
        passed |= {id_: (id_, False, word, passed[id_][3]) for id_, word in told.items()}
        found = judged(group, [*passed.values(), *live])
    rest = [row for row in found.ended if row[0] in told or row[0] not in passed]
    await finish(db, rest, now=now)
    await db.many(_sql["move"], found.moved, now=now)
    await db.many(_sql["note_late"], found.late)
    return found.states


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
    told = [
        (id_, after(State.UNCLEAR, Evidence(word)).value, "", attempts, lease)
        for id_, word, attempts, lease in await db.rows(_sql["end_told"], id=[r[0] for r in found])
    ]
    over = {row[0] for row in told}
    cancelled = [row for row in found if row[4] and row[0] not in over]
    ended = [(row[0], "cancelled", "cancelled", row[2], row[3]) for row in cancelled]
    await count_proved(db, sorted(over), at=micros(now))
    await finish(db, [*told, *ended], now=micros(now))
    probes = {lease.provider for some, _ in group for lease in some if lease.is_probe}
    if settings.limits or probes:
        gates = await lock_gates(db, settings, now=now)
        for row in found:
            gates.give_back(row[1], 1)
        for name in probes:
            gates.free_probe(name)
        await save_gates(db, gates)
    return [None for _ in group]


async def rescue(
    db: Database, *, now: int, unclear_for: timedelta, schedule: RetrySchedule, silent_since: int
) -> int:
    """Make overdue leases of others, and all of dead nodes, unclear; return how many."""
    lessees = [name for (name,) in await db.rows(_sql["lessees"], node=db.node)]
    found = await db.rows(_sql["dead_nodes"], nodes=lessees, silent_since=silent_since)
    dead = [name for (name,) in found]
    rows = await db.rows(_sql["overdue_leases"], node=db.node, now=now, dead=dead)
    await db.many(_sql["keep_attempts"], rescued_attempts(rows, now))
    waiting, ended = after_rescue(rows, now=now, unclear_for=unclear_for, schedule=schedule)
    await db.many(_sql["rescue"], waiting, reason=RESCUED)
    await finish(db, ended, now=now)
    count_rescued(db.counts, rows, now)
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
    await count_proved(db, [row[0] for row in rows if row[5]], at=now)
    await finish(db, [settled_by_itself(row) for row in rows if row[2] or row[5]], now=now)
    restated = [
        (row[0], unclear_end(IfUnclear(row[1]), None, instant(now))[0].value)
        for row in rows
        if not row[2] and not row[5]
    ]
    await db.many(_sql["restate"], restated, now=now)
    await tell_restated(db, restated, now=now)
    return len(expired) + len(rows)


def _key(one: Settlement) -> tuple[str, int]:
    return (one.lease.message_id, one.lease.number)
