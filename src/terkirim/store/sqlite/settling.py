"""Ends leases: attempt, message, outbox, breaker and counts in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import apsw

from terkirim.domain.email import IfUnclear
from terkirim.domain.lease import Lease, Settlement
from terkirim.domain.message import Evidence, State, after
from terkirim.domain.outcome import ANSWER_LIMIT, Accepted, SenderRefused
from terkirim.policy.expiry import unclear_end
from terkirim.policy.retry import RetrySchedule
from terkirim.policy.verdict import EXHAUSTED, MAYBE_SENT, wait_for_word
from terkirim.store.counting import Counts, countable, latency_bucket
from terkirim.store.gating import GateSettings, outcome_name
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.sqlite.bulk import BulkInsert
from terkirim.store.sqlite.controlling import finish
from terkirim.store.sqlite.gates import load_gates, save_gates, save_pause
from terkirim.store.times import instant, micros, span_us

RESCUED = (
    "the lease ran out: the worker died, or lost the database, after the request may have left"
)

_sql = Queries("terkirim.store.sqlite")
_keep_attempts = BulkInsert(_sql["keep_attempts"])


def settle_all(
    db: apsw.Connection, node: str, settings: GateSettings, group: Sequence[Settlement]
) -> list[State | None]:
    """Return the state that each message reached, None where the fence kept it."""
    keys = to_json([(one.lease.message_id, one.lease.number) for one in group])
    _keep_attempts(db, [_attempt_row(one) for one in group])
    (found,) = next(db.execute(_sql["live"], {"rows": keys}))
    live = {(row[0], row[3]): row for row in from_json(found)}
    db_states: list[State | None] = []
    ended, moved, late = [], [], []
    for one in group:
        row = live.pop((one.lease.message_id, one.lease.number), None)
        if row is None:
            late.append((one.lease.message_id, one.lease.number))
            db_states.append(None)
            continue
        state = _reached(one, is_cancel_wanted=bool(row[1]), evidence=row[2])
        db_states.append(state)
        if state in {State.QUEUED, State.UNCLEAR}:
            moved.append(_moved_row(one, state))
        else:
            ended.append(_finished_row(one, state))
    finish(db, node, ended, now=_latest(group))
    if moved:
        db.execute(_sql["move"], {"rows": to_json(moved)})
    if late:
        db.execute(_sql["note_late"], {"rows": to_json(late)})
    _note_gates(db, settings, group)
    _count(db, node, group, db_states)
    return db_states


def release_all(
    db: apsw.Connection,
    node: str,
    settings: GateSettings,
    group: Sequence[tuple[Sequence[Lease], Any]],
) -> list[None]:
    """Give leases back unused."""
    leases = [lease for some, _ in group for lease in some]
    rows = to_json([(lease.message_id, lease.number, "") for lease in leases])
    db.execute(_sql["unlease"], {"rows": rows})
    (found,) = next(db.execute(_sql["end_cancelled"], {"rows": rows}))
    now = group[0][1]
    finish(db, node, from_json(found), now=micros(now))
    gates = load_gates(db, settings, now=now)
    for lease in leases:
        gates.give_back(lease.provider, 1)
        if lease.is_probe:
            gates.free_probe(lease.provider)
    save_gates(db, gates)
    return [None for _ in group]


def rescue(
    db: apsw.Connection,
    node: str,
    *,
    dead: Sequence[str],
    now: int,
    unclear_for: timedelta,
    schedule: RetrySchedule,
) -> int:
    """Make overdue leases of others unclear, with an attempt that says so; return how many."""
    (found,) = next(
        db.execute(_sql["overdue_leases"], {"node": node, "now": now, "dead": to_json(dead)})
    )
    rows = from_json(found)
    if not rows:
        return 0
    attempts = [
        (id_, lease, number, provider, now, 0, "unclear", None, RESCUED, "")
        for id_, lease, number, provider, *_ in rows
    ]
    _keep_attempts(db, attempts)
    waiting, ended = [], []
    for row in rows:
        id_, lease, number = row[:3]
        after = _wait_of_rescued(row[4:], unclear_for, schedule)
        if after is None:
            ended.append((id_, "dead", f"{EXHAUSTED}, {MAYBE_SENT}: {RESCUED}", number, lease))
        else:
            waiting.append((id_, lease, now + after[0], after[1]))
    db.execute(_sql["rescue"], {"rows": to_json(waiting), "reason": RESCUED})
    finish(db, node, ended, now=now)
    return len(rows)


def _wait_of_rescued(
    place: tuple[int, int, str], unclear_for: timedelta, schedule: RetrySchedule
) -> tuple[int, int] | None:
    """Return its wait and the sum of its waits in microseconds, None where none is left."""
    step, waited, if_unclear = place
    if if_unclear == IfUnclear.HOLD:
        return span_us(unclear_for), waited
    after = wait_for_word(
        schedule, step=step, waited=timedelta(microseconds=waited), unclear_wait=unclear_for
    )
    return None if after is None else (span_us(after[0]), span_us(after[1]))


def sweep(db: apsw.Connection, node: str, *, now: int, most: int) -> int:
    """End expired mail; let unclear mail whose wait is over go, hold it, or end it."""
    (found,) = next(db.execute(_sql["expired"], {"now": now, "most": most}))
    expired = from_json(found)
    ended: list[tuple[Any, ...]] = [
        (id_, "dead", _why_expired(State(state), attempts), attempts, lease)
        for id_, state, attempts, lease in expired
    ]
    finish(db, node, ended, now=now)
    (found,) = next(db.execute(_sql["unclear_over"], {"now": now, "most": most}))
    rows = from_json(found)
    finish(db, node, [_settled_by_itself(row) for row in rows if row[2] or row[5]], now=now)
    restated = [
        (row[0], unclear_end(IfUnclear(row[1]), None, instant(now))[0].value)
        for row in rows
        if not row[2] and not row[5]
    ]
    db.execute(_sql["restate"], {"rows": to_json(restated), "now": now})
    return len(expired) + len(rows)


def _why_expired(state: State, attempts: int) -> str:
    if state in {State.UNCLEAR, State.HELD}:
        return "expired, may have been sent"
    return "expired before it could be sent" if attempts == 0 else "expired between two attempts"


def _settled_by_itself(row: Sequence[Any]) -> tuple[Any, ...]:
    id_, _, _, attempts, lease, evidence = row
    state = State.CANCELLED if evidence is None else after(State.UNCLEAR, Evidence(evidence))
    reason = "cancelled; may have been sent before" if evidence is None else ""
    return (id_, state.value, reason, attempts, lease)


def _reached(one: Settlement, *, is_cancel_wanted: bool, evidence: str | None) -> State:
    if evidence is not None:
        return after(State.UNCLEAR, Evidence(evidence))
    if is_cancel_wanted and one.state is State.QUEUED:
        return State.CANCELLED
    return one.state


def _attempt_row(one: Settlement) -> tuple[Any, ...]:
    lease, result = one.lease, one.result
    return (
        lease.message_id,
        lease.number,
        lease.attempts + 1,
        lease.provider,
        micros(one.started_at),
        one.duration_us,
        outcome_name(result),
        result.code,
        getattr(result, "reason", ""),
        result.answer[:ANSWER_LIMIT],
    )


def _finished_row(one: Settlement, state: State) -> tuple[Any, ...]:
    accepted = one.result if isinstance(one.result, Accepted) else None
    ended_at = micros(one.started_at) + one.duration_us
    return (
        one.lease.message_id,
        state.value,
        one.reason if state in {State.DEAD, State.CANCELLED} else "",
        one.lease.attempts + 1,
        one.lease.number,
        one.lease.provider,
        one.provider_ref,
        None if accepted is None else int(accepted.is_sandbox),
        ended_at if accepted is not None else None,
    )


def _moved_row(one: Settlement, state: State) -> tuple[Any, ...]:
    due_at = one.due_at if one.due_at is not None else one.started_at
    refused = isinstance(one.result, SenderRefused)
    hold = f"{one.lease.provider}/{one.lease.sender}" if refused and state is State.QUEUED else ""
    return (
        one.lease.message_id,
        state.value,
        micros(due_at),
        one.step,
        one.position,
        one.waited_us,
        one.lease.attempts + 1,
        one.reason,
        hold,
    )


def _latest(group: Sequence[Settlement]) -> int:
    return max(micros(one.started_at) + one.duration_us for one in group)


def _note_gates(db: apsw.Connection, settings: GateSettings, group: Sequence[Settlement]) -> None:
    """Let breakers, rate gates and pauses hear what the provider said."""
    gates = load_gates(db, settings, now=instant(_latest(group)))
    for pause in gates.hear(group):
        save_pause(db, pause)
    save_gates(db, gates)


def _count(
    db: apsw.Connection, node: str, group: Sequence[Settlement], states: Sequence[State | None]
) -> None:
    counts = Counts()
    for one, state in zip(group, states, strict=True):
        at = micros(one.started_at)
        name, number = outcome_name(one.result), one.lease.attempts + 1
        counts.add(at, "outcome", f"{one.lease.provider}:{name}:{min(number, 20)}")
        if name != "accepted":
            counts.add(at, "reason", f"{name}:{one.result.code or _short(one.result)}")
        if state is State.QUEUED and one.due_at is not None:
            wait = max(micros(one.due_at) - at, 0)
            counts.add(at, "wait", latency_bucket(wait))
        if state is State.ACCEPTED:
            counts.add(
                at, "latency", latency_bucket(at + one.duration_us - micros(one.lease.due_at))
            )
    rows: Mapping[str, Any] = {"rows": to_json(counts.rows()), "node": node}
    db.execute(_sql["count_up"], rows)


def _short(result: Any) -> str:
    return countable(str(result.reason).split(":", 1)[0])[:60]
