"""Shares of a claim between priorities: 8 : 3 : 1 over many claims, and nothing is left idle."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.email import Priority
from terkirim.policy.shares import PATTERN, slots

HIGH, NORMAL, LOW = Priority.HIGH, Priority.NORMAL, Priority.LOW
counts = st.dictionaries(st.sampled_from(Priority), st.integers(0, 40))


def test_the_pattern_is_eight_three_one():
    assert Counter(PATTERN) == {HIGH: 8, NORMAL: 3, LOW: 1}


def test_claims_of_one_slot_keep_the_ratio():
    total, turn = Counter(), 0
    for _ in range(120):
        taken, turn = slots({HIGH: 9, NORMAL: 9, LOW: 9}, free=1, turn=turn)
        total.update(taken)
    assert total == {HIGH: 80, NORMAL: 30, LOW: 10}


def test_a_new_urgent_one_is_in_the_next_two_slots_however_much_low_waits():
    for turn in range(len(PATTERN)):
        taken, _ = slots({HIGH: 1, LOW: 100_000}, free=3, turn=turn)
        assert taken[HIGH] == 1


def test_an_unused_share_passes_to_the_most_urgent_that_waits():
    assert slots({NORMAL: 5, LOW: 5}, free=9, turn=0)[0] == {HIGH: 0, NORMAL: 5, LOW: 4}


@given(waiting=counts, free=st.integers(0, 60), turn=st.integers(0, 11))
def test_every_slot_is_used_and_none_twice(waiting, free, turn):
    taken, turn = slots(waiting, free=free, turn=turn)
    assert sum(taken.values()) == min(free, sum(waiting.values()))
    assert all(0 <= count <= waiting.get(key, 0) for key, count in taken.items())
    assert 0 <= turn < len(PATTERN)
