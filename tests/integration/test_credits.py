"""Balances are read, estimated, forecast and told of; a failed check is never an empty account."""

from datetime import timedelta

import pytest

from terkirim.domain.alert import Severity
from terkirim.domain.credit import Level, Source
from terkirim.domain.email import Priority, Stream
from terkirim.domain.errors import CannotBePaid
from terkirim.domain.outcome import Deferred, Unauthorised, Unclear
from terkirim.policy.conditions import CREDITS_CHECK, CREDITS_RUN_OUT
from terkirim.ports import Submission
from terkirim.ports.credits import Overheard
from tests.contract.conftest import an_email
from tests.integration.lookout import DAY, HOUR, MINUTE, START, Watched

OUTAGE = Deferred("HTTP 503", answer="<html>")


@pytest.fixture
async def watched(tmp_path):
    one = Watched(tmp_path / "w.db")
    yield one
    await one.store.close()


async def test_a_check_is_kept_as_a_reading_and_as_an_activity(watched):
    standing = await watched.check(429_405)
    assert (standing.balance, standing.level, standing.is_estimated) == (429_405, Level.OK, False)
    (row,) = await watched.people.activity(limit=9)
    assert (row.who, row.what, row.subject) == ("schedule", "credits checked", "mailketing")
    assert row.facts == {"credits": 429_405, "reason": ""}


async def test_between_readings_the_balance_is_estimated_from_what_was_sent_and_bounced(watched):
    await watched.send(500)
    await watched.check(100_000)
    watched.clock.pass_(10 * MINUTE)
    await watched.send(1_000)
    await watched.count("event_first", "mailketing:bounced", 10)
    standing = await watched.standings.one("mailketing")
    assert (standing.balance, standing.is_estimated) == (100_000 - 1_000 - 300, True)
    watched.clock.pass_(2 * HOUR)
    await watched.send(200)
    assert (await watched.standings.one("mailketing")).balance == 98_500


@pytest.mark.parametrize(
    "says",
    [OUTAGE, Unclear("the answer names no plausible balance", answer='{"credits":"abc"}')],
    ids=["outage", "no number"],
)
async def test_a_failed_check_is_unknown_and_never_zero(watched, says):
    await watched.check(60_000)
    watched.clock.pass_(HOUR)
    standing = await watched.check(says)
    assert (standing.level, standing.known_level) == (Level.UNKNOWN, Level.OK)
    assert standing.balance == 60_000
    assert says.reason in standing.reason
    assert says.answer in standing.reason
    assert await watched.alerts() == []


async def test_an_account_that_was_never_read_is_unknown(watched):
    standing = await watched.check(OUTAGE)
    assert (standing.balance, standing.level, standing.known_level) == (
        None,
        Level.UNKNOWN,
        Level.UNKNOWN,
    )
    assert not standing.forecast.is_known
    assert (await watched.preflights.estimate(10)).is_enough is None


async def test_three_failed_checks_in_a_row_are_told_once_and_a_good_one_ends_it(watched):
    await watched.check(429_405)
    for _ in range(5):
        watched.clock.pass_(HOUR)
        await watched.check(OUTAGE)
    assert watched.mailbox.titles() == ["Mailketing: the balance cannot be read"]
    (alert,) = await watched.alerts()
    assert (alert.kind, alert.severity) == (CREDITS_CHECK, Severity.WARNING)
    watched.clock.pass_(HOUR)
    await watched.check(429_405)
    assert watched.mailbox.titles()[1:] == ["Over: Mailketing: the balance cannot be read"]


async def test_a_refused_key_is_told_at_once(watched):
    await watched.check(Unauthorised("Access Denied, Invalid Token"))
    assert watched.mailbox.titles() == ["Mailketing refuses our key"]
    await watched.conditions.look()
    await watched.check(429_405)
    await watched.conditions.look()
    await watched.deliver()
    assert watched.mailbox.titles()[1:] == ["Over: Mailketing refuses our key"]


async def test_a_key_that_was_refused_is_asked_for_again_long_before_the_next_hour(watched):
    await watched.check(Unauthorised("Access Denied, Invalid Token"))
    watched.source.says = 429_405
    watched.clock.pass_(4 * MINUTE)
    assert (await watched.look()).balance is None
    watched.clock.pass_(MINUTE)
    assert (await watched.look()).balance == 429_405
    await watched.conditions.look()
    await watched.deliver()
    assert watched.mailbox.titles()[1:] == ["Over: Mailketing refuses our key"]


async def test_a_balance_that_wobbles_round_a_threshold_is_told_once(watched):
    for balance in (51_000, 49_900, 50_400, 49_000, 54_000, 48_000):
        watched.clock.pass_(HOUR)
        await watched.check(balance)
    assert watched.mailbox.titles() == ["Mailketing: 49,900 credits left"]


async def test_each_level_is_told_and_a_top_up_sends_one_recovery_notice(watched):
    for balance in (49_000, 9_000, 900, 429_405):
        watched.clock.pass_(HOUR)
        await watched.check(balance)
    assert watched.mailbox.titles() == [
        "Mailketing: 49,000 credits left",
        "Mailketing: 9,000 credits left",
        "Mailketing: 900 credits left",
        "Mailketing: credits are fine again",
    ]
    assert watched.mailbox.titles("crit") == watched.mailbox.titles()[1:]


async def test_a_top_up_that_does_not_reach_ok_says_better_not_over(watched):
    for balance in (900, 30_000, 429_405):
        watched.clock.pass_(HOUR)
        await watched.check(balance)
    assert watched.mailbox.titles() == [
        "Mailketing: 900 credits left",
        "Better, not over: Mailketing: 30,000 credits left",
        "Mailketing: credits are fine again",
    ]
    assert watched.mailbox.titles("crit")[1:] == ["Over: Mailketing: 900 credits left"]


async def test_a_run_out_is_told_days_ahead_even_above_every_level(watched):
    await watched.history(an_hour=2_000)  # 48,000 a day
    await watched.check(200_000)
    assert watched.mailbox.titles() == []
    watched.clock.pass_(DAY)
    await watched.history(days=1, an_hour=2_000)
    await watched.check(143_000)
    assert watched.mailbox.titles() == ["Mailketing: credits run out in 2 days 23 hours"]
    (alert,) = await watched.alerts()
    assert (alert.kind, alert.severity) == (CREDITS_RUN_OUT, Severity.CRITICAL)
    assert alert.body == "Between 2 days 23 hours and 2 days 23 hours, at this pace."


async def test_under_48_hours_of_history_nobody_is_alarmed(watched):
    await watched.history(days=1, an_hour=2_000)
    standing = await watched.check(60_000)
    assert not standing.forecast.is_known
    assert watched.mailbox.titles() == []


async def test_what_is_queued_and_scheduled_counts_on_top(watched):
    await watched.history(an_hour=100)
    mails = [an_email(now=START, scheduled_at=START + DAY) for _ in range(60)]
    await watched.store.accept(Submission(emails=(*mails, an_email(now=START)), now=START))
    await watched.check(60_000)
    standing = await watched.standings.one("mailketing")
    assert (standing.waiting.due, standing.waiting.count) == (1, 61)
    without = 60_000 / 2_400
    assert (standing.forecast.likely - START) / DAY == pytest.approx(without - 61 / 2_400, abs=0.1)


async def test_a_top_up_ends_level_and_run_out_with_one_notice(watched):
    await watched.history(an_hour=1_000)
    await watched.check(40_000)
    assert len(watched.mailbox.titles()) == 2
    watched.clock.pass_(HOUR)
    await watched.check(429_405)
    assert watched.mailbox.titles()[2:] == ["Mailketing: credits are fine again"]
    assert [one for one in await watched.alerts() if one.ended_at is None] == []


async def test_a_level_that_an_estimate_reaches_is_asked_for_before_it_is_told(watched):
    await watched.check(60_000)
    await watched.send(15_000)
    watched.clock.pass_(2 * MINUTE)
    await watched.look()  # the last check is too young to ask again: the estimate stands
    assert watched.source.asked == 1
    assert watched.mailbox.titles() == ["Mailketing: about 45,000 credits left (estimated)"]


async def test_an_estimate_that_is_old_enough_is_checked_and_a_top_up_meanwhile_is_no_alarm(
    watched,
):
    await watched.check(60_000)
    await watched.send(15_000)
    watched.clock.pass_(10 * MINUTE)
    watched.source.says = 145_000
    standing = await watched.look()
    assert (watched.source.asked, standing.balance) == (2, 145_000)
    assert watched.mailbox.titles() == []


async def test_a_look_that_finds_nothing_new_asks_nobody(watched):
    await watched.check(60_000)
    await watched.send(100)
    watched.clock.pass_(10 * MINUTE)
    await watched.look()
    assert watched.source.asked == 1


async def test_balances_in_answers_to_mails_are_readings(watched):
    watched.ears.said = [
        Overheard("mailketing", START, 7_000),
        Overheard("elsewhere", START, 1),
    ]
    await watched.monitor.listen()
    standing = await watched.look()
    assert (standing.balance, standing.level) == (7_000, Level.CRITICAL)
    assert standing.reading.source is Source.SEND
    await watched.monitor.listen()
    assert len(await watched.book.readings("mailketing", since=START, limit=9)) == 1


async def test_an_answer_that_names_a_balance_ends_the_blindness_of_a_failed_check(watched):
    await watched.check(OUTAGE)
    watched.clock.pass_(MINUTE)
    watched.ears.said = [Overheard("mailketing", watched.clock.now(), 80_000)]
    await watched.monitor.listen()
    assert (await watched.look()).level is Level.OK


async def test_the_reserve_counts_what_may_leave_only_near_to_it(watched):
    await watched.check(2_000_000)
    assert await watched.book.allowance("mailketing") is None
    await watched.check(31_000)
    assert await watched.book.allowance("mailketing") == 30_000
    await watched.send(5_000)
    await watched.look()
    assert await watched.book.allowance("mailketing") == 25_000
    standing = await watched.check(600)
    assert await watched.book.allowance("mailketing") == 0
    assert not standing.is_reserved  # it was told before the allowance was renewed
    assert (await watched.standings.one("mailketing")).is_reserved


async def test_mail_that_waits_for_the_reserve_says_so(watched):
    says = watched.reserve.says
    await watched.reserve.look()
    assert says("default", Priority.LOW) is None
    await watched.check(600)
    await watched.reserve.look()
    assert "topped up" in says("default", Priority.LOW)
    assert "topped up" in says("default", Priority.NORMAL)
    assert says("default", Priority.HIGH) is None
    assert says("trial", Priority.LOW) is None
    assert says("unknown", Priority.LOW) is None


async def test_an_estimate_says_enough_or_how_many_go_out(watched):
    await watched.check(10_000)
    enough = await watched.preflights.estimate(9_000)
    assert (enough.is_enough, enough.goes_out, enough.reserve) == (True, 9_000, 1_000)
    short = await watched.preflights.estimate(25_000)
    assert (short.is_enough, short.goes_out) == (False, 9_000)
    urgent = await watched.preflights.estimate(25_000, priority=Priority.HIGH)
    assert urgent.goes_out == 10_000


async def test_an_estimate_has_the_price_of_bounces_in_it(watched):
    await watched.send(1_000)
    await watched.count("event_first", "mailketing:bounced", 50)
    await watched.check(100_000)
    assert (await watched.preflights.estimate(1_000)).cost == 2_500


def broadcast(count, **options):
    return [an_email(stream=Stream.BROADCAST, now=START, **options) for _ in range(count)]


async def test_broadcasts_that_cannot_be_paid_are_refused_and_other_mail_never_is(watched):
    await watched.check(1_010)
    await watched.preflights.refuse(broadcast(10))
    with pytest.raises(CannotBePaid, match="1 mails cost about 1 credits, and 0 of them"):
        await watched.preflights.refuse(broadcast(1))
    await watched.preflights.refuse([an_email(now=START) for _ in range(99)])
    await watched.preflights.refuse(broadcast(99, route="trial"))
    await watched.preflights.refuse(broadcast(500, priority=Priority.HIGH))


async def test_what_was_let_through_is_counted_until_the_database_tells_it(watched):
    await watched.check(1_010)
    mails = broadcast(10)
    await watched.preflights.refuse(mails)
    await watched.store.accept(Submission(emails=tuple(mails), now=START))
    watched.clock.pass_(timedelta(seconds=6))
    with pytest.raises(CannotBePaid):
        await watched.preflights.refuse(broadcast(1))
    await watched.check(1_020)
    watched.clock.pass_(timedelta(seconds=6))
    await watched.preflights.refuse(broadcast(10))


async def test_a_broadcast_is_taken_while_no_balance_is_known(watched):
    await watched.preflights.refuse(broadcast(100))


async def test_statistics_tell_checks_balances_use_and_trend(watched):
    await watched.history(days=20, an_hour=100)
    for balance in (60_000, None, 40_000):
        watched.clock.pass_(HOUR)
        await watched.check(OUTAGE if balance is None else balance)
    now = watched.clock.now()
    found = await watched.statistics.over("mailketing", days=30, now=now)
    assert (found.checks, found.average_balance, found.lowest_balance) == (3, 50_000, 40_000)
    assert found.alerts_raised == len(found.alerts) == 1
    assert [one.credits for one in found.readings] == [40_000, None, 60_000]
    days = list(found.usage.items())
    assert len(days) == 30
    assert days[-1][0].isoformat() == "2026-01-05"
    assert days[-1][1] == 1_000  # since midnight in Jakarta
    assert days[-2][1] == 2_400
    assert found.trend == 0.0


async def test_a_trend_needs_two_whole_weeks_and_something_to_compare_with(watched):
    now = watched.clock.now()
    assert (await watched.statistics.over("mailketing", days=14, now=now)).trend is None
    assert (await watched.statistics.over("mailketing", days=30, now=now)).trend is None
    await watched.send(100, at=START - 10 * DAY)
    await watched.send(150, at=START - 3 * DAY)
    assert (await watched.statistics.over("mailketing", days=15, now=now)).trend == 0.5
