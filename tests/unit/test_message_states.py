"""States and evidence: total, idempotent, free of order."""

from functools import reduce
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.message import Evidence, State, after, stronger

evidences = st.lists(st.sampled_from(Evidence), min_size=1, max_size=8)
RANKS = ["accepted", "bounced_for_now", "delivered", "bounced", "complained"]


def reached(state, words):
    """Apply words as a store does: keep the strongest, and read the state from it."""
    strongest = None
    for word in words:
        strongest = stronger(strongest, word)
        state = after(state, strongest)
    return state


@given(state=st.sampled_from(State), words=evidences, random=st.randoms(use_true_random=False))
def test_any_order_and_repetition_ends_in_the_same_state(state, words, random):
    again = [*words, *words]
    random.shuffle(again)
    assert reached(state, again) is reached(state, words)


@pytest.mark.parametrize(("lower", "higher"), list(pairwise(RANKS)))
def test_the_documented_ranks(lower, higher):
    first, second = Evidence(lower), Evidence(higher)
    assert stronger(first, second) is stronger(second, first) is second


def test_no_evidence_is_weaker_than_any_and_changes_nothing():
    assert stronger(None, None) is None
    for word in Evidence:
        assert stronger(None, word) is stronger(word, None) is word
    for state in State:
        assert after(state, None) is state


@pytest.mark.parametrize("word", Evidence)
@pytest.mark.parametrize("state", [State.LEASED, State.SUPPRESSED])
def test_a_lease_and_a_suppression_are_left_alone(state, word):
    assert after(state, word) is state


@pytest.mark.parametrize(
    "state", [State.QUEUED, State.UNCLEAR, State.HELD, State.DEAD, State.CANCELLED]
)
def test_a_providers_word_outranks_what_we_decided_ourselves(state):
    assert [after(state, word) for word in Evidence] == [
        State.ACCEPTED,
        State.BOUNCED,
        State.DELIVERED,
        State.BOUNCED,
        State.COMPLAINED,
    ]


@given(words=evidences)
def test_the_strongest_is_one_of_those_said(words):
    assert reduce(stronger, words) in words
