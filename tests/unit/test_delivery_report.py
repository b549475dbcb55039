"""Rates, percentiles and spans: the pure part of the statistics."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.delivery import Outcomes
from terkirim.domain.latency import bucket_of, percentiles, upper_end
from terkirim.reports.delivery import outcomes_of, rates, share
from terkirim.reports.latency import waited
from terkirim.reports.spans import Span, day_that_began, last_days, midnight
from terkirim.store.counting import Counts, Rollups, day_of, month_of
from terkirim.store.sums import stretches

JAKARTA = ZoneInfo("Asia/Jakarta")
counts = st.integers(0, 10**9)


@given(st.builds(Outcomes, **dict.fromkeys(Outcomes.__dataclass_fields__, counts)))
def test_a_rate_is_a_share_or_nothing_at_all(outcomes):
    for rate in rates(outcomes).values():
        assert (rate is None) == (outcomes.accepted == 0)
        assert rate is None or 0 <= rate <= 1


def test_a_rate_of_nothing_is_not_zero():
    assert share(0, 0) is None
    assert share(0, 8) == 0
    assert share(9, 8) == 1  # an open of the hour before


def test_outcomes_are_of_real_mail_alone():
    sums = [
        ("event_first", "mailketing:accepted", 5),
        ("event_first", "another:accepted", 3),
        ("event_first", "mailketing:opened", 3),
        ("event_first", "mailketing:heard", 6),
        ("event_first", "sandbox:delivered", 40),
    ]
    assert outcomes_of(sums) == Outcomes(accepted=8, opened=3)


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=60))
def test_percentiles_are_never_too_low_and_a_fifth_too_high_at_most(latencies):
    buckets = {}
    for us in latencies:
        buckets[bucket_of(us)] = buckets.get(bucket_of(us), 0) + 1
    ordered = sorted(latencies)
    shares = (0.5, 0.95, 0.99)
    for share_, found in zip(shares, percentiles(buckets, shares), strict=True):
        rank = next(n for n in range(1, len(ordered) + 1) if n >= share_ * len(ordered))
        exact = timedelta(microseconds=ordered[rank - 1])
        slack = timedelta(microseconds=2)
        assert exact - slack <= found <= exact * 1.19 + slack


def test_of_no_messages_there_is_no_percentile():
    one = waited("", {})
    assert (one.count, one.p50, one.p95, one.p99) == (0, None, None, None)


def test_a_bucket_ends_where_the_next_one_begins():
    for us in (1, 999, 1_000, 7_000_000, 86_400_000_000):
        bucket = bucket_of(us)
        assert upper_end(bucket - 1) * 1e6 < us * 1.000001
        assert us <= upper_end(bucket) * 1e6 * 1.000001


def test_days_are_today_and_those_before_it_in_the_operators_zone():
    now = datetime(2026, 8, 17, 17, 30, tzinfo=UTC)  # 00:30 of the 18th in Jakarta
    span = last_days(2, now=now, zone=JAKARTA)
    assert list(span.days()) == [date(2026, 8, 17), date(2026, 8, 18)]
    assert span.since == datetime(2026, 8, 16, 17, tzinfo=UTC)
    assert span.in_days() == span


def test_a_span_is_made_whole_outwards():
    span = Span(
        since=datetime(2026, 8, 17, 9, 30, tzinfo=UTC),
        until=datetime(2026, 8, 17, 17, 0, 1, tzinfo=UTC),
        zone=JAKARTA,
    )
    assert [at.hour for at in span.in_hours().hours()] == list(range(9, 18))
    assert list(span.in_days().days()) == [date(2026, 8, 17), date(2026, 8, 18)]


@pytest.mark.parametrize(
    "name", ["Asia/Jakarta", "UTC", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati"]
)
def test_a_days_count_begins_where_its_date_can_be_read_from(name):
    zone = ZoneInfo(name)
    first = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) // 3_600
    for hour in range(first, first + 24 * 40):  # a change of the clocks in March among them
        begin, number = day_of(hour, zone)
        day = date(1970, 1, 1) + timedelta(days=number)
        at = datetime.fromtimestamp(hour * 3_600, UTC)
        assert day == at.astimezone(zone).date()
        assert day_that_began(datetime.fromtimestamp(begin * 3_600, UTC), zone) == day


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(1, 800),
    st.sampled_from(["Asia/Jakarta", "UTC", "Asia/Kolkata", "America/New_York"]),
)
def test_a_span_is_made_of_whole_months_and_days_and_none_is_left_out_or_twice(first, length, name):
    zone = ZoneInfo(name)
    days = [first + timedelta(days=number) for number in range(length)]
    begins = {day: midnight(day, zone) for day in (*days, days[-1] + timedelta(days=1))}
    bound = stretches("k", begins[days[0]], begins[days[-1] + timedelta(days=1)], zone)
    seen = []
    for day in days:
        hour, _ = day_of(int(begins[day].timestamp() + 1_800) // 3_600, zone)
        if bound["since"] <= hour < bound["first"] or bound["last"] <= hour < bound["until"]:
            seen.append(day)
        month = month_of(hour + 1, zone)
        seen += [day] * (bound["first"] <= month < bound["last"])
    assert seen == days


def test_processes_share_a_bounded_number_of_rows():
    places = {Rollups(f"node {n}", JAKARTA, places=16).place for n in range(1_000)}
    assert len(places) == 16


def test_what_is_taken_back_within_a_transaction_costs_no_row():
    found = Counts()
    found.add(0, "event", "a", 1)
    found.add(0, "event", "a", -1)
    assert found.rows(Rollups("n", JAKARTA, places=1)) == []
