"""What a balance means: levels with hysteresis, what is left between readings, what can be paid."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.credit import Level, Reading, Spent
from terkirim.domain.errors import CannotBePaid
from terkirim.policy.credit import (
    LADDER,
    CreditSettings,
    allowance,
    cost_of,
    level_of,
    preflight,
    price_of,
    remaining,
    spent_since,
)

NOW = datetime(2026, 1, 5, 3, 20, tzinfo=UTC)
SETTINGS = CreditSettings()
balances = st.integers(0, 200_000)
levels = st.sampled_from([*LADDER, Level.UNKNOWN])
hours = st.lists(st.builds(Spent, st.just(1), st.integers(0, 10**6), st.integers(0, 10**4)))


def level(balance, before=Level.OK):
    return level_of(balance, before=before, settings=SETTINGS)


def reading(left, **counted):
    return Reading(provider="p", at=NOW, credits=left, **counted)


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        (429_405, Level.OK),
        (50_001, Level.OK),
        (50_000, Level.WARNING),
        (10_001, Level.WARNING),
        (10_000, Level.CRITICAL),
        (1_001, Level.CRITICAL),
        (1_000, Level.EMERGENCY),
        (0, Level.EMERGENCY),
    ],
)
def test_a_level_begins_at_its_threshold(balance, expected):
    assert level(balance) is expected


@pytest.mark.parametrize(
    ("before", "balance", "expected"),
    [
        (Level.WARNING, 54_999, Level.WARNING),
        (Level.WARNING, 55_001, Level.OK),
        (Level.EMERGENCY, 1_050, Level.EMERGENCY),
        (Level.EMERGENCY, 1_101, Level.CRITICAL),
        (Level.EMERGENCY, 10_500, Level.CRITICAL),
        (Level.EMERGENCY, 300_000, Level.OK),
        (Level.UNKNOWN, 54_000, Level.OK),
        (Level.UNKNOWN, 9_000, Level.CRITICAL),
    ],
)
def test_a_level_is_left_only_a_tenth_above_its_threshold(before, balance, expected):
    assert level(balance, before) is expected


@given(balances, levels)
def test_the_same_balance_twice_changes_the_level_once(balance, before):
    once = level(balance, before)
    assert level(balance, once) is once


@given(st.sampled_from([50_000, 10_000, 1_000]), st.lists(st.floats(0, 0.099), min_size=1))
def test_a_balance_that_wobbles_round_a_threshold_changes_its_level_once(threshold, wobbles):
    before = level(threshold)
    for wobble in wobbles:
        assert level(int(threshold * (1 + wobble)), before) is before


@given(balances, balances, levels)
def test_more_credits_are_never_a_worse_level(one, other, before):
    low, high = sorted((one, other))
    assert LADDER.index(level(low, before)) >= LADDER.index(level(high, before))


def test_a_bounce_costs_its_penalty_beside_its_mail():
    assert cost_of([Spent(1, 100, 2), Spent(2, 50, 0)], per_bounce=30) == 210


def test_what_was_counted_in_the_readings_own_hour_before_it_is_not_counted_again():
    read = reading(1_000, sent_before=40, bounced_before=1)
    spent = [Spent(10, 60, 1), Spent(11, 5, 0)]
    assert spent_since(read, spent, per_bounce=30) == 25
    assert remaining(read, 25) == 975


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), hours)
def test_what_is_left_is_never_negative_and_never_more_than_was_read(left, sent, bounced, spent):
    read = reading(left, sent_before=sent, bounced_before=bounced)
    used = spent_since(read, spent, per_bounce=30)
    assert 0 <= remaining(read, used) <= left


def test_a_failed_reading_leaves_nothing_to_estimate_from():
    assert remaining(reading(None), 5) == 0


def test_the_price_of_a_mail_has_its_bounces_in_it_once_there_are_enough():
    assert price_of([Spent(1, 199, 50)], per_bounce=30) == 1.0
    assert price_of([Spent(1, 150, 3), Spent(2, 150, 3)], per_bounce=30) == pytest.approx(1.6)


def test_nobody_counts_while_the_reserve_is_far_away():
    allowed = {"in_air": 100, "settings": SETTINGS, "guard": 50_000}
    assert allowance(51_101, **allowed) is None
    assert allowance(51_100, **allowed) == 50_000
    assert allowance(1_150, **allowed) == 50
    assert allowance(1_100, **allowed) == 0
    assert allowance(0, **allowed) == 0


def asked(count, **changes):
    facts = {"balance": 10_000, "is_estimated": False, "waiting": 0, "price": 1.0, "reserve": 1_000}
    return preflight(count, **facts | changes)


def test_a_preflight_says_enough_or_how_many_go_out():
    assert (asked(9_000).is_enough, asked(9_000).goes_out) == (True, 9_000)
    assert (asked(9_001).is_enough, asked(9_001).goes_out) == (False, 9_000)
    dear = asked(9_000, price=1.5, waiting=1_000)
    assert (dear.cost, dear.waiting, dear.goes_out) == (13_500, 1_500, 5_000)
    assert asked(10, waiting=20_000).goes_out == 0


def test_mail_of_high_priority_may_use_the_reserve():
    assert asked(10_000, reserve=0).is_enough


def test_without_a_balance_a_preflight_cannot_tell():
    unknown = asked(5, balance=None)
    assert (unknown.is_enough, unknown.goes_out, unknown.cost) == (None, None, 5)


@given(st.data())
def test_what_goes_out_can_be_paid_and_is_no_more_than_was_asked(data):
    count, balance = data.draw(st.integers(1, 10**6)), data.draw(balances)
    price, reserve = data.draw(st.floats(1, 5)), data.draw(st.integers(0, 10**4))
    waiting = data.draw(st.integers(0, 10**5))
    found = asked(count, balance=balance, waiting=waiting, price=price, reserve=reserve)
    assert 0 <= found.goes_out <= count
    assert found.goes_out * price <= max(balance - found.waiting - reserve, 0) + 1e-6
    assert not found.is_enough or found.goes_out == count


def test_a_broadcast_that_cannot_be_paid_says_how_many_would_go_out():
    error = CannotBePaid(asked(9_500))
    assert error.preflight.goes_out == 9_000
    assert "9500 mails cost about 9500 credits, and 9000 of them would go out" in str(error)
