"""What a lease that has ended writes: the rows and the counts; the same for every database."""

from collections.abc import Sequence
from typing import Any

from terkirim.domain.lease import Settlement
from terkirim.domain.message import Evidence, State, after
from terkirim.domain.outcome import ANSWER_LIMIT, Accepted, SenderRefused
from terkirim.store.counting import Counts, latency_bucket
from terkirim.store.gating import outcome_name
from terkirim.store.times import micros

RESCUED = (
    "the lease ran out: the worker died, or lost the database, after the request may have left"
)


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


def storable(text: str) -> str:
    """Return a provider's words as every database can keep them: no NUL, no lone surrogate."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


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
    """Count outcomes, reasons, waits and latencies; a state is None where the fence kept it."""
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


def _short(result: Any) -> str:
    return str(result.reason).split(":", 1)[0][:60]
