"""What events make of a message: the same in any order, and however often they come."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.event import BounceClass, EventKind, NewEvent, evidence_of
from terkirim.domain.message import Evidence, State
from terkirim.policy import evidence
from terkirim.policy.evidence import Standing, is_scan, weighed

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACCEPTED = Standing(state=State.ACCEPTED, accepted_at=NOW)


def event(kind, *, at=NOW + 60 * SECOND, bounce=None, **facts):
    return NewEvent(kind=kind, at=at, recipient="budi@example.com", bounce=bounce, facts=facts)


def an_event():
    kinds = st.sampled_from(
        [(kind, None) for kind in EventKind if kind is not EventKind.BOUNCED]
        + [(EventKind.BOUNCED, bounce) for bounce in BounceClass]
    )
    seconds = st.integers(min_value=-5, max_value=500)
    return st.builds(
        lambda what, after: event(what[0], bounce=what[1], at=NOW + after * SECOND),
        kinds,
        seconds,
    )


def told_one_by_one(standing, events):
    for one in events:
        standing, _ = weighed(standing, [one])
    return standing


@pytest.mark.parametrize(
    ("kind", "bounce", "word"),
    [
        (EventKind.DELIVERED, None, Evidence.DELIVERED),
        (EventKind.OPENED, None, Evidence.DELIVERED),
        (EventKind.CLICKED, None, Evidence.DELIVERED),
        (EventKind.UNSUBSCRIBED, None, Evidence.DELIVERED),
        (EventKind.BOUNCED, BounceClass.PERMANENT, Evidence.BOUNCED),
        (EventKind.BOUNCED, BounceClass.TRANSIENT, Evidence.BOUNCED_FOR_NOW),
        (EventKind.BOUNCED, BounceClass.BLOCKED, Evidence.BOUNCED_FOR_NOW),
        (EventKind.COMPLAINED, None, Evidence.COMPLAINED),
    ],
)
def test_what_an_event_proves(kind, bounce, word):
    assert evidence_of(kind, bounce) is word


@given(events=st.lists(an_event(), max_size=8), random=st.randoms(use_true_random=False))
def test_any_order_ends_in_the_same_state_and_the_same_times(events, random):
    shuffled = list(events)
    random.shuffle(shuffled)
    one, other = weighed(ACCEPTED, events)[0], weighed(ACCEPTED, shuffled)[0]
    assert replace(one, reason="") == replace(other, reason="")


@given(events=st.lists(an_event(), max_size=8))
def test_one_by_one_ends_in_the_same_state_as_all_at_once(events):
    one, other = weighed(ACCEPTED, events)[0], told_one_by_one(ACCEPTED, events)
    assert (one.state, one.evidence, one.delivered_at, one.clicked_at) == (
        other.state,
        other.evidence,
        other.delivered_at,
        other.clicked_at,
    )


@given(events=st.lists(an_event(), max_size=8), state=st.sampled_from(State))
def test_a_repeat_changes_nothing(events, state):
    once, _ = weighed(Standing(state=state), events)
    assert weighed(once, events)[0] == once


@given(events=st.lists(an_event(), min_size=1, max_size=8))
def test_a_leased_message_keeps_its_lease_and_a_suppressed_one_its_reason(events):
    assert weighed(Standing(state=State.LEASED), events)[0].state is State.LEASED
    suppressed = Standing(state=State.SUPPRESSED, reason="complaint")
    found, _ = weighed(suppressed, events)
    assert (found.state, found.reason) == (State.SUPPRESSED, "complaint")


@pytest.mark.parametrize("state", [State.QUEUED, State.UNCLEAR, State.HELD, State.DEAD])
def test_what_the_provider_has_outranks_what_we_decided(state):
    found, _ = weighed(Standing(state=state, reason="gave up"), [event(EventKind.OPENED)])
    assert (found.state, found.reason) == (State.DELIVERED, "")


def test_no_event_changes_nothing():
    assert weighed(ACCEPTED, []) == (ACCEPTED, [])


def test_the_reason_of_a_bounce_is_kept_in_a_sentence():
    bounce = event(EventKind.BOUNCED, bounce=BounceClass.PERMANENT, reason="550 no such user")
    assert weighed(ACCEPTED, [bounce])[0].reason == "permanent bounce: 550 no such user"
    silent = event(EventKind.BOUNCED, bounce=BounceClass.BLOCKED)
    assert weighed(ACCEPTED, [silent])[0].reason == "blocked bounce"
    spam, _ = weighed(ACCEPTED, [bounce, event(EventKind.COMPLAINED)])
    assert (spam.state, spam.reason) == (State.COMPLAINED, "the recipient reported it as spam")


def test_the_first_open_and_the_first_click_are_kept():
    events = [
        event(EventKind.OPENED, at=NOW + 90 * SECOND),
        event(EventKind.OPENED, at=NOW + 30 * SECOND),
        event(EventKind.CLICKED, at=NOW + 40 * SECOND),
        event(EventKind.CLICKED, at=NOW + 35 * SECOND),
    ]
    found, _ = weighed(ACCEPTED, events)
    assert found.opened_at == NOW + 30 * SECOND
    assert found.clicked_at == NOW + 35 * SECOND
    assert found.delivered_at == NOW + 30 * SECOND


def test_what_the_provider_says_of_the_delivery_beats_what_an_open_implies():
    opened = event(EventKind.OPENED, at=NOW + 30 * SECOND)
    delivered = event(EventKind.DELIVERED, at=NOW + 50 * SECOND)
    for events in ([opened, delivered], [delivered, opened]):
        assert told_one_by_one(ACCEPTED, events).delivered_at == NOW + 50 * SECOND
    assert weighed(ACCEPTED, [opened])[0].said_delivered_at is None


@pytest.mark.parametrize(
    ("after", "is_marked"), [(0.0, True), (1.0, True), (-1.0, True), (1.1, False), (3_600, False)]
)
def test_an_open_within_a_second_of_the_acceptance_is_a_scanners(after, is_marked):
    opened = event(EventKind.OPENED, at=NOW + after * SECOND)
    found, bits = weighed(ACCEPTED, [opened])
    assert bits == [evidence.SCANNED if is_marked else evidence.OPENED]
    assert found.opened_at == (None if is_marked else opened.at)
    assert found.state is State.DELIVERED  # a scanner has it too


def test_an_open_within_a_second_of_the_delivery_is_a_scanners():
    delivered = event(EventKind.DELIVERED, at=NOW + 30 * SECOND)
    opened = event(EventKind.OPENED, at=NOW + 30.5 * SECOND)
    _, bits = weighed(ACCEPTED, [opened, delivered])
    assert bits == [evidence.SCANNED, evidence.DELIVERED]
    assert not is_scan(NOW, None, None)
