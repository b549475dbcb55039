"""People are told what is wrong: once, on each channel that wants it, and when it is over."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from terkirim.alerts.notify import GONE, LEASE
from terkirim.alerts.summary import Summary, day_due
from terkirim.domain.alert import Condition, DeliveryState, Purpose, Severity
from terkirim.domain.outcome import (
    Deferred,
    OutOfCredits,
    Rejected,
    SenderRefused,
    Unauthorised,
    Unclear,
)
from terkirim.policy import conditions
from terkirim.policy.alerting import COOLDOWN
from terkirim.policy.conditions import PauseSeen, pause_condition
from terkirim.policy.retry import RetrySchedule
from terkirim.policy.verdict import Facts, verdict
from terkirim.ports import BY_HAND, ClaimWish, Pause, Submission
from tests.contract.conftest import an_email
from tests.integration.lookout import DAY, HOUR, JAKARTA, MINUTE, START, Watched


@pytest.fixture
async def watched(tmp_path):
    one = Watched(tmp_path / "w.db")
    yield one
    await one.store.close()


def condition(kind=conditions.DISK_FULL, severity=Severity.WARNING, **changes):
    facts = {"free": 5_000_000, "is_refusing": False, "dead": 3, "url": "u", "reason": "r"}
    return Condition(kind=kind, severity=severity, facts=facts, **changes)


async def settled(watched, *found, kinds=(conditions.DISK_FULL,)):
    await watched.notify.settle(found, kinds=kinds)
    await watched.deliver()


async def test_a_condition_is_told_once_while_it_lasts_and_when_it_is_over(watched):
    for _ in range(3):
        await settled(watched, condition())
        watched.clock.pass_(20 * MINUTE)
    await settled(watched)
    assert watched.mailbox.titles() == [
        "The disk is nearly full: 5 MB left",
        "Over: The disk is nearly full: 5 MB left",
    ]
    assert watched.mailbox.titles("crit") == []
    (alert,) = await watched.alerts()
    assert alert.last_at == START + 40 * MINUTE
    over = next(one for one in alert.deliveries if one.purpose is Purpose.RECOVERY)
    assert over.body == "It lasted 1 hour."


async def test_a_condition_that_comes_and_goes_is_told_once_in_its_cool_down(watched):
    for _ in range(5):
        await settled(watched, condition())
        await settled(watched)
        watched.clock.pass_(MINUTE)
    assert len(watched.mailbox.titles()) == 2
    watched.clock.pass_(COOLDOWN)
    await settled(watched, condition())
    assert len(watched.mailbox.titles()) == 3


async def test_a_condition_that_stays_after_its_return_is_told_when_the_cool_down_is_over(watched):
    await settled(watched, condition())
    await settled(watched)
    watched.clock.pass_(MINUTE)
    await settled(watched, condition())
    assert len(watched.mailbox.titles()) == 2
    watched.clock.pass_(COOLDOWN)
    await watched.deliver()
    assert len(watched.mailbox.titles()) == 3


async def test_what_comes_back_worse_is_told_at_once_also_to_whom_it_was_not_bad_enough(watched):
    await settled(watched, condition())
    await settled(watched)
    watched.clock.pass_(MINUTE)
    await settled(watched, condition(severity=Severity.EMERGENCY))
    assert len(watched.mailbox.titles()) == 3
    assert len(watched.mailbox.titles("crit")) == 1


async def test_what_eases_before_anybody_heard_of_it_is_no_news_of_something_better(watched):
    bad = condition(severity=Severity.EMERGENCY)
    await settled(watched, bad)
    await settled(watched)
    watched.clock.pass_(MINUTE)
    await settled(watched, bad)  # within its cool-down
    watched.clock.pass_(MINUTE)
    await settled(watched, condition())
    assert len(watched.mailbox.titles()) == 2
    watched.clock.pass_(COOLDOWN)
    await watched.deliver()
    assert watched.mailbox.titles()[2:] == ["The disk is nearly full: 5 MB left"]


async def test_short_spells_that_are_never_told_do_not_hold_back_what_follows(watched):
    await settled(watched, condition())
    await settled(watched)
    for _ in range(3):
        watched.clock.pass_(25 * MINUTE)
        await settled(watched, condition())
        await settled(watched)
    assert len(watched.mailbox.titles()) == 4  # told again once its hour was over


async def test_a_worse_one_is_told_at_once_and_a_milder_one_as_better(watched):
    await settled(watched, condition())
    await settled(watched, condition(severity=Severity.EMERGENCY))
    await settled(watched, condition(severity=Severity.WARNING))
    await settled(watched)
    title = "The disk is nearly full: 5 MB left"
    assert watched.mailbox.titles() == [
        title,
        title,
        f"Better, not over: {title}",
        f"Over: Better, not over: {title}",
    ]
    assert watched.mailbox.titles("crit") == [title, f"Over: {title}"]


async def test_the_end_of_what_ends_quietly_is_told_to_nobody(watched):
    for severity in (Severity.CRITICAL, Severity.WARNING):
        one = condition(conditions.DEAD_LETTERS, severity, is_quiet_end=True)
        await settled(watched, one, kinds=(conditions.DEAD_LETTERS,))
    await settled(watched, kinds=(conditions.DEAD_LETTERS,))
    assert watched.mailbox.titles() == ["3 messages could not be sent"]
    assert await watched.notify.open({conditions.DEAD_LETTERS}) == []


async def test_what_must_last_is_told_when_it_did_and_not_when_it_went_before(watched):
    lasting = condition(holds_for=5 * MINUTE)
    await settled(watched, lasting)
    watched.clock.pass_(4 * MINUTE)
    await settled(watched)
    await settled(watched, lasting)
    watched.clock.pass_(4 * MINUTE)
    await settled(watched, lasting)
    assert watched.mailbox.titles() == []
    watched.clock.pass_(MINUTE)
    await settled(watched, lasting)
    assert len(watched.mailbox.titles()) == 1
    (alert,) = await watched.alerts()
    assert alert.raised_at - alert.seen_at == 5 * MINUTE


async def test_a_part_raises_and_ends_a_condition_of_its_own(watched):
    disabled = conditions.endpoint_disabled("we_1", url="https://a.co/h", reason="HTTP 500")
    for _ in range(2):
        await watched.notify.raise_(disabled)
    await watched.conditions.look()  # it is not the one to end it
    await watched.deliver()
    assert watched.mailbox.titles("crit") == ["A webhook endpoint was disabled"]
    await watched.notify.end(conditions.ENDPOINT_DISABLED, "we_1")
    await watched.notify.end(conditions.ENDPOINT_DISABLED, "we_1")
    await watched.deliver()
    assert len(watched.mailbox.titles("crit")) == 2


async def test_only_the_channel_that_failed_is_told_again_with_growing_waits(watched):
    watched.mailbox.broken["crit"] = "HTTP 502"
    await settled(watched, condition(severity=Severity.CRITICAL))
    for seconds in (29, 1):
        watched.clock.pass_(timedelta(seconds=seconds))
        await watched.deliver()
    (alert,) = await watched.alerts()
    states = {one.shown: (one.state, one.attempts, one.answer) for one in alert.deliveries}
    assert states == {
        "1: all://***": (DeliveryState.SENT, 1, ""),
        "2: crit://***": (DeliveryState.WAITING, 2, "HTTP 502"),
    }
    watched.mailbox.broken.clear()
    watched.clock.pass_(2 * MINUTE)
    await watched.deliver()
    assert len(watched.mailbox.titles("crit")) == len(watched.mailbox.titles()) == 1


async def test_a_channel_that_is_down_for_days_is_given_up_and_kept_in_the_history(watched):
    watched.mailbox.broken["all"] = "no answer in time"
    await settled(watched, condition())
    for _ in range(60):
        watched.clock.pass_(HOUR)
        await watched.deliver()
    (alert,) = await watched.alerts()
    (notice,) = alert.deliveries
    assert (notice.state, notice.answer) == (DeliveryState.FAILED, "no answer in time")
    assert 20 < notice.attempts < 40


async def test_a_channel_that_failed_until_the_end_hears_of_the_end(watched):
    watched.mailbox.broken["all"] = "HTTP 502"
    await settled(watched, condition())
    await settled(watched)
    watched.mailbox.broken.clear()
    watched.clock.pass_(HOUR)
    await watched.deliver()
    assert watched.mailbox.titles() == ["Over: The disk is nearly full: 5 MB left"]


async def test_a_channel_that_was_taken_out_of_the_settings_fails_and_says_so(watched):
    await watched.notify.settle([condition()], kinds=())
    watched.channels = []
    await watched.deliver()
    (alert,) = await watched.alerts()
    assert [(one.state, one.answer) for one in alert.deliveries] == [(DeliveryState.FAILED, GONE)]


async def test_a_notice_survives_the_process_that_was_about_to_send_it(watched, tmp_path):
    await watched.notify.settle([condition()], kinds=())
    taken = await watched.alert_book.take_due(now=START, lease_for=LEASE, limit=9)
    assert len(taken) == 1
    other = Watched(tmp_path / "w.db", node="b")
    await other.deliver()
    assert other.mailbox.titles() == []
    other.clock.pass_(LEASE)
    await other.deliver()
    await other.store.close()
    assert other.mailbox.titles() == ["The disk is nearly full: 5 MB left"]


async def test_without_channels_an_alert_is_kept_and_logged(watched):
    watched.channels = []
    with capture_logs() as told:
        await settled(watched, condition())
    (alert,) = await watched.alerts()
    assert alert.deliveries == ()
    assert [one["says"] for one in told] == ["The disk is nearly full: 5 MB left"]


async def test_a_test_writes_to_every_channel_and_tells_what_each_answered(watched):
    watched.mailbox.broken["crit"] = "HTTP 401"
    answers = await watched.notify.test()
    assert [(channel.key, answer) for channel, answer in answers] == [
        ("all", ""),
        ("crit", "HTTP 401"),
    ]
    assert watched.mailbox.titles() == ["Terkirim: this channel works"]


async def test_alerts_speak_bahasa_indonesia(tmp_path):
    one = Watched(tmp_path / "w.db", language="id")
    await one.check(9_000)
    await one.store.close()
    assert one.mailbox.titles() == ["Mailketing: sisa 9.000 kredit"]


# What is looked at.


async def mail(watched, *results, count=1):
    """Accept mail, and let its attempts end as told."""
    now = watched.clock.now()
    mails = tuple(an_email(now=now) for _ in range(count))
    await watched.store.accept(Submission(emails=mails, now=now))
    wish = ClaimWish(limit=len(results), now=now, lease_for=timedelta(seconds=60))
    claim = await watched.store.claim(wish) if results else None
    for work, result in zip(claim.works if claim else (), results, strict=True):
        facts = Facts(
            now=now,
            started_at=now,
            duration_us=1,
            schedule=RetrySchedule(jitter=0.0),
            unclear_wait=MINUTE,
            spread=0.0,
            route=("mailketing",),
        )
        await watched.store.settle(verdict(work.lease, result, facts))


async def looked(watched, span=timedelta(0)):
    watched.clock.pass_(span)
    await watched.conditions.look()
    await watched.deliver()
    return watched.mailbox.titles()


async def test_a_gateway_that_is_well_raises_nothing(watched):
    await mail(watched)
    assert await looked(watched) == []


async def test_a_pause_is_told_when_it_begins_and_when_it_ends_however_short(watched):
    await mail(watched, OutOfCredits("saldo habis"))
    for _ in range(3):
        await watched.conditions.look_at_pauses()
        await watched.deliver()
    assert watched.mailbox.titles() == ["Mailketing: no credits are left"]
    await watched.store.resume("mailketing")
    await watched.conditions.look_at_pauses()
    await watched.deliver()
    assert watched.mailbox.titles()[1:] == ["Over: Mailketing: no credits are left"]


async def test_a_pause_without_a_reason_is_told_without_one(watched):
    await settled(
        watched,
        pause_condition(
            PauseSeen(provider="mailketing", sender="", fault="QuotaReached", reason="")
        ),
        kinds=(conditions.PROVIDER_PAUSED,),
    )
    (alert,) = await watched.alerts()
    assert alert.body == "Its mail waits and nothing is lost."


@pytest.mark.parametrize(
    ("fault", "title"),
    [
        (Unauthorised("Invalid Token"), "Mailketing refuses our key"),
        (OutOfCredits("saldo habis"), "Mailketing: no credits are left"),
        (
            SenderRefused("not approved", sender="toko@example.com"),
            "Mailketing refuses the sender toko@example.com",
        ),
    ],
    ids=["key", "credits", "sender"],
)
async def test_a_fault_of_the_provider_is_told_at_once_and_its_end_too(watched, fault, title):
    await mail(watched, fault)
    assert await looked(watched) == [title]
    sender = getattr(fault, "sender", "")
    await watched.store.resume("mailketing", sender=sender)
    assert await looked(watched) == [title, f"Over: {title}"]


async def test_a_pause_by_hand_is_told_after_five_minutes(watched):
    pause = Pause(
        provider="mailketing", sender="", fault=BY_HAND, reason="moving", since=START, until=None
    )
    await watched.store.pause(pause)
    assert await looked(watched) == []
    assert await looked(watched, 4 * MINUTE) == []
    assert await looked(watched, MINUTE) == ["Mailketing is paused"]


async def test_a_breaker_that_is_open_is_told_after_five_minutes_whatever_it_tries_between(watched):
    await mail(watched, *[Unclear("line broke")] * 3, count=3)
    assert await looked(watched) == []
    assert await looked(watched, 3 * MINUTE) == []
    wish = ClaimWish(limit=1, now=watched.clock.now(), lease_for=MINUTE)
    await watched.store.accept(
        Submission(emails=(an_email(now=watched.clock.now()),), now=watched.clock.now())
    )
    assert len((await watched.store.claim(wish)).works) == 1  # the probe: half open now
    assert await looked(watched, MINUTE) == []
    titles = await looked(watched, MINUTE)
    assert titles == ["Mailketing does not take mail"]


async def test_mail_that_waits_too_long_is_told(watched):
    await mail(watched)
    assert await looked(watched, 15 * MINUTE) == []
    assert await looked(watched, MINUTE) == ["Mail has waited for 16 minutes"]


async def test_bounces_complaints_and_dead_letters_of_the_day_are_told(watched):
    await watched.send(1_000)
    await watched.count("event_first", "mailketing:bounced", 51)
    await watched.count("event_first", "mailketing:complained", 4)
    await mail(watched, Rejected("no such user"))
    assert sorted(await looked(watched)) == [
        "1 message could not be sent",
        "The bounce rate is 5.1 %",
        "The complaint rate is 0.4 %",
    ]
    assert len(await looked(watched, 2 * DAY)) == 5  # rates that fell are over; the dead are quiet


async def test_words_that_nobody_knows_are_told_once(watched):
    odd = Deferred("HTTP 400: unknown answer: Gangguan 7X", is_unknown_answer=True)
    await mail(watched, odd, odd, count=2)
    assert await looked(watched) == ["Mailketing answered in words that are not known"]
    (alert,) = await watched.alerts()
    assert "Gangguan 7X" in alert.body


async def test_a_disk_that_fills_is_told_and_worse_when_mail_is_refused(watched):
    watched.free = 150_000_000
    assert await looked(watched) == ["The disk is nearly full: 150 MB left"]
    watched.free = 90_000_000
    assert len(await looked(watched)) == 2
    watched.free = 10**12
    assert (await looked(watched))[2:] == ["Over: The disk is nearly full: 90 MB left"]


# The summary of a day.


def summary_of(watched):
    return Summary(
        notify=watched.notify,
        book=watched.alert_book,
        standings=watched.standings.all,
        manners=watched.manners,
        clock=watched.clock,
    )


async def test_the_summary_comes_once_a_day_at_nine_in_the_operators_zone(watched):
    watched.clock.present = START.replace(hour=1, minute=59)  # one minute to nine
    summary = summary_of(watched)
    told = []
    for _ in range(26 * 60):
        told.append(await summary.tell_when_due())
        watched.clock.pass_(MINUTE)
    await watched.deliver()
    assert [at for at, is_told in enumerate(told) if is_told] == [1, 1 + 24 * 60]
    assert watched.mailbox.titles() == [
        "Terkirim: summary of 2026-01-05",
        "Terkirim: summary of 2026-01-06",
    ]


@pytest.mark.parametrize(
    ("hour", "minute", "is_due"), [(1, 59, False), (2, 0, True), (4, 59, True), (5, 0, False)]
)
def test_a_summary_is_due_from_nine_to_noon(hour, minute, is_due):
    now = START.replace(hour=hour, minute=minute)
    assert (day_due(now, JAKARTA) is not None) is is_due


async def test_who_was_down_at_nine_tells_the_summary_late_and_who_is_new_does_not(
    watched,
):
    watched.clock.present = START.replace(hour=3)  # ten
    assert not await summary_of(watched).tell_when_due()
    watched.clock.present = START.replace(day=6, hour=2)
    assert await summary_of(watched).tell_when_due()
    watched.clock.present = START.replace(day=8, hour=3)
    assert await summary_of(watched).tell_when_due()
    watched.clock.present = START.replace(day=16, hour=3)
    assert not await summary_of(watched).tell_when_due()


async def test_the_summary_tells_mail_credits_and_what_is_wrong(watched):
    await watched.history(an_hour=100)
    await watched.check(9_000)
    await watched.send(250)
    watched.clock.present = START.replace(day=6, hour=2)
    assert await summary_of(watched).tell_when_due()
    (alert,) = await watched.alerts(kinds=["summary"])
    mail, credits_, wrong = alert.body.splitlines()
    assert mail == "In 24 hours: 250 accepted, 0 bounced, 0 could not be sent."
    assert credits_.startswith("Mailketing: 8,750 credits, about 2,400 a day. They last about ")
    assert wrong == "1 alert is open: Mailketing: 9,000 credits left"


async def test_a_quiet_gateway_says_that_nothing_is_wrong(watched):
    watched.clock.present = START.replace(day=6, hour=2)
    await summary_of(watched).tell_when_due()
    (alert,) = await watched.alerts(kinds=["summary"])
    assert alert.body.splitlines()[1:] == [
        "Mailketing: the balance is not known.",
        "Nothing is wrong.",
    ]
