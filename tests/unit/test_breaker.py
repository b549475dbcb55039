"""The breaker: when it opens, what a claim may do, and how it closes again."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from terkirim.policy.breaker import (
    CLOSED,
    HALF_OPEN,
    OPEN,
    RECOVERING,
    Answer,
    BreakerRow,
    BreakerSettings,
    after_answers,
    from_plain,
    is_failing,
    is_fault,
    is_refusal,
    on_claim,
    to_plain,
    without_probe,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SETTINGS = BreakerSettings(after=3)
ROW = BreakerRow(provider="p", changed_at=NOW - SECOND)
FULL = 8


def heard(row, *faults, at=NOW, started_at=None):
    answers = [Answer(started_at=started_at or at, is_fault=one) for one in faults]
    return after_answers(row, answers, now=at, settings=SETTINGS, full=FULL)


def claimed(row, at):
    return on_claim(row, now=at, full=FULL, probe_for=60 * SECOND)


def refused(row=ROW, at=NOW):
    answers = [Answer(started_at=at, is_fault=None, is_refusal=True)] * 5
    return after_answers(row, answers, now=at, settings=SETTINGS, full=FULL)


def opened():
    return heard(ROW, True, True, True)


def test_only_faults_in_a_row_open_it():
    assert heard(ROW, True, True, False, True, True).state == CLOSED
    row = opened()
    assert (row.state, row.until, row.version) == (OPEN, NOW + 30 * SECOND, 1)
    assert heard(heard(ROW, True, True), True).state == OPEN


def test_closed_permits_everything():
    permit = claimed(ROW, NOW)
    assert (permit.limit, permit.is_probe, permit.row) == (None, False, ROW)


def test_nothing_new_keeps_the_version():
    assert heard(ROW, False, False) is ROW
    assert heard(ROW) is ROW


def test_answers_to_requests_begun_before_the_change_say_nothing():
    row = opened()
    probing = claimed(row, row.until).row
    late = heard(probing, False, True, at=row.until + SECOND, started_at=NOW)
    assert late is probing


def test_an_open_one_lets_nothing_through_and_hears_nothing():
    row = opened()
    assert claimed(row, row.until - SECOND).limit == 0
    assert heard(row, True, False, at=NOW + SECOND) is row


def test_one_probe_goes_and_another_only_when_its_worker_is_lost():
    row = opened()
    permit = claimed(row, row.until)
    assert (permit.limit, permit.is_probe, permit.row.state) == (1, True, HALF_OPEN)
    assert permit.row.version == row.version + 1
    assert claimed(permit.row, row.until + 59 * SECOND).limit == 0
    assert claimed(permit.row, row.until + 60 * SECOND).is_probe


def test_a_probe_whose_answer_says_nothing_makes_room_for_the_next_at_once():
    probing = claimed(opened(), NOW + 31 * SECOND).row
    later = NOW + 32 * SECOND
    assert heard(probing, None, at=later, started_at=NOW) == probing  # begun before: not the probe
    row = heard(probing, None, at=later)
    assert (row.state, row.version) == (HALF_OPEN, probing.version + 1)
    assert claimed(row, later).is_probe
    assert heard(row, False, at=later).state == RECOVERING


@pytest.mark.parametrize("row", [ROW, replace(ROW, faults=2), opened()])
def test_an_answer_that_says_nothing_changes_nothing(row):
    assert heard(row, None) == row


def test_each_failed_probe_doubles_the_cool_down_up_to_its_end():
    row, spans = opened(), []
    for _ in range(6):
        probing = claimed(row, row.until).row
        row = heard(probing, True, at=row.until)
        spans.append(row.opened_for / SECOND)
    assert spans == [60, 120, 240, 300, 300, 300]


def recovering():
    row = opened()
    return heard(claimed(row, row.until).row, False, at=row.until)


def test_after_the_probe_it_doubles_from_one_until_it_is_closed():
    row, at, limits = recovering(), NOW + 60 * SECOND, []
    while row.state == RECOVERING:
        limit = claimed(row, at).limit
        limits.append(limit)
        almost = heard(row, *[False] * (limit - 1), at=at)
        assert claimed(almost, at).limit == limit
        row = heard(almost, False, at=at)
    assert limits == [1, 2, 4]
    assert (row.state, row.limit, row.opened_for, row.faults) == (CLOSED, None, None, 0)


def test_faults_in_a_row_while_recovering_open_it_for_longer():
    at = NOW + 60 * SECOND
    assert heard(recovering(), True, True, at=at).state == RECOVERING
    row = heard(recovering(), True, True, True, at=at)
    assert (row.state, row.opened_for, row.limit) == (OPEN, 60 * SECOND, None)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Accepted(), False),
        (Rejected("bad"), False),
        (Unclear("cut"), True),
        (Deferred("refused", is_provider_down=True), True),
        (Deferred("later"), False),
        (Deferred("slow", is_rate_limit=True, is_provider_down=True), None),
        (OutOfCredits("empty"), None),
    ],
    ids=repr,
)
def test_what_speaks_against_a_provider(result, expected):
    assert is_fault(result) is expected


@given(st.lists(st.one_of(st.booleans(), st.integers(1, 400)), max_size=60))
def test_any_history_ends_in_a_row_that_is_sound_and_survives_json(history):
    row, at = ROW, NOW
    for event in history:
        at += SECOND
        if isinstance(event, bool):
            row = heard(row, event, at=at)
        else:
            at += event * SECOND
            row = claimed(row, at).row
        permit = claimed(row, at)
        assert permit.limit is None or 0 <= permit.limit <= FULL
        assert (permit.limit is None) is (row.state == CLOSED)
        assert (row.until is not None) is (row.state in {OPEN, HALF_OPEN})
        plain = json.loads(json.dumps(to_plain(row)))
        assert from_plain("p", plain, row.version) == row


@given(st.lists(st.booleans(), max_size=40))
def test_however_it_fared_a_provider_that_is_well_again_is_closed(history):
    row, at = ROW, NOW
    for event in [*history, *[False] * 20]:
        at += 301 * SECOND
        row = heard(claimed(row, at).row, event, at=at)
    assert row.state == CLOSED
    assert replace(row, changed_at=NOW).faults == 0


def test_a_provider_that_fails_now_and_then_closes_it_again():
    row = recovering()
    for second in range(1, 1 + 2 + 4 + 1):  # as many rounds as lead to all that may be in the air
        at = row.changed_at + second * SECOND
        row = heard(row, True, True, False, at=at)
    assert (row.state, row.opened_for) == (CLOSED, None)


YEAR = timedelta(days=365)


def test_a_probe_that_never_left_makes_room_for_the_next_at_once():
    probing = claimed(opened(), NOW + 30 * SECOND).row
    at = NOW + 31 * SECOND
    free = without_probe(probing, now=at)
    assert (free.state, free.version) == (HALF_OPEN, probing.version + 1)
    assert claimed(free, at).is_probe
    assert without_probe(ROW, now=at) is ROW


def test_a_clock_that_was_far_ahead_keeps_no_provider_shut():
    row = heard(ROW, True, True, True, at=NOW + YEAR)
    assert claimed(row, NOW).is_probe
    recovering = replace(ROW, state=RECOVERING, limit=1, changed_at=NOW + YEAR)
    assert heard(recovering, False).limit == 2
    assert not claimed(opened(), NOW + SECOND).is_probe


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Unauthorised("key"), True),
        (OutOfCredits("empty"), True),
        (QuotaReached("daily limit"), True),
        (SenderRefused("who?", sender="a@x"), False),
        (Rejected("bad"), False),
        (Unclear("cut"), False),
    ],
    ids=repr,
)
def test_what_refuses_all_mail(result, expected):
    assert is_refusal(result) is expected


@pytest.mark.parametrize("row", [ROW, replace(ROW, faults=2), recovering()], ids=lambda r: r.state)
def test_after_a_refusal_one_message_asks_and_then_more_step_by_step(row):
    asked = refused(row, NOW + 60 * SECOND)
    assert (asked.state, asked.version, is_failing(asked)) == (HALF_OPEN, row.version + 1, False)
    at = NOW + 120 * SECOND
    permit = claimed(asked, at)
    assert (permit.limit, permit.is_probe) == (1, True)
    assert claimed(permit.row, at).limit == 0
    assert claimed(refused(permit.row, at), at).is_probe  # another one, after the next pause
    accepted = heard(permit.row, False, at=at)
    assert (accepted.state, accepted.limit, is_failing(accepted)) == (RECOVERING, 1, False)


def test_what_asks_after_a_refusal_and_fails_leaves_its_turn_until_that_is_an_outage():
    row, at = refused(), NOW
    for faults in (1, 2):
        at += SECOND
        row = heard(claimed(row, at).row, True, at=at)
        assert (row.state, row.faults, claimed(row, at).is_probe) == (HALF_OPEN, faults, True)
    row = heard(claimed(row, at).row, True, at=at)
    assert (row.state, row.opened_for, is_failing(row)) == (OPEN, 30 * SECOND, True)


def test_what_answers_with_a_refusal_is_no_outage_any_more():
    assert refused(opened(), NOW + SECOND) == opened()  # it asks nobody, and hears nothing
    probing = claimed(opened(), NOW + 30 * SECOND).row
    assert is_failing(probing)
    assert not is_failing(refused(probing, NOW + 31 * SECOND))
    assert not is_failing(ROW)
