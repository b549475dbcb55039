"""Who is told what, and when: once per condition, again only if it grows worse or eases."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.alert import Alert, Condition, Severity
from terkirim.policy.alerting import (
    COOLDOWN,
    STALE,
    Step,
    due_after,
    hears,
    moves,
    wait_before,
)

NOW = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def condition(severity=Severity.WARNING, *, kind="k", subject="s", holds_for=timedelta(0)):
    return Condition(kind=kind, subject=subject, severity=severity, holds_for=holds_for)


def alert(severity=Severity.WARNING, *, kind="k", subject="s", seen=NOW, last=NOW, raised=NOW):
    return Alert(
        id="1",
        kind=kind,
        subject=subject,
        severity=severity,
        facts={},
        title="",
        body="",
        seen_at=seen,
        last_at=last,
        raised_at=raised,
    )


def steps(opened, found, kinds=("k",), now=NOW):
    return [move.step for move in moves(opened, found, kinds=kinds, now=now)]


def test_what_is_new_is_raised_and_what_goes_on_is_not_told_again():
    assert steps([], [condition()]) == [Step.RAISE]
    assert steps([alert()], [condition()]) == []


def test_what_is_not_found_any_more_is_over():
    assert steps([alert()], []) == [Step.END]


def test_what_is_of_another_kind_is_left_alone():
    assert steps([alert(kind="other")], []) == []
    assert steps([alert()], [], kinds=()) == []


def test_two_subjects_are_two_conditions():
    assert steps([alert()], [condition(), condition(subject="t")]) == [Step.RAISE]


def test_what_must_last_is_seen_first_raised_when_it_lasted_and_forgotten_if_it_did_not():
    lasting = condition(holds_for=5 * MINUTE)
    seen = alert(raised=None)
    assert steps([], [lasting]) == [Step.SEE]
    assert steps([seen], [lasting], now=NOW + 4 * MINUTE) == []
    assert steps([seen], [lasting], now=NOW + 5 * MINUTE) == [Step.RAISE]
    assert steps([seen], []) == [Step.FORGET]


def test_worse_is_told_and_so_is_better():
    assert steps([alert()], [condition(Severity.CRITICAL)]) == [Step.WORSEN]
    assert steps([alert(Severity.EMERGENCY)], [condition(Severity.CRITICAL)]) == [Step.EASE]


def test_the_worst_of_several_conditions_counts():
    found = [condition(Severity.CRITICAL), condition(Severity.WARNING)]
    (move,) = moves([], found, kinds=("k",), now=NOW)
    assert move.condition.severity is Severity.CRITICAL


def test_what_goes_on_is_noted_now_and_then():
    assert steps([alert()], [condition()], now=NOW + STALE) == [Step.GO_ON]
    waits = alert(raised=None, seen=NOW + STALE)
    assert steps([waits], [condition(holds_for=5 * MINUTE)], now=NOW + STALE) == [Step.GO_ON]


severities = st.sampled_from(Severity)
conditions = st.lists(st.tuples(st.sampled_from("abc"), severities))


@given(conditions, conditions)
def test_every_condition_moves_at_most_once(before, now):
    opened = list({one: alert(severity, subject=one) for one, severity in before}.values())
    found = [condition(severity, subject=one) for one, severity in now]
    subjects = [
        (move.alert or move.condition).subject
        for move in moves(opened, found, kinds=("k",), now=NOW)
    ]
    assert len(subjects) == len(set(subjects))


def test_a_condition_that_comes_back_waits_for_its_cool_down():
    critical = Severity.CRITICAL
    assert due_after({}, critical, NOW) == NOW
    assert due_after({critical: NOW - COOLDOWN}, critical, NOW) == NOW
    assert due_after({critical: NOW - MINUTE}, critical, NOW) == NOW - MINUTE + COOLDOWN


def test_what_comes_back_worse_than_anybody_heard_waits_for_nothing():
    told = {Severity.WARNING: NOW - MINUTE}
    assert due_after(told, Severity.EMERGENCY, NOW) == NOW
    told[Severity.EMERGENCY] = NOW - 2 * MINUTE
    assert due_after(told, Severity.CRITICAL, NOW) == NOW - 2 * MINUTE + COOLDOWN


def test_a_channel_hears_its_lowest_severity_and_above():
    assert [hears(Severity.CRITICAL, one) for one in Severity] == [False, False, True, True]
    assert all(hears(Severity.INFO, one) for one in Severity)


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 30), (1, 30), (2, 120), (5, 3600)])
def test_a_channel_that_fails_is_tried_again_with_growing_waits(attempts, seconds):
    assert wait_before(attempts) == timedelta(seconds=seconds)


def test_a_channel_that_is_down_is_tried_for_about_a_day():
    waits = []
    while (wait := wait_before(len(waits) + 1)) is not None:
        waits.append(wait)
    assert timedelta(hours=20) < sum(waits, timedelta()) < timedelta(hours=28)
