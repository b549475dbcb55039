"""When an event suppresses its address, for which mail, and for how long."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.email import Stream
from terkirim.domain.event import BounceClass, EventKind
from terkirim.domain.suppression import Suppression, Why
from terkirim.policy.suppression import (
    TRANSIENT_FOR,
    TRANSIENT_LIMIT,
    TRANSIENT_WITHIN,
    Suppressing,
    stronger_of,
    suppressing,
    transient_end,
)

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
times = st.lists(
    st.integers(min_value=0, max_value=60 * 24).map(lambda n: NOW + timedelta(hours=n)), max_size=12
)
untils = st.none() | st.sampled_from([NOW + n * DAY for n in range(1, 4)])


def entry(*, why=Why.BY_HAND, until=None, source="someone"):
    return Suppression(
        address="budi@example.com",
        stream=None,
        why=why,
        source=source,
        created_at=NOW,
        until=until,
    )


def test_the_documented_figures():
    assert (TRANSIENT_LIMIT, TRANSIENT_WITHIN, TRANSIENT_FOR) == (3, 14 * DAY, 14 * DAY)


@pytest.mark.parametrize(
    ("kind", "bounce", "expected"),
    [
        (EventKind.COMPLAINED, None, Suppressing(Why.COMPLAINT)),
        (EventKind.BOUNCED, BounceClass.PERMANENT, Suppressing(Why.PERMANENT_BOUNCE)),
        (EventKind.UNSUBSCRIBED, None, Suppressing(Why.UNSUBSCRIBED, stream=Stream.BROADCAST)),
        (EventKind.BOUNCED, BounceClass.BLOCKED, None),
        (EventKind.BOUNCED, BounceClass.TRANSIENT, None),
        (EventKind.DELIVERED, None, None),
        (EventKind.OPENED, None, None),
        (EventKind.CLICKED, None, None),
    ],
)
def test_what_one_event_suppresses(kind, bounce, expected):
    assert suppressing(kind, bounce, transient_at=[NOW]) == expected


def test_it_is_total():
    for kind, bounce in product(EventKind, [None, *BounceClass]):
        found = suppressing(kind, bounce, transient_at=[NOW] * 3)
        assert found is None or isinstance(found, Suppressing)


def test_the_third_transient_bounce_within_fourteen_days_stops_mail_for_fourteen_days():
    at = [NOW, NOW + 6 * DAY, NOW + 14 * DAY]
    found = suppressing(EventKind.BOUNCED, BounceClass.TRANSIENT, transient_at=at)
    assert found == Suppressing(Why.TRANSIENT_BOUNCES, until=NOW + 28 * DAY)
    assert transient_end(at[:2]) is None
    assert transient_end([*at[:2], NOW + 14 * DAY + timedelta(microseconds=1)]) is None


@given(times=times, random=st.randoms(use_true_random=False))
def test_the_order_in_which_bounces_become_known_does_not_matter(times, random):
    shuffled = list(times)
    random.shuffle(shuffled)
    assert transient_end(times) == transient_end(shuffled)


@given(times=times, later=times)
def test_one_more_bounce_never_ends_a_suppression_sooner(times, later):
    before, after = transient_end(times), transient_end([*times, *later])
    assert before is None or (after is not None and after >= before)


@given(times=times)
def test_an_end_follows_from_three_bounces_that_are_near_to_each_other(times):
    end = transient_end(times)
    near = any(
        sum(start <= at <= start + TRANSIENT_WITHIN for at in times) >= TRANSIENT_LIMIT
        for start in times
    )
    assert (end is not None) == near
    assert end is None or end - TRANSIENT_FOR in times


@given(entries=st.lists(st.builds(entry, why=st.sampled_from(Why), until=untils), min_size=1))
def test_the_strongest_entry_stays_whatever_the_order(entries):
    stays = reduce(stronger_of, entries, None)
    back = reduce(stronger_of, reversed(entries), None)
    assert (stays.until, stays.why) == (back.until, back.why)
    assert stronger_of(stays, stays) is stays


def test_for_ever_beats_a_day_and_a_graver_reason_beats_a_lighter_one():
    until, for_ever = entry(until=NOW + DAY), entry()
    assert stronger_of(until, for_ever) is for_ever
    assert stronger_of(for_ever, until) is for_ever
    complaint = entry(why=Why.COMPLAINT)
    assert stronger_of(for_ever, complaint) is complaint
    assert stronger_of(for_ever, entry(source="another")) is for_ever
    assert stronger_of(None, until) is until


def test_an_entry_is_in_force_until_its_instant():
    assert entry().is_in_force(NOW)
    assert entry(until=NOW + DAY).is_in_force(NOW)
    assert not entry(until=NOW).is_in_force(NOW)


def test_the_same_entry_has_the_same_id_wherever_its_clock_stands():
    jakarta = NOW.astimezone(ZoneInfo("Asia/Jakarta"))
    other = Suppression(
        address="budi@example.com", stream=None, why=Why.BY_HAND, source="x", created_at=jakarta
    )
    assert other.id == entry().id
    assert (
        other.id
        != Suppression(
            address="budi@example.com",
            stream=Stream.BROADCAST,
            why=Why.BY_HAND,
            source="x",
            created_at=NOW,
        ).id
    )
