"""When credits run out: by the rhythm of the week, as a range, and not before it can be told."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terkirim.domain.credit import Forecast
from terkirim.policy.forecast import AHEAD_DAYS, HISTORY_HOURS, WEEK, course, forecast

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)  # a Wednesday
HOUR = int(NOW.timestamp()) // 3_600
DAY = timedelta(days=1)
UNKNOWN = Forecast(is_known=False)


def burn(hours=HISTORY_HOURS, used=lambda ago: 100):  # noqa: ARG005 - the same each hour
    """Return a history that ends at the present hour; `used` is asked how many hours ago."""
    return {HOUR - ago: used(ago) for ago in range(1, hours + 1)}


def days(end):
    return None if end is None else (end - NOW) / DAY


def told(balance, history, **waiting):
    found = forecast(balance, history, now=NOW, **waiting)
    return days(found.early), days(found.likely), days(found.late)


def test_under_48_hours_of_history_there_is_too_little_to_tell():
    assert forecast(1_000, {}, now=NOW) == UNKNOWN
    assert forecast(1_000, burn(47), now=NOW) == UNKNOWN
    assert forecast(1_000, burn(48), now=NOW).is_known


def test_hours_that_used_nothing_are_no_history_and_the_present_hour_is_not_over():
    assert forecast(1_000, burn(60, lambda _: 0), now=NOW) == UNKNOWN
    assert forecast(1_000, {HOUR: 500, HOUR + 1: 500}, now=NOW) == UNKNOWN
    assert forecast(1_000, {HOUR - HISTORY_HOURS - 1: 500}, now=NOW) == UNKNOWN


def test_an_even_burn_ends_where_a_division_says():
    assert told(24_000, burn()) == pytest.approx((10, 10, 10), abs=0.01)
    assert forecast(24_000, burn(), now=NOW).per_day == 2_400


def test_an_empty_account_ends_now():
    assert told(0, burn()) == (0, 0, 0)


def test_what_waits_comes_on_top():
    assert told(24_000, burn(), due=12_000) == pytest.approx((5, 5, 5), abs=0.01)
    assert told(24_000, burn(), due=99_000) == (0, 0, 0)


def test_scheduled_mail_comes_on_top_at_its_hour():
    later = {HOUR + 72: 20_000.0}
    early, likely, late = told(24_000, burn(), later=later)
    assert (early, likely, late) == pytest.approx((3, 3, 3), abs=0.05)
    assert told(24_000, burn(), later={HOUR: 24_000.0})[1] == pytest.approx(0, abs=0.05)


def test_the_week_has_a_rhythm():
    """Twenty-four busy hours a week, on Saturdays: three days from now."""
    week_of = burn(used=lambda ago: 1_000 if 58 <= (HOUR - ago) % WEEK < 82 else 0)
    saturday = next(hour for hour in range(HOUR, HOUR + WEEK) if 58 <= hour % WEEK < 82)
    _, likely, _ = told(12_000, week_of)
    assert likely == pytest.approx((saturday - HOUR + 12) / 24, abs=0.1)


def test_a_short_history_is_told_with_doubt():
    early, likely, late = told(24_000, burn(60))
    assert early < likely < late
    assert likely == pytest.approx(10, abs=0.1)
    early, likely, late = told(24_000, burn(200))
    assert early < likely < late


def test_one_quiet_week_does_not_move_the_early_end_and_one_campaign_does_neither():
    quiet = burn(used=lambda ago: 10 if 24 < ago <= WEEK else 100)
    assert told(24_000, quiet)[0] == pytest.approx(10, abs=0.5)
    campaign = burn(used=lambda ago: 600 if WEEK < ago <= 2 * WEEK else 100)
    assert told(24_000, campaign)[0] == pytest.approx(10, abs=0.5)


def test_a_quiet_day_is_believed_to_end_tomorrow_and_longer_by_the_late_end():
    early, likely, late = told(24_000, burn(used=lambda ago: 0 if ago <= 24 else 100))
    assert early == pytest.approx(10.5, abs=0.5)
    assert early < likely < late
    assert late > 14


def test_a_rush_is_believed_to_last_but_not_to_be_a_new_pace():
    rush = burn(used=lambda ago: 1_000 if ago <= 24 else 100)
    early, likely, late = told(24_000, rush)
    assert early == pytest.approx(8.5, abs=0.7)  # three days at half as much again
    assert early < likely <= late


def test_what_is_left_is_told_day_by_day_until_nothing_is():
    found = course(24_000, burn(), now=NOW, due=1_200, days=12)
    assert [one.likely for one in found[:3]] == [24_000, 20_433, 18_033]  # the hour is not whole
    assert [one.likely for one in found[9:]] == [1_233, 0, 0, 0]
    assert (found[0].at, found[1].at) == (NOW, NOW.replace(minute=0) + DAY)
    assert course(24_000, burn(47), now=NOW, days=12) == []


def test_the_course_ends_where_the_forecast_says():
    history = burn(used=lambda ago: 100 + ago % 24 * 5 + ago % 7)
    end = forecast(30_000, history, now=NOW)
    for name in ("early", "likely", "late"):
        found = course(30_000, history, now=NOW, days=AHEAD_DAYS)
        empty = next(one.at for one in found if getattr(one, name) == 0)
        assert timedelta() <= empty - getattr(end, name) <= DAY


def test_an_end_beyond_the_days_that_are_looked_ahead_is_none():
    assert told(2_400 * AHEAD_DAYS * 3, burn()) == (None, None, None)


histories = st.integers(0, 3).flatmap(
    lambda seed: st.lists(
        st.integers(0, 3_000), min_size=30, max_size=HISTORY_HOURS if seed else 200
    )
)


@settings(max_examples=60)
@given(histories, st.integers(0, 10**6), st.integers(0, 10**5), st.integers(0, 3_599))
def test_early_comes_before_likely_and_that_before_late(used, balance, due, second):
    now = NOW.replace(minute=0) + timedelta(seconds=second)
    history = {HOUR - 1 - ago: count for ago, count in enumerate(used)}
    found = forecast(balance, history, now=now, due=due)
    if not found.is_known:
        return
    far = now + timedelta(days=AHEAD_DAYS + 1)
    early, likely, late = (end or far for end in (found.early, found.likely, found.late))
    assert now <= early <= likely <= late


@settings(max_examples=30)
@given(st.integers(0, 10**5), st.integers(0, 10**5))
def test_more_credits_never_end_sooner(one, other):
    less, more = sorted((one, other))
    history = burn(used=lambda ago: ago * 37 % 211)
    for first, second in zip(told(less, history), told(more, history), strict=True):
        assert second is None or first <= second
