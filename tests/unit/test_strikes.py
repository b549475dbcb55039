"""Failed tries lock for a minute, then for longer, and are forgotten in the end."""

from datetime import UTC, datetime, timedelta

from terkirim.policy.strikes import FORGOTTEN_AFTER, LONGEST_WAIT, after_try, is_locked

START = datetime(2026, 1, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def tried(times, *, strikes=None, now=START, free=3):
    for _ in range(times):
        strikes = after_try(strikes, free=free, now=now)
    return strikes


def test_the_first_tries_cost_nothing_and_the_last_free_one_locks_for_a_minute():
    assert not is_locked(None, START)
    assert not is_locked(tried(2), START)
    locked = tried(3)
    assert is_locked(locked, START + 0.9 * MINUTE)
    assert not is_locked(locked, START + MINUTE)


def test_each_further_try_locks_twice_as_long_and_never_for_more_than_the_longest():
    waits = [tried(times).until - START for times in range(3, 9)]
    assert waits[:4] == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert waits[4:] == [LONGEST_WAIT, LONGEST_WAIT]
    assert tried(5_000).until - START == LONGEST_WAIT


def test_an_hour_without_a_try_forgets_them_all():
    later = START + FORGOTTEN_AFTER + MINUTE
    assert tried(1, strikes=tried(9), now=later).count == 1
