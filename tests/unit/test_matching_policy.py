"""Which message an event is about, and when one without a message is looked at again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.event import Match
from terkirim.domain.ids import uuid7
from terkirim.policy.matching import (
    FIRST_LOOK,
    GUESS_WITHIN,
    LONGEST_PAUSE,
    REFERENCE_WAIT,
    Candidate,
    chosen,
    may_guess,
    next_look,
)

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
candidates = st.lists(
    st.builds(Candidate, st.sampled_from(["a", "b", "c"]), st.sampled_from(Match)), max_size=6
)


def test_our_id_comes_first_then_the_providers_then_a_guess():
    found = [Candidate("g", Match.GUESSED), Candidate("r", Match.REFERENCE)]
    assert chosen(found) == Candidate("r", Match.REFERENCE)
    assert chosen([*found, Candidate("i", Match.ID)]) == Candidate("i", Match.ID)
    assert chosen([]) is None


@pytest.mark.parametrize("match", Match)
def test_two_of_the_best_kind_are_none(match):
    assert chosen([Candidate("a", match), Candidate("b", match)]) is None
    assert chosen([Candidate("a", match), Candidate("a", match)]) == Candidate("a", match)


@given(found=candidates, random=st.randoms(use_true_random=False))
def test_what_is_chosen_is_the_only_one_of_its_kind_in_any_order(found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    one = chosen(found)
    assert one == chosen(shuffled)
    if one is not None:
        assert {c.message_id for c in found if c.match is one.match} == {one.message_id}


@pytest.mark.parametrize(
    ("recipient", "reference", "age", "expected"),
    [
        ("budi@example.com", None, 0 * SECOND, True),
        (None, None, 0 * SECOND, False),
        (None, "x-1", REFERENCE_WAIT, False),
        ("budi@example.com", "x-1", REFERENCE_WAIT - SECOND, False),
        ("budi@example.com", "x-1", REFERENCE_WAIT, True),
        ("budi@example.com", uuid7(1_767_000_000_000, 5), REFERENCE_WAIT, False),
    ],
    ids=[
        "no id: a guess is all there is",
        "no address",
        "no address, and an id of the provider's",
        "an id of the provider's that a settle may still bring",
        "an id of the provider's that nobody brought",
        "an id of our form that is not ours",
    ],
)
def test_when_recipient_and_time_may_stand_in_for_an_id(recipient, reference, age, expected):
    found = may_guess(recipient, reference, received_at=NOW - age, now=NOW)
    assert found is expected


def test_the_pauses_grow_and_end():
    assert next_look(received_at=NOW, now=NOW) == NOW + FIRST_LOOK
    at, looks = NOW, 0
    while (following := next_look(received_at=NOW, now=at)) is not None:
        assert FIRST_LOOK <= following - at <= min(max((at - NOW) / 4, FIRST_LOOK), LONGEST_PAUSE)
        at, looks = following, looks + 1
    assert at - NOW > GUESS_WITHIN
    assert looks < 80  # so that ten thousand without a message cost next to nothing


def test_a_clock_that_was_set_back_does_not_stop_the_looking():
    assert next_look(received_at=NOW + 60 * SECOND, now=NOW) == NOW + FIRST_LOOK
