"""The provider to use now: one's own first, then the later ones, then those left behind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.policy.routing import effective

ROUTE = ("a", "b", "c")
names = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)


@pytest.mark.parametrize(
    ("position", "opened", "expected"),
    [
        pytest.param(0, "abc", 0, id="its own"),
        pytest.param(1, "abc", 1, id="its own, though an earlier one is open"),
        pytest.param(0, "bc", 1, id="the next"),
        pytest.param(0, "c", 2, id="the one after the next"),
        pytest.param(1, "ac", 2, id="a later one before an earlier one"),
        pytest.param(2, "ab", 0, id="the first of those left behind"),
        pytest.param(1, "", None, id="all are shut"),
        pytest.param(3, "abc", 0, id="past the end of a shortened route"),
        pytest.param(9, "b", 1, id="far past the end"),
    ],
)
def test_the_first_that_is_open(position, opened, expected):
    assert effective(ROUTE, position, is_open=opened.__contains__) == expected


def test_an_empty_route_has_none():
    assert effective((), 0, is_open=lambda _name: True) is None


@given(route=names, position=st.integers(0, 8), opened=st.sets(st.sampled_from("abcdef")))
def test_one_is_found_exactly_if_one_is_open(route, position, opened):
    place = effective(route, position, is_open=opened.__contains__)
    assert (place is None) is opened.isdisjoint(route)
    assert place is None or route[place] in opened


@given(route=names, position=st.integers(0, 5), opened=st.sets(st.sampled_from("abcdef")))
def test_the_own_provider_is_never_left_while_it_is_open(route, position, opened):
    if position < len(route) and route[position] in opened:
        assert effective(route, position, is_open=opened.__contains__) == position


@given(route=names, position=st.integers(0, 8), opened=st.sets(st.sampled_from("abcdef")))
def test_no_open_provider_is_passed_over(route, position, opened):
    asked = []
    effective(route, position, is_open=lambda name: bool(asked.append(name)) or name in opened)
    assert not opened.intersection(asked[:-1])
    assert len(set(asked)) == len(asked)
