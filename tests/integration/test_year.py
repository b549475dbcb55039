"""A simulated year: every run-out is told in time, once, and no quiet week is an alarm."""

import asyncio
from collections import Counter

import pytest
from benchmarks.year import LEAD, YEAR_HOURS, Year

from terkirim.domain.alert import DeliveryState
from terkirim.policy.conditions import CREDITS_RUN_OUT


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    return asyncio.run(Year(tmp_path_factory.mktemp("year"), seed=1, every=6).run())


def test_every_run_out_was_told_two_days_ahead(seen):
    assert len(seen.run_outs) >= 5  # the person who tops up came too late as often
    assert seen.late == []


def test_each_condition_was_told_once_between_two_top_ups(seen):
    assert seen.repeated == {}
    run_outs = [one for one in seen.raised if one.kind == CREDITS_RUN_OUT]
    assert len(run_outs) <= len(seen.top_ups) + 1
    assert len(run_outs) * LEAD.days * 24 < YEAR_HOURS  # it does not cry all the time


def test_no_quiet_week_was_an_alarm(seen):
    assert seen.false_ones(quiet=True) == []


def test_each_channel_took_each_notice_once_although_it_failed_now_and_then(seen):
    sent = Counter((one.channel, one.title) for one in seen.told if one.state is DeliveryState.SENT)
    assert Counter(seen.written) == sent
    assert any(one.attempts > 1 for one in seen.told)


def test_a_top_up_that_ended_two_alerts_was_told_once(seen):
    assert 0 < len(seen.recoveries) <= len(seen.top_ups)
