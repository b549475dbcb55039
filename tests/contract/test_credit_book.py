"""The credit book under contract: readings, what was spent, what waits, the allowance."""

from datetime import timedelta

import pytest

from terkirim.domain.alert import Activity
from terkirim.domain.credit import Reading, Source, Spent
from terkirim.domain.email import Priority
from terkirim.domain.outcome import Accepted, Deferred
from terkirim.ports import Pause
from terkirim.store.times import micros
from tests.contract.conftest import GATES, START, an_email

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROUTES = GATES.routes


@pytest.fixture
def book(node, database):
    return database.books(node.store).credits


def reading(left, at=START, **changes):
    return Reading(provider="first", at=at, credits=left, **changes)


def bounced(at, count):
    """Return what is to be counted where events tell of bounces."""
    return [
        (micros(at), "event_first", f"first:{what}", n)
        for what, n in (("bounced", count), ("opened", 7))
    ]


async def send(node, count, result=None):
    await node.accept(*[an_email(now=node.now) for _ in range(count)])
    for work in await node.take():
        await node.settle(work, result or Accepted("ref"))


async def test_a_reading_is_kept_with_what_its_hour_had_used_before_it(node, book, database):
    await send(node, 3)
    await database.count(node.store, bounced(START, 2))
    kept = await book.keep_reading(reading(500))
    assert (kept.sent_before, kept.bounced_before) == (3, 2)
    assert (await book.last_readings("first", checks=5)).known == kept


async def test_only_what_a_provider_took_is_spent_by_the_hour(node, book, database):
    await send(node, 2)
    await send(node, 1, Deferred("busy"))
    node.now = START + 2 * HOUR
    await send(node, 4)
    await database.count(node.store, bounced(START + HOUR, 5))
    hour = micros(START) // 3_600_000_000
    assert await book.spent("first", since=START, until=node.now) == [
        Spent(hour, 2, 0),
        Spent(hour + 1, 0, 5),
        Spent(hour + 2, 5, 0),  # the deferred one too
    ]
    assert await book.spent("second", since=START, until=node.now) == []
    assert await book.spent("first", since=START + HOUR, until=START + HOUR) == [
        Spent(hour + 1, 0, 5)
    ]


async def test_a_failed_check_is_kept_and_does_not_hide_the_last_balance(book):
    await book.keep_reading(reading(500))
    failed = reading(None, at=START + HOUR, fault="Deferred", reason="HTTP 503")
    await book.keep_reading(failed)
    await book.keep_reading(reading(480, at=START + 2 * HOUR, source=Source.SEND))
    last = await book.last_readings("first", checks=5)
    assert last.known.credits == 480
    assert [(one.credits, one.fault) for one in last.checks] == [(None, "Deferred"), (500, "")]
    assert len((await book.last_readings("first", checks=1)).checks) == 1


async def test_a_check_is_kept_with_the_activity_of_who_asked(node, book, database):
    asked = Activity(at=START, who="cli", what="credits checked", subject="first")
    await book.keep_reading(reading(500), asked)
    assert await database.books(node.store).people.activity(limit=9) == [asked]


async def test_a_provider_that_was_never_read_has_no_readings(book):
    last = await book.last_readings("first", checks=5)
    assert (last.known, last.checks) == (None, ())
    assert await book.reading_counts("first", since=START) == (0, None, None)


async def test_readings_are_listed_newest_first_and_counted(book):
    for hours, left in enumerate((500, None, 300)):
        await book.keep_reading(reading(left, at=START + hours * HOUR))
    await book.keep_reading(reading(250, at=START + 3 * HOUR, source=Source.SEND))
    listed = await book.readings("first", since=START, limit=3)
    assert [one.credits for one in listed] == [250, 300, None]
    assert await book.reading_counts("first", since=START) == (3, 350, 250)
    assert len(await book.readings("first", since=START + 2 * HOUR, limit=9)) == 2


async def test_a_chart_has_the_last_balance_of_each_stretch(book):
    for minutes, left in ((0, 500), (20, 480), (40, None), (70, 400), (200, 350)):
        await book.keep_reading(reading(left, at=START + timedelta(minutes=minutes)))
    minute = timedelta(minutes=1)
    assert await book.balances("first", since=START, each=HOUR) == [
        (START + 20 * minute, 480),
        (START + 70 * minute, 400),
        (START + 200 * minute, 350),
    ]
    later = START + 60 * minute
    assert len(await book.balances("first", since=later, each=HOUR)) == 2
    assert await book.balances("second", since=START, each=HOUR) == []


async def test_balances_in_answers_to_mails_are_forgotten_after_a_month_and_checks_are_not(book):
    for source in Source:
        await book.keep_reading(reading(500, source=source))
    await book.keep_reading(reading(400, at=START + 30 * DAY, source=Source.SEND))
    assert len(await book.readings("first", since=START, limit=9)) == 3
    late = START + 30 * DAY + timedelta(seconds=1)
    await book.keep_reading(reading(300, at=late, source=Source.SEND))
    kept = await book.readings("first", since=START, limit=9)
    assert [(one.credits, one.source) for one in kept] == [
        (300, Source.SEND),
        (400, Source.SEND),
        (500, Source.CHECK),
    ]


async def test_the_same_reading_twice_is_one(book):
    for _ in range(2):
        await book.keep_reading(reading(500))
    assert len(await book.readings("first", since=START, limit=9)) == 1


async def test_what_waits_is_counted_by_when_it_is_due_and_for_whom(node, book):
    later = START + 5 * HOUR
    await node.accept(an_email(), an_email(), an_email(scheduled_at=later))
    await node.accept(an_email(scheduled_at=later + HOUR / 2), an_email(scheduled_at=later + HOUR))
    waiting = await book.waiting("first", routes=ROUTES, now=START)
    hour = micros(later) // 3_600_000_000
    assert (waiting.due, waiting.later) == (2, ((hour, 2), (hour + 1, 1)))
    assert waiting.count == 5
    assert (await book.waiting("second", routes=ROUTES, now=START)).count == 0
    assert (await book.waiting("first", routes={}, now=START)).count == 0


async def test_mail_in_the_air_and_unclear_waits_and_mail_for_the_next_provider_is_not_counted(
    node, book
):
    await node.accept(an_email(), an_email())
    (one,) = await node.take(1)
    assert (await book.waiting("first", routes=ROUTES, now=START)).due == 2
    for _ in range(4):  # past the quick part it goes to the second provider
        await node.settle(one, Deferred("busy"), now=node.now)
        node.now += 30 * timedelta(seconds=1)
        works = [work for work in await node.take() if work.lease.email_id == one.lease.email_id]
        one = works[0]
    assert one.lease.provider == "second"
    assert (await book.waiting("second", routes=ROUTES, now=node.now)).due == 1


async def test_rows_of_a_campaign_that_were_stored_before_are_counted(node, book):
    await node.accept(*[an_email(campaign="juli", row=str(n)) for n in range(3)])
    await node.accept(an_email(campaign="other", row="1"))
    assert await book.stored_rows("juli") == 3
    assert await book.stored_rows("unknown") == 0


async def allow(book, left, provider="first"):
    read = Reading(provider=provider, at=START, credits=left)
    await book.renew_allowance(read, allow=lambda *_: left)


def priorities(works):
    return sorted(work.lease.priority for work in works)


async def test_the_last_credits_are_kept_for_mail_of_high_priority(node, book):
    await node.store.pause(
        Pause(provider="second", sender="", fault="by hand", reason="x", since=START, until=None)
    )
    mails = [an_email(priority=one) for one in Priority for _ in range(5)]
    await node.accept(*mails)
    await allow(book, 0)
    assert priorities(await node.take()) == [Priority.HIGH] * 5
    assert await node.take() == []
    await book.renew_allowance(reading(9), allow=lambda *_: None)  # a top-up
    assert len(await node.take()) == 10


async def test_an_allowance_is_used_up_by_claims_whatever_node_makes_them(open_node, database):
    one, other = await open_node("a"), await open_node("b")
    book = database.books(one.store).credits
    await one.store.pause(
        Pause(provider="second", sender="", fault="by hand", reason="x", since=START, until=None)
    )
    mails = [an_email(priority=one) for one in Priority for _ in range(10)]
    await one.accept(*mails)
    await allow(book, 7)
    first, second = await one.take(12), await other.take()
    taken = priorities([*first, *second])
    assert taken.count(Priority.HIGH) == 10
    assert len(taken) == 17
    assert await book.allowance("first") == 0


async def test_mail_that_may_not_use_the_last_credits_waits_and_goes_to_no_other_provider(
    node, book
):
    await node.accept(*[an_email(priority=one) for one in Priority])
    await allow(book, 0)
    (work,) = await node.take()
    assert (work.lease.priority, work.lease.provider) == (Priority.HIGH, "first")


async def test_an_allowance_is_set_by_what_was_spent_since_and_by_what_is_in_the_air(node, book):
    await send(node, 3)
    read = await book.keep_reading(reading(500))
    await send(node, 2)
    await node.accept(an_email(), an_email())
    await node.take(1)
    asked = []

    def allow(spent, in_air):
        asked.append((sum(one.sent for one in spent), in_air))
        return 42

    assert await book.renew_allowance(read, allow=allow) == 42
    assert asked == [(5, 1)]
    assert await book.allowance("first") == 42
    await book.renew_allowance(read, allow=lambda *_: 7)
    assert await book.allowance("first") == 7
    await book.renew_allowance(read, allow=lambda *_: None)
    assert await book.allowance("first") is None
