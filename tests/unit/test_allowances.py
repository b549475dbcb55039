"""What may still leave without touching the last credits."""

from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.email import Priority
from terkirim.store.allowances import Allowances

counts = st.integers(0, 100)


def shares(high, normal, low):
    return {Priority.HIGH: high, Priority.NORMAL: normal, Priority.LOW: low}


def cut(left, wanted):
    Allowances({"p": left}).cut("p", wanted)
    return wanted


def test_where_nobody_need_count_all_mail_leaves():
    free = Allowances({})
    assert not free
    assert free.priorities("p") == tuple(Priority)
    wanted = shares(1, 2, 3)
    free.cut("p", wanted)
    free.spend("p", 5)
    assert (wanted, list(free.changed())) == (shares(1, 2, 3), [])


def test_with_nothing_left_only_high_priority_leaves():
    assert Allowances({"p": 0}).priorities("p") == (Priority.HIGH,)
    assert Allowances({"p": 0}).priorities("q") == tuple(Priority)
    assert Allowances({"p": 1}).priorities("p") == tuple(Priority)


def test_normal_mail_has_what_is_left_before_low_mail():
    assert cut(5, shares(9, 3, 4)) == shares(9, 3, 2)
    assert cut(2, shares(9, 3, 4)) == shares(9, 2, 0)


def test_what_leaves_is_spent_and_told():
    some = Allowances({"p": 5, "q": 1})
    some.spend("p", 3)
    assert dict(some.changed()) == {"p": 2}
    some.spend("p", 3)
    some.spend("q", 0)
    assert dict(some.changed()) == {"p": 0}


@given(counts, counts, counts, counts)
def test_a_cut_never_takes_high_mail_nor_leaves_more_than_may_leave(left, high, normal, low):
    found = cut(left, shares(high, normal, low))
    assert found[Priority.HIGH] == high
    assert 0 <= found[Priority.NORMAL] + found[Priority.LOW] <= left
    assert found[Priority.NORMAL] <= normal
    assert found[Priority.LOW] <= low
