"""Sums of hours that are over are not asked for each second, and those of this hour always are."""

from datetime import UTC, datetime, timedelta

import pytest

from terkirim.reports.overview import HOUR, RECALLED_FOR, Recalled

NOW = datetime(2026, 11, 24, 15, 20, tzinfo=UTC)
KINDS = ("outcome",)
DAY = timedelta(days=1)


class Clock:
    def __init__(self):
        self.at = NOW

    def now(self):
        return self.at

    def monotonic(self):
        return self.at.timestamp()


class Sums:
    """Answers with the span that it was asked for."""

    def __init__(self):
        self.asked = []

    async def sums(self, _kinds, *, since, until):
        self.asked.append((since, until))
        return [("outcome", f"{since:%d %H}-{until:%d %H.%M}", 1)]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sums():
    return Sums()


@pytest.fixture
def recalled(sums, clock):
    return Recalled(sums, clock)


async def test_the_past_is_asked_for_once_and_the_last_hours_each_time(recalled, sums, clock):
    edge = NOW.replace(minute=0) - HOUR
    begin = edge - DAY
    first = await recalled.sums(KINDS, since=begin, until=NOW)
    clock.at += timedelta(seconds=5)
    second = await recalled.sums(KINDS, since=begin, until=clock.at)
    assert sorted(sums.asked) == sorted([(edge, NOW), (begin, edge), (edge, clock.at)])
    assert len(first) == len(second) == 2
    clock.at += timedelta(seconds=RECALLED_FOR + 1)
    await recalled.sums(KINDS, since=begin, until=clock.at)
    assert sums.asked.count((begin, edge)) == 2  # what came late to the past is seen after all


async def test_the_span_before_is_kept_within_its_hour(recalled, sums, clock):
    for minutes in range(3):
        clock.at = NOW + timedelta(seconds=minutes)
        await recalled.sums(KINDS, since=NOW - 3 * DAY, until=clock.at - DAY)
    assert len(sums.asked) == 1


async def test_what_is_not_over_is_not_kept(recalled, sums):
    since = NOW.replace(minute=0)
    for _ in range(2):
        await recalled.sums(KINDS, since=since, until=NOW)
    assert sums.asked == [(since, NOW)] * 2


async def test_what_is_too_old_takes_no_memory(recalled, clock):
    for hours in range(50):
        clock.at = NOW + hours * HOUR
        await recalled.sums(KINDS, since=clock.at - DAY, until=clock.at - 2 * HOUR)
    assert len(recalled._kept) == 1
