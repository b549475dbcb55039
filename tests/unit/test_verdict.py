"""What follows from each outcome and each provider fault."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.email import IfUnclear, Priority
from terkirim.domain.lease import Lease
from terkirim.domain.message import State
from terkirim.domain.outcome import (
    Accepted,
    Deferred,
    OutOfCredits,
    QuotaReached,
    Rejected,
    SenderRefused,
    Unauthorised,
    Unclear,
)
from terkirim.policy.retry import RetrySchedule
from terkirim.policy.verdict import Facts, verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
LEASE = Lease(
    message_id="m",
    email_id="e",
    number=3,
    provider="first",
    until=NOW + MINUTE,
    route="default",
    position=0,
    step=0,
    waited_us=0,
    attempts=0,
    priority=Priority.NORMAL,
    if_unclear=IfUnclear.RESEND,
    created_at=NOW,
    due_at=NOW,
    ready_at=NOW,
    expires_at=None,
    sender="a@b.id",
)
FACTS = Facts(
    now=NOW,
    started_at=NOW - SECOND,
    duration_us=1_000_000,
    schedule=RetrySchedule(jitter=0),
    unclear_wait=MINUTE,
    spread=0.0,
    route=("first",),
)
TWO = replace(FACTS, route=("first", "second"))
FAULTS = [
    Unauthorised("key"),
    OutOfCredits("empty"),
    QuotaReached("day"),
    SenderRefused("no", sender="a@b.id"),
]
RESULTS = [Accepted("ref"), Deferred("busy"), Rejected("bad"), Unclear("cut"), *FAULTS]


def lease(**changes):
    return replace(LEASE, **changes)


def test_accepted_is_finished_with_the_providers_id():
    end = verdict(LEASE, Accepted("ref-1"), FACTS)
    assert (end.state, end.due_at, end.provider_ref, end.reason) == (
        State.ACCEPTED,
        None,
        "ref-1",
        "",
    )


@pytest.mark.parametrize(
    ("field", "reason"), [(None, "too odd"), ("recipient", "recipient: too odd")]
)
def test_rejected_is_dead_and_names_the_field(field, reason):
    end = verdict(LEASE, Rejected("too odd", field=field), FACTS)
    assert (end.state, end.due_at, end.reason) == (State.DEAD, None, reason)


def test_deferred_waits_and_goes_one_step_on():
    end = verdict(lease(step=1, waited_us=2_000_000), Deferred("busy"), FACTS)
    assert (end.state, end.due_at, end.step) == (State.QUEUED, NOW + 6 * SECOND, 2)
    assert end.waited_us == 8_000_000


def test_what_was_asked_for_is_waited_but_not_counted():
    end = verdict(LEASE, Deferred("busy", retry_after=HOUR), FACTS)
    assert (end.due_at, end.waited_us) == (NOW + HOUR, 2_000_000)


def test_deferred_is_dead_when_the_waits_are_spent():
    spent = lease(step=20, waited_us=24 * 3_600 * 1_000_000)
    end = verdict(spent, Deferred("busy"), FACTS)
    assert (end.state, end.due_at) == (State.DEAD, None)
    assert end.reason == "gave up after the last wait of the schedule: busy"


def test_a_rate_limit_costs_no_step():
    slow = Deferred("slow down", is_rate_limit=True)
    end = verdict(lease(step=2, waited_us=5), slow, FACTS)
    assert (end.state, end.due_at) == (State.QUEUED, NOW + SECOND / 5)
    assert (end.step, end.waited_us) == (2, 5)
    asked = replace(slow, retry_after=9 * HOUR)
    assert verdict(LEASE, asked, FACTS).due_at == NOW + HOUR


@pytest.mark.parametrize("asked", [None, timedelta(0), SECOND / 10], ids=str)
def test_one_mail_that_meets_429_each_time_is_attempted_ever_less_often(asked):
    slow = Deferred("slow down", retry_after=asked, is_rate_limit=True)
    ends = [verdict(lease(attempts=before), slow, FACTS) for before in (0, 1, 4, 9, 10**6)]
    assert [(end.due_at - NOW) / SECOND for end in ends] == [0.2, 0.4, 3.2, 30, 30]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: type(one).__name__)
def test_a_providers_fault_costs_the_message_nothing(fault):
    end = verdict(lease(step=2, waited_us=5, position=1), fault, TWO)
    assert (end.state, end.due_at) == (State.QUEUED, NOW)
    assert (end.step, end.waited_us, end.position) == (2, 5, 1)


@pytest.mark.parametrize("result", [Deferred("busy"), Unclear("cut")], ids=["deferred", "unclear"])
def test_past_the_quick_part_the_next_provider_begins_anew(result):
    tried = verdict(lease(step=3, waited_us=26), result, TWO)
    assert (tried.position, tried.step, tried.waited_us) == (1, 0, 26)
    assert verdict(lease(step=2), result, TWO).position == 0
    assert verdict(lease(step=3, position=1), result, TWO).position == 1
    assert verdict(lease(step=3), result, FACTS).position == 0


def test_unclear_waits_for_an_event_and_uses_up_a_wait():
    end = verdict(LEASE, Unclear("cut"), FACTS)
    assert (end.state, end.due_at, end.step) == (State.UNCLEAR, NOW + MINUTE, 1)
    assert end.waited_us == 2_000_000


def test_unclear_past_the_quick_part_waits_at_least_its_wait():
    assert verdict(lease(step=4), Unclear("cut"), FACTS).due_at == NOW + 5 * MINUTE
    assert verdict(lease(step=3), Unclear("cut"), FACTS).due_at == NOW + MINUTE


def test_a_message_that_is_always_unclear_is_not_sent_for_ever():
    one, attempts = LEASE, 0
    while (end := verdict(one, Unclear("timed out"), FACTS)).state is State.UNCLEAR:
        one = lease(step=end.step, waited_us=end.waited_us, position=end.position)
        attempts += 1
    assert attempts == 13
    assert (end.state, end.due_at) == (State.DEAD, None)
    assert "may have been sent" in end.reason


def test_unclear_without_a_tail_ends_after_the_quick_part():
    facts = replace(FACTS, schedule=RetrySchedule(tail=()))
    assert verdict(lease(step=3), Unclear("cut"), facts).state is State.DEAD


def test_what_is_to_be_held_waits_for_its_event_however_long_it_was_tried():
    spent = lease(step=20, waited_us=10**12, if_unclear=IfUnclear.HOLD)
    end = verdict(spent, Unclear("cut"), TWO)
    assert (end.state, end.due_at, end.position) == (State.UNCLEAR, NOW + MINUTE, 0)


def test_nothing_is_due_at_or_after_its_expiry():
    end = verdict(lease(expires_at=NOW + 2 * SECOND), Deferred("busy"), FACTS)
    assert (end.state, end.due_at) == (State.DEAD, None)
    assert end.reason == "expires before the next attempt: busy"
    later = verdict(lease(expires_at=NOW + 3 * SECOND), Deferred("busy"), FACTS)
    assert later.state is State.QUEUED


@given(
    result=st.sampled_from(RESULTS),
    step=st.integers(0, 30),
    waited=st.integers(0, 10**11),
    place=st.tuples(st.integers(0, 1), st.floats(0, 1, exclude_max=True)),
)
def test_every_verdict_is_whole(result, step, waited, place):
    position, spread = place
    before = lease(step=step, waited_us=waited, position=position)
    end = verdict(before, result, replace(TWO, spread=spread))
    assert (end.lease, end.result) == (before, result)
    assert (end.due_at is None) is (end.state in {State.ACCEPTED, State.DEAD})
    assert end.due_at is None or end.due_at >= NOW
    assert end.waited_us >= waited
    assert end.position in {position, position + 1}
    assert end.position < len(TWO.route)
