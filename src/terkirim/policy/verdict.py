"""What follows from how an attempt ended: one decision for each outcome and each fault."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from terkirim.domain.email import IfUnclear
from terkirim.domain.frozen import frozen
from terkirim.domain.lease import Lease, Settlement
from terkirim.domain.message import State
from terkirim.domain.outcome import (
    Accepted,
    Deferred,
    Outcome,
    OutOfCredits,
    ProviderFault,
    QuotaReached,
    Rejected,
    SenderRefused,
    Unauthorised,
    Unclear,
)
from terkirim.policy.rates import wait_after
from terkirim.policy.retry import LONGEST_ASKED, RetrySchedule, next_wait

EXHAUSTED = "gave up after the last wait of the schedule"
MAYBE_SENT = "may have been sent"
EXPIRES_FIRST = "expires before the next attempt"
_MICROSECOND = timedelta(microseconds=1)


@frozen
class Facts:
    """What a verdict needs besides the outcome; `spread` is a draw from [0, 1)."""

    now: datetime
    started_at: datetime
    duration_us: int
    schedule: RetrySchedule
    unclear_wait: timedelta
    spread: float
    route: tuple[str, ...]


def verdict(lease: Lease, result: Outcome | ProviderFault, facts: Facts) -> Settlement:
    """Return the settlement of a lease whose request ended with `result`."""
    if isinstance(result, Accepted):  # nearly all of them: made at once, not as a changed copy
        return Settlement(
            lease=lease,
            result=result,
            started_at=facts.started_at,
            duration_us=facts.duration_us,
            state=State.ACCEPTED,
            due_at=None,
            step=lease.step,
            position=lease.position,
            waited_us=lease.waited_us,
            provider_ref=result.provider_ref,
        )
    stays = Settlement(
        lease=lease,
        result=result,
        started_at=facts.started_at,
        duration_us=facts.duration_us,
        state=State.QUEUED,
        due_at=facts.now,
        step=lease.step,
        position=lease.position,
        waited_us=lease.waited_us,
        reason=result.reason,
    )
    match result:
        case Rejected(reason=reason, field=field):
            says = reason if field is None else f"{field}: {reason}"
            return replace(stays, state=State.DEAD, due_at=None, reason=says)
        case Unclear():
            return _unclear(stays, facts)
        case Unauthorised() | OutOfCredits() | QuotaReached() | SenderRefused():
            return stays  # due at once: the pause, not the schedule, holds it back
        case Deferred(is_rate_limit=True, retry_after=asked):
            # Beside a gate that others' acceptances open, one mail must not be asked for ever anew.
            wait = max(wait_after(lease.attempts), min(asked or timedelta(0), LONGEST_ASKED))
            return _unless_expired(replace(stays, due_at=facts.now + wait))
        case Deferred(retry_after=asked):
            return _unless_expired(_deferred(stays, facts, asked))
        case _:
            assert_never(result)


def _unclear(stays: Settlement, facts: Facts) -> Settlement:
    """Wait for an event, as long as the schedule has waits left for the resend that may follow.

    Without that end, a message at which a provider always times out would be sent for ever; and
    past its quick part the waits grow as they do for any other.
    """
    lease, schedule = stays.lease, facts.schedule
    waiting = replace(
        stays, state=State.UNCLEAR, due_at=facts.now + facts.unclear_wait, step=lease.step + 1
    )
    if lease.if_unclear is IfUnclear.HOLD:
        return waiting
    if _has_next(stays, facts):
        return replace(waiting, step=0, position=lease.position + 1)
    waited = timedelta(microseconds=lease.waited_us)
    waits = wait_for_word(schedule, step=lease.step, waited=waited, unclear_wait=facts.unclear_wait)
    if waits is None:
        reason = f"{EXHAUSTED}, {MAYBE_SENT}: {stays.reason}"
        return replace(stays, state=State.DEAD, due_at=None, reason=reason)
    wait, waited = waits
    return replace(waiting, due_at=facts.now + wait, waited_us=waited // _MICROSECOND)


def wait_for_word(
    schedule: RetrySchedule, *, step: int, waited: timedelta, unclear_wait: timedelta
) -> tuple[timedelta, timedelta] | None:
    """Return how long unclear mail waits for a word, and the sum of its waits with this one.

    None: the schedule has no wait left for a resend that might follow.
    """
    nominal = schedule.wait_at(step)
    if nominal is None or waited + nominal > schedule.retry_for:
        return None
    wait = unclear_wait if schedule.is_quick(step) else max(unclear_wait, nominal)
    return wait, waited + nominal


def _has_next(stays: Settlement, facts: Facts) -> bool:
    """Return True past the quick part with a further provider on the route."""
    lease = stays.lease
    return not facts.schedule.is_quick(lease.step) and lease.position + 1 < len(facts.route)


def _deferred(stays: Settlement, facts: Facts, asked: timedelta | None) -> Settlement:
    lease, schedule = stays.lease, facts.schedule
    if _has_next(stays, facts):
        return replace(stays, step=0, position=lease.position + 1)
    waited = timedelta(microseconds=lease.waited_us)
    wait = next_wait(schedule, step=lease.step, waited=waited, spread=facts.spread, asked=asked)
    nominal = schedule.wait_at(lease.step)
    if wait is None or nominal is None:
        reason = f"{EXHAUSTED}: {stays.reason}"
        return replace(stays, state=State.DEAD, due_at=None, reason=reason)
    return replace(
        stays,
        due_at=facts.now + wait,
        step=lease.step + 1,
        waited_us=(waited + nominal) // _MICROSECOND,
    )


def _unless_expired(settlement: Settlement) -> Settlement:
    """End at once what no attempt could reach any more: nothing is due after its expiry."""
    expires_at, due_at = settlement.lease.expires_at, settlement.due_at
    if expires_at is None or due_at is None or due_at < expires_at:
        return settlement
    reason = f"{EXPIRES_FIRST}: {settlement.reason}"
    return replace(settlement, state=State.DEAD, due_at=None, reason=reason)
