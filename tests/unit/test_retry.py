"""The retry schedule: the documented waits, what jitter and Retry-After may do, and the end."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.policy.retry import RetrySchedule, next_wait

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
EXACT = RetrySchedule(jitter=0)
OFF = RetrySchedule(tail=(), jitter=0)

spreads = st.floats(0, 1, exclude_max=True)
steps = st.integers(0, 40)


def waits_of(schedule):
    """Return every wait until the schedule gives up, without jitter."""
    waits, waited = [], timedelta(0)
    while (wait := next_wait(schedule, step=len(waits), waited=waited, spread=0)) is not None:
        waits.append(wait)
        waited += wait
    return waits


def test_the_documented_waits():
    first = [wait / SECOND for wait in waits_of(EXACT)[:9]]
    assert first == [2, 6, 18, 60, 300, 900, 3600, 7200, 14400]


def test_the_last_wait_repeats_until_the_sum_is_spent():
    waits = waits_of(EXACT)
    assert set(waits[8:]) == {4 * HOUR}
    assert sum(waits, timedelta(0)) <= 24 * HOUR < sum(waits, timedelta(0)) + 4 * HOUR


def test_without_a_tail_it_gives_up_after_four_attempts():
    assert [wait / SECOND for wait in waits_of(OFF)] == [2, 6, 18]
    assert OFF.wait_at(3) is None


def test_only_the_first_waits_are_quick():
    assert [EXACT.is_quick(step) for step in range(5)] == [True, True, True, False, False]


def test_a_sum_that_is_just_reached_still_counts():
    schedule = RetrySchedule(retry_for=8 * SECOND, jitter=0)
    assert waits_of(schedule) == [2 * SECOND, 6 * SECOND]


@given(step=steps, spread=spreads, jitter=st.floats(0, 1))
def test_jitter_only_adds_and_never_more_than_its_share(step, spread, jitter):
    schedule = RetrySchedule(jitter=jitter)
    nominal = schedule.wait_at(step)
    wait = next_wait(schedule, step=step, waited=timedelta(0), spread=spread)
    assert nominal <= wait <= nominal * (1 + jitter) + timedelta(microseconds=1)


@given(step=steps, spread=spreads, asked=st.timedeltas(timedelta(0), timedelta(days=9)))
def test_what_is_asked_for_is_a_floor_of_at_most_an_hour(step, spread, asked):
    own = next_wait(EXACT, step=step, waited=timedelta(0), spread=spread)
    wait = next_wait(EXACT, step=step, waited=timedelta(0), spread=spread, asked=asked)
    assert wait == max(own, min(asked, HOUR))


@pytest.mark.parametrize("spread", [0, 0.99])
def test_jitter_does_not_count_into_what_was_waited(spread):
    schedule = RetrySchedule(quick=(SECOND, SECOND), tail=(), retry_for=2 * SECOND, jitter=1)
    assert next_wait(schedule, step=1, waited=SECOND, spread=spread) is not None
