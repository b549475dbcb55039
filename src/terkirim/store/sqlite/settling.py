"""Ends leases: attempt, message, outbox, breaker and counts in one transaction."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import apsw

from terkirim.domain.email import IfUnclear
from terkirim.domain.lease import Lease, Settlement
from terkirim.domain.message import Evidence, State, after
from terkirim.policy.expiry import unclear_end
from terkirim.policy.retry import RetrySchedule
from terkirim.store.counting import Counts, Rollups
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
from terkirim.store.gating import REFUSED
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.sqlite.bulk import BulkInsert
from terkirim.store.sqlite.controlling import finish
from terkirim.store.sqlite.counts import write_counts
from terkirim.store.sqlite.gates import end_pause, load_gates, save_gates, save_pause
from terkirim.store.sqlite.standing import count_proved
from terkirim.store.sqlite.telling import tell_delayed, tell_restated
from terkirim.store.times import instant, micros

_sql = Queries("terkirim.store.sqlite")
_keep_attempts = BulkInsert(_sql["keep_attempts"])


def settle_all(
    db: apsw.Connection, rollups: Rollups, settings: GateSettings, group: Sequence[Settlement]
) -> list[State | None]:
    """Return the state that each message reached, None where the fence kept it."""
    keys = to_json([(one.lease.message_id, one.lease.number) for one in group])
    rescued = db.execute(_sql["replaced"], {"rows": keys, "rescued": RESCUED})
    replaced = {(id_, lease): at for id_, lease, at in rescued}
    _keep_attempts(db, [attempt_row(one) for one in group])
    (live,) = next(db.execute(_sql["live"], {"rows": keys}))
    found = judged(group, from_json(live))
    finish(db, rollups, found.ended, now=latest(group))
    if found.moved:
        rows = to_json(found.moved)
        db.execute(_sql["move"], {"rows": rows})
        tell_delayed(db, rows, now=latest(group))
    if found.late:
        db.execute(_sql["note_late"], {"rows": to_json(found.late)})
    _note_gates(db, settings, group)
    counts = Counts()
    uncount_rescued(counts, group, replaced)
    count_settled(counts, group, found.states)
    write_counts(db, rollups, counts)
    return found.states


def release_all(
    db: apsw.Connection,
    rollups: Rollups,
    settings: GateSettings,
    group: Sequence[tuple[Sequence[Lease], Any]],
) -> list[None]:
    """Give leases back unused."""
    leases = [lease for some, _ in group for lease in some]
    rows = to_json([(lease.message_id, lease.number, "") for lease in leases])
    db.execute(_sql["unlease"], {"rows": rows})
    now = group[0][1]
    (found,) = next(db.execute(_sql["end_told"], {"rows": rows}))
    told = [
        (id_, after(State.UNCLEAR, Evidence(word)).value, "", attempts, lease)
        for id_, word, attempts, lease in from_json(found)
    ]
    count_proved(db, rollups, [row[0] for row in told], at=micros(now))
    finish(db, rollups, told, now=micros(now))
    (found,) = next(db.execute(_sql["end_cancelled"], {"rows": rows}))
    finish(db, rollups, from_json(found), now=micros(now))
    gates = load_gates(db, settings, now=now)
    for lease in leases:
        gates.give_back(lease.provider, 1)
        if lease.is_probe:
            gates.free_probe(lease.provider)
    save_gates(db, gates)
    return [None for _ in group]


def rescue(
    db: apsw.Connection,
    rollups: Rollups,
    *,
    dead: Sequence[str],
    now: int,
    unclear_for: timedelta,
    schedule: RetrySchedule,
) -> int:
    """Make overdue leases of others unclear, with an attempt that says so; return how many."""
    (found,) = next(
        db.execute(
            _sql["overdue_leases"], {"node": rollups.node, "now": now, "dead": to_json(dead)}
        )
    )
    rows = from_json(found)
    if not rows:
        return 0
    _keep_attempts(db, rescued_attempts(rows, now))
    waiting, ended = after_rescue(rows, now=now, unclear_for=unclear_for, schedule=schedule)
    db.execute(_sql["rescue"], {"rows": to_json(waiting), "reason": RESCUED})
    finish(db, rollups, ended, now=now)
    counts = Counts()
    count_rescued(counts, rows, now)
    write_counts(db, rollups, counts)
    return len(rows)


def sweep(db: apsw.Connection, rollups: Rollups, *, now: int, most: int) -> int:
    """End expired mail; let unclear mail whose wait is over go, hold it, or end it."""
    (found,) = next(db.execute(_sql["expired"], {"now": now, "most": most}))
    expired = from_json(found)
    ended: list[tuple[Any, ...]] = [
        (id_, "dead", why_expired(State(state), attempts), attempts, lease)
        for id_, state, attempts, lease in expired
    ]
    finish(db, rollups, ended, now=now)
    (found,) = next(db.execute(_sql["unclear_over"], {"now": now, "most": most}))
    over = from_json(found)
    count_proved(db, rollups, [row[0] for row in over if row[5]], at=now)
    finish(db, rollups, [settled_by_itself(row) for row in over if row[2] or row[5]], now=now)
    restated = [
        (row[0], unclear_end(IfUnclear(row[1]), None, instant(now))[0].value)
        for row in over
        if not row[2] and not row[5]
    ]
    rows = to_json(restated)
    db.execute(_sql["restate"], {"rows": rows, "now": now})
    tell_restated(db, rows, now=now)
    return len(expired) + len(over)


def _note_gates(db: apsw.Connection, settings: GateSettings, group: Sequence[Settlement]) -> None:
    """Let breakers, rate gates and pauses hear what the provider said."""
    gates = load_gates(db, settings, now=instant(latest(group)))
    for pause in gates.hear(group):
        save_pause(db, pause)
    for provider, sender in gates.taken_senders(group):
        end_pause(db, provider, sender, REFUSED)
    save_gates(db, gates)
