"""What a lease that has ended writes: the rows and the counts; the same for every database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from terkirim.domain.email import IfUnclear
from terkirim.domain.lease import Settlement
from terkirim.domain.message import SENT, Evidence, State, after
from terkirim.domain.outcome import (
    ANSWER_LIMIT,
    Accepted,
    SenderRefused,
    is_unknown_answer,
    outcome_name,
)
from terkirim.policy.retry import RetrySchedule
from terkirim.policy.verdict import EXHAUSTED, MAYBE_SENT, wait_for_word
from terkirim.ports import UNKNOWN_ANSWER
from terkirim.store.counting import Counts, countable, latency_bucket
from terkirim.store.rows import storable
from terkirim.store.times import micros, span_us

RESCUED = (
    "the lease ran out: the worker died, or lost the database, after the request may have left"
)
Replaced = Mapping[tuple[str, int], int]  # (message, lease) -> when its attempt of a rescue began


@dataclass(frozen=True, slots=True)
class Judged:
    """What a group of settlements comes to: a state for each, None where the fence kept it.

    `ended` are rows to finish, `moved` rows of the statement `move`, `late` (message, lease) pairs.
    """

    states: list[State | None]
    ended: list[tuple[Any, ...]]
    moved: list[tuple[Any, ...]]
    late: list[tuple[str, int]]


def judged(group: Sequence[Settlement], live: Iterable[Sequence[Any]]) -> Judged:
    """Judge settlements by the rows of the statement `live`: those that the fence lets pass."""
    passed = {(row[0], row[3]): row for row in live}
    found = Judged([], [], [], [])
    for one in group:
        key = (one.lease.message_id, one.lease.number)
        row = passed.pop(key, None)
        if row is None:
            found.late.append(key)
            found.states.append(None)
            continue
        state = reached(one, is_cancel_wanted=bool(row[1]), evidence=row[2])
        found.states.append(state)
        if state in {State.QUEUED, State.UNCLEAR}:
            found.moved.append(moved_row(one, state))
        else:
            found.ended.append(finished_row(one, state))
    return found


def reached(one: Settlement, *, is_cancel_wanted: bool, evidence: str | None) -> State:
    """Return the state that a settlement gives its message: evidence outranks it."""
    if evidence is not None:
        return after(State.UNCLEAR, Evidence(evidence))
    if is_cancel_wanted and one.state is State.QUEUED:
        return State.CANCELLED
    return one.state


def attempt_row(one: Settlement) -> tuple[Any, ...]:
    """Return (message, lease, number, provider, start, duration, outcome, code, reason, answer)."""
    lease, result = one.lease, one.result
    return (
        lease.message_id,
        lease.number,
        lease.attempts + 1,
        lease.provider,
        micros(one.started_at),
        one.duration_us,
        outcome_name(result),
        None if result.code is None else storable(result.code),
        storable(getattr(result, "reason", "")),
        storable(result.answer[:ANSWER_LIMIT]),
    )


def finished_row(one: Settlement, state: State) -> tuple[Any, ...]:
    """Return (id, state, reason, attempts, lease, provider, ref, is_sandbox, accepted_at)."""
    accepted = one.result if isinstance(one.result, Accepted) else None
    ended_at = micros(one.started_at) + one.duration_us
    return (
        one.lease.message_id,
        state.value,
        storable(one.reason) if state in {State.DEAD, State.CANCELLED} else "",
        one.lease.attempts + 1,
        one.lease.number,
        one.lease.provider,
        None if one.provider_ref is None else storable(one.provider_ref),
        None if accepted is None else accepted.is_sandbox,
        ended_at if accepted is not None else None,
    )


def moved_row(one: Settlement, state: State) -> tuple[Any, ...]:
    """Return (id, state, due_at, step, position, waited, attempts, reason, hold)."""
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
        storable(one.reason),
        hold,
    )


def after_rescue(
    rows: Sequence[Sequence[Any]], *, now: int, unclear_for: timedelta, schedule: RetrySchedule
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return what rescued leases become: rows of `rescue`, and rows to finish for want of a wait.

    A row is (id, lease, number of the attempt, provider, step, waited, if_unclear).
    """
    waiting: list[tuple[Any, ...]] = []
    ended: list[tuple[Any, ...]] = []
    for id_, lease, number, _, *place in rows:
        after_it = _wait_of_rescued(place, unclear_for, schedule)
        if after_it is None:
            ended.append((id_, "dead", f"{EXHAUSTED}, {MAYBE_SENT}: {RESCUED}", number, lease))
        else:
            waiting.append((id_, lease, now + after_it[0], after_it[1]))
    return waiting, ended


def rescued_attempts(rows: Iterable[Sequence[Any]], now: int) -> list[tuple[Any, ...]]:
    """Return the attempts that say of rescued leases that nobody knows their end."""
    return [
        (id_, lease, number, provider, now, 0, "unclear", None, RESCUED, "")
        for id_, lease, number, provider, *_ in rows
    ]


def count_rescued(counts: Counts, rows: Iterable[Sequence[Any]], at: int) -> None:
    """Count the attempts that rescued leases leave, as a settle counts its own."""
    for _, _, number, provider, *_ in rows:
        counts.add(at, "outcome", _end(provider, "unclear", number))
        counts.add(at, "reason", f"unclear:{_short(RESCUED)}")


def uncount_rescued(counts: Counts, group: Iterable[Settlement], replaced: Replaced) -> None:
    """Take back what was counted of attempts that a late word of their lease replaces.

    So each attempt counts once, with the end that is kept of it.
    """
    for one in group:
        at = replaced.get((one.lease.message_id, one.lease.number))
        if at is not None:
            end = _end(one.lease.provider, "unclear", one.lease.attempts + 1)
            counts.add(at, "outcome", end, -1)
            counts.add(at, "reason", f"unclear:{_short(RESCUED)}", -1)


def latest(group: Sequence[Settlement]) -> int:
    """Return when the last of these requests ended, in microseconds."""
    return max(micros(one.started_at) + one.duration_us for one in group)


def why_expired(state: State, attempts: int) -> str:
    """Return the sentence on mail that expired in this state."""
    if state in {State.UNCLEAR, State.HELD}:
        return "expired, may have been sent"
    return "expired before it could be sent" if attempts == 0 else "expired between two attempts"


def settled_by_itself(row: Sequence[Any]) -> tuple[Any, ...]:
    """Return how unclear mail ends that has evidence or a wanted cancel: a row to finish."""
    id_, _, _, attempts, lease, evidence = row
    state = State.CANCELLED if evidence is None else after(State.UNCLEAR, Evidence(evidence))
    reason = "cancelled; may have been sent before" if evidence is None else ""
    return (id_, state.value, reason, attempts, lease)


def count_settled(
    counts: Counts, group: Sequence[Settlement], states: Sequence[State | None]
) -> None:
    """Count outcomes, reasons, waits, latencies, and what was taken.

    A state is None where the fence kept it: what that message comes to is counted elsewhere.
    """
    for one, state in zip(group, states, strict=True):
        at = micros(one.started_at)
        name, number = outcome_name(one.result), one.lease.attempts + 1
        counts.add(at, "outcome", _end(one.lease.provider, name, number))
        if is_unknown_answer(one.result):
            words = countable(storable(getattr(one.result, "reason", "")))
            counts.add(at, UNKNOWN_ANSWER, f"{one.lease.provider}:{words}")
        if name != "accepted":
            words = storable(one.result.code or _short(getattr(one.result, "reason", "")))
            counts.add(at, "reason", f"{name}:{words}")
        if state is State.QUEUED and one.due_at is not None:
            wait = max(micros(one.due_at) - at, 0)
            counts.add(at, "wait", latency_bucket(wait))
        if state in SENT:
            _count_taken(counts, one, at)


def _end(provider: str, name: str, number: int) -> str:
    return f"{provider}:{name}:{min(number, 20)}"


def _count_taken(counts: Counts, one: Settlement, at: int) -> None:
    """Count a message that a provider took, and how long that took; not the sandbox's."""
    lease, result = one.lease, one.result
    if isinstance(result, Accepted):
        if result.is_sandbox:
            return
        counts.add(at, "latency", latency_bucket(at + one.duration_us - micros(lease.ready_at)))
    counts.add_accepted(at, provider=lease.provider, sender=lease.sender, tags=lease.tags)


def _wait_of_rescued(
    place: Sequence[Any], unclear_for: timedelta, schedule: RetrySchedule
) -> tuple[int, int] | None:
    """Return its wait and the sum of its waits in microseconds, None where none is left."""
    step, waited, if_unclear = place
    if if_unclear == IfUnclear.HOLD:
        return span_us(unclear_for), waited
    after_it = wait_for_word(
        schedule, step=step, waited=timedelta(microseconds=waited), unclear_wait=unclear_for
    )
    return None if after_it is None else (span_us(after_it[0]), span_us(after_it[1]))


def _short(reason: str) -> str:
    return countable(reason.split(":", 1)[0])[:60]
