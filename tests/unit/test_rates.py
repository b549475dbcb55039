"""Rates: the tokens, the calendar day, the gate of a 429, and what stands in the settings."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.policy.rates import (
    Rate,
    RateRow,
    from_plain,
    gate,
    gate_of,
    give_back,
    is_day_spent,
    is_of_gated_burst,
    opens_at,
    parse_rates,
    room_of,
    take,
    to_plain,
    ungate,
)

JAKARTA = ZoneInfo("Asia/Jakarta")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)  # 19:00 in Jakarta
SECOND = timedelta(seconds=1)
TEN = parse_rates("10/m")
MINUTE, STEP = timedelta(minutes=1), timedelta(seconds=6)
DAY = parse_rates("400/d")


def taken(rates, row, want, at=NOW):
    return take(rates, row, now=at, want=want, zone=JAKARTA)


def opens(rates, row, at=NOW):
    return opens_at(rates, row, now=at, zone=JAKARTA)


def test_rates_are_read_as_they_are_written():
    assert parse_rates(" 10/s , 5 / m,400/d") == (Rate(10, "s"), Rate(5, "m"), Rate(400, "d"))
    assert [rate.seconds for rate in parse_rates("1/s,1/m,1/h,1/d")] == [1, 60, 3600, 86400]


@pytest.mark.parametrize(
    "part", ["", "10", "0/s", "-1/s", "10/w", "1.5/s", "x/s", "9" * 5_000 + "/s"]
)
def test_a_wrong_part_is_named(part):
    with pytest.raises(ValueError, match="is not a rate") as caught:
        parse_rates(f"10/s,{part}")
    assert repr(part) in str(caught.value)


def test_a_period_may_burst_and_then_refills_evenly():
    granted, row = taken(TEN, RateRow(), 25)
    assert granted == 10
    assert taken(TEN, row, 1)[0] == 0
    assert taken(TEN, row, 25, NOW + STEP)[0] == 1
    assert taken(TEN, row, 25, NOW + 60 * MINUTE)[0] == 10


@pytest.mark.parametrize("text", ["1/s", "3/s", "10/s", "90/s", "500/s"])
@pytest.mark.parametrize("every", [1, 7, 250])
def test_a_rate_a_second_is_spread_so_that_no_second_sees_more(text, every):
    """A second begins whenever the provider thinks it does."""
    rates, row, sent = parse_rates(text), RateRow(), []
    for at in range(0, 5_000, every):
        granted, row = taken(rates, row, 1_000, NOW + timedelta(milliseconds=at))
        sent += [at] * granted
    for begin in sent:
        assert sum(begin <= at < begin + 1_000 for at in sent) <= rates[0].count
    if every == 1:
        assert len(sent) >= 5 * rates[0].count * 0.94


def test_a_rate_a_second_that_was_kept_as_a_full_bucket_grants_no_burst():
    row = RateRow(tokens={"100/s": 100.0}, counted_at=NOW)
    assert taken(parse_rates("100/s"), row, 100)[0] == 5


def test_the_tightest_rate_decides():
    both = parse_rates("10/m,12/h")
    granted, row = taken(both, RateRow(), 10)
    assert (granted, taken(both, row, 10, NOW + MINUTE)[0]) == (10, 2)


def test_without_a_rate_everything_is_granted():
    assert taken((), RateRow(), 7)[0] == 7
    assert opens((), RateRow()) is None


def test_the_day_is_the_zones():
    _, row = taken(DAY, RateRow(), 400)
    midnight = datetime(2026, 1, 1, 17, tzinfo=UTC)
    assert opens(DAY, row) == midnight
    assert taken(DAY, row, 1, midnight - SECOND)[0] == 0
    assert taken(DAY, row, 500, midnight)[0] == 400


def test_a_bucket_says_when_it_has_a_token_again():
    _, row = taken(TEN, RateRow(), 10)
    assert opens(TEN, row) == NOW + STEP
    assert opens(TEN, row, NOW + STEP) is None


def test_what_never_left_is_given_back_up_to_the_full_bucket():
    _, row = taken(TEN, RateRow(), 10)
    back = give_back(TEN, row, 4, now=NOW, zone=JAKARTA)
    assert taken(TEN, back, 10)[0] == 4
    full = give_back(TEN, row, 99, now=NOW, zone=JAKARTA)
    assert taken(TEN, full, 99)[0] == 10


def test_a_clock_that_is_set_back_grants_nothing_twice():
    _, row = taken(TEN, RateRow(), 10)
    granted, row = taken(TEN, row, 10, NOW - 60 * SECOND)
    assert granted == 0
    assert taken(TEN, row, 10, NOW)[0] == 0


def test_two_clocks_around_midnight_share_one_day():
    after = datetime(2026, 1, 1, 17, tzinfo=UTC)
    _, row = taken(DAY, RateRow(), 400, after)
    behind = after - 2 * SECOND
    granted, row = taken(DAY, row, 400, behind)
    assert granted == 0
    assert opens(DAY, row, behind) == after + timedelta(days=1)
    row = give_back(DAY, row, 3, now=behind, zone=JAKARTA)
    assert taken(DAY, row, 400, after)[0] == 3


def test_a_429_shuts_the_gate_for_what_was_asked_at_most_an_hour():
    row = gate(RateRow(), now=NOW, retry_after=7 * SECOND)
    assert opens((), row) == NOW + 7 * SECOND
    assert opens((), row, NOW + 7 * SECOND) is None
    assert gate(RateRow(), now=NOW, retry_after=timedelta(days=9)).gate_until == NOW + 3600 * SECOND
    assert gate(row, now=NOW, retry_after=SECOND).gate_until == NOW + 7 * SECOND


@pytest.mark.parametrize("asked", [None, timedelta(0), SECOND / 10], ids=str)
def test_the_gate_shuts_for_a_doubling_moment_however_short_the_wait_that_was_asked(asked):
    row, at, spans = RateRow(), NOW, []
    for _ in range(10):
        row = gate(row, now=at, retry_after=asked)
        spans.append((row.gate_until - at) / SECOND)
        at = row.gate_until
    assert spans == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]
    again = gate(accepted(row, at), now=at, retry_after=asked)
    assert again.gate_until - at == SECOND / 5


def test_a_wait_that_was_asked_is_a_floor_and_a_strike():
    row = RateRow()
    for _ in range(7):
        row = gate(row, now=NOW, retry_after=7 * SECOND)
    assert row.gate_until == NOW + 64 * (SECOND / 5)


def accepted(row, began, *, now=None, full=200):
    return ungate(row, started_at=began, now=now or began, full=full)


def test_an_acceptance_of_what_left_before_the_gate_shut_ends_no_row_of_429():
    shut = gate(gate(RateRow(), now=NOW, retry_after=None), now=NOW, retry_after=None)
    assert accepted(shut, NOW).strikes == 2
    assert accepted(shut, shut.gate_until).strikes == 0
    assert accepted(RateRow(), NOW) == RateRow()


def test_after_a_429_in_a_row_one_asks_and_twice_what_is_accepted_follows():
    row = gate(RateRow(), now=NOW, retry_after=None)
    assert room_of(row) is None  # the first one may be chance
    row = gate(row, now=row.gate_until, retry_after=None)
    rooms = [room_of(row)]
    for _ in range(4):
        row = accepted(row, row.gate_until, full=9)
        rooms.append(room_of(row))
    assert rooms == [1, 2, 4, 6, 8]
    assert gate(row, now=row.gate_until, retry_after=None).room == 8
    assert accepted(row, row.gate_until, full=9) == RateRow(gate_until=row.gate_until)


def test_a_row_of_an_earlier_version_is_read():
    plain = to_plain(RateRow(strikes=3))
    del plain["accepted"], plain["room"]
    row = from_plain(plain)
    assert row == RateRow(strikes=3)
    assert accepted(row, NOW) == RateRow(accepted=1)


AT_ONCE = 200
STEP_MS = 20  # how long an answer takes


def simulated(takes, *, asked, seconds=120):
    """Return how many were taken and how many met a 429, of mail without end."""
    row, took, refused = RateRow(), 0, 0
    for at in range(0, seconds * 1_000, STEP_MS):
        now = NOW + timedelta(milliseconds=at)
        if opens((), row, now) is not None:
            continue
        room = room_of(row)
        for is_taken in [takes(at) for _ in range(AT_ONCE if room is None else min(room, AT_ONCE))]:
            took, refused = took + is_taken, refused + (not is_taken)
            if is_taken:
                row = accepted(row, now)
            elif not is_of_gated_burst(row, now, now=now):
                row = gate(row, now=now, retry_after=asked)
    return took, refused


class Bucket:
    """Takes ten a second, and up to ten that were not used before."""

    def __init__(self):
        self.left, self.at = 10.0, 0

    def __call__(self, at):
        self.left, self.at = min(10.0, self.left + (at - self.at) / 100), at
        self.left -= (is_taken := self.left >= 1)
        return is_taken


class Window:
    """Takes ten in any second."""

    def __init__(self):
        self.times = []

    def __call__(self, at):
        self.times = [time for time in self.times if time > at - 1_000]
        is_taken = len(self.times) < 10
        self.times += [at] * is_taken
        return is_taken


@pytest.mark.parametrize("asked", [None, timedelta(0), SECOND], ids=["no word", "0 s", "1 s"])
@pytest.mark.parametrize("provider", [Bucket, Window])
def test_a_provider_that_takes_ten_a_second_is_sent_about_that(provider, asked):
    took, refused = simulated(provider(), asked=asked)
    assert took > 120 * 10 * 0.5
    assert refused < took * 5  # with all at once after each gate: 60 for each that is taken


def test_a_provider_that_takes_nothing_is_asked_by_one_at_a_time():
    _, refused = simulated(lambda _: False, asked=timedelta(0))
    assert 2 * AT_ONCE < refused < 2 * AT_ONCE + 15


def test_a_429_now_and_then_slows_nothing_down():
    dice = iter(range(10**6))
    took, refused = simulated(lambda _: next(dice) % 50 != 7, asked=None)
    assert took > 120 * AT_ONCE / 0.22 * 0.9
    assert took > 40 * refused


def test_strikes_without_end_do_not_overflow():
    row = gate(RateRow(strikes=10**9), now=NOW, retry_after=None)
    assert row.gate_until == NOW + 30 * SECOND


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 30)), max_size=40))
def test_no_more_leaves_than_a_burst_and_what_time_refilled(claims):
    row, at, sent = RateRow(), NOW, 0
    for milliseconds, want in claims:
        at += timedelta(milliseconds=milliseconds)
        granted, row = taken(TEN, row, want, at)
        assert 0 <= granted <= want
        sent += granted
        row = from_plain(json.loads(json.dumps(to_plain(row))))
    assert sent <= 10 + (at - NOW) / MINUTE * 10 + 1e-6


def test_a_gated_row_survives_json():
    row = gate(RateRow(), now=NOW, retry_after=SECOND)
    assert from_plain(json.loads(json.dumps(to_plain(row)))) == row


YEAR = timedelta(days=365)


def test_a_clock_that_was_far_ahead_once_stalls_no_bucket():
    _, row = taken(TEN, RateRow(), 10, NOW + YEAR)
    granted, row = taken(TEN, row, 10, NOW)
    assert granted == 0  # what was used is used
    assert taken(TEN, row, 10, NOW + MINUTE)[0] == 10
    assert opens(TEN, row) == NOW + STEP


def test_a_day_that_a_wrong_clock_counted_grants_nothing_twice_and_ends_tonight():
    _, row = taken(DAY, RateRow(), 390, NOW + YEAR)
    granted, row = taken(DAY, row, 400, NOW)
    assert granted == 10
    assert opens(DAY, row) == datetime(2026, 1, 1, 17, tzinfo=UTC)
    assert taken(DAY, row, 500, datetime(2026, 1, 1, 17, tzinfo=UTC))[0] == 400


def test_a_gate_that_a_wrong_clock_shut_is_open():
    row = gate(RateRow(), now=NOW + YEAR, retry_after=7 * SECOND)
    assert gate_of(row, now=NOW) is None
    assert opens((), row) is None
    assert not is_of_gated_burst(row, NOW, now=NOW)
    assert gate(row, now=NOW, retry_after=7 * SECOND).gate_until == NOW + 7 * SECOND


def test_what_left_before_the_gates_last_moment_is_of_its_burst():
    row = gate(RateRow(), now=NOW, retry_after=7 * SECOND)
    assert is_of_gated_burst(row, NOW + 6 * SECOND, now=NOW + 9 * SECOND)
    assert not is_of_gated_burst(row, NOW + 7 * SECOND, now=NOW + 9 * SECOND)
    assert not is_of_gated_burst(RateRow(), NOW, now=NOW)


def test_only_a_days_rate_is_spent_for_the_day():
    both = parse_rates("10/m,12/d")
    _, row = taken(both, RateRow(), 10)
    assert not is_day_spent(both, row, now=NOW, zone=JAKARTA)
    _, row = taken(both, row, 2, NOW + MINUTE)
    assert is_day_spent(both, row, now=NOW + MINUTE, zone=JAKARTA)
    midnight = datetime(2026, 1, 1, 17, tzinfo=UTC)
    assert not is_day_spent(both, row, now=midnight, zone=JAKARTA)
