"""What every database promises of statistics: what is counted, on which day, and how it adds up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from terkirim.domain.delivery import Outcomes
from terkirim.domain.outcome import Accepted, Deferred, Unclear
from terkirim.ports.statistics import Ask
from terkirim.reports.delivery import BY, Delivery, delivery
from terkirim.reports.latency import latency
from terkirim.reports.retries import retries
from terkirim.reports.spans import Span, last_days
from terkirim.store.counting import KEYS_A_DAY, OTHERS
from terkirim.store.times import micros
from tests.contract.conftest import GATES, SECOND, START, an_email
from tests.contract.tracked import LATER

JAKARTA = ZoneInfo("Asia/Jakarta")
HOUR = timedelta(hours=1)
NOW = START + HOUR
SPAN = last_days(7, now=NOW, zone=JAKARTA)


@pytest.fixture
async def node(open_tracked):
    return await open_tracked()


@pytest.fixture
def statistics(node, database):
    return database.books(node.store).statistics


def line(found: Delivery, key: str) -> Outcomes:
    (one,) = [one for one in found.lines if one.key == key]
    return one.outcomes


async def test_mail_is_counted_by_sender_tag_provider_hour_and_day_as_it_is_accepted(
    node, statistics
):
    email = an_email(tags=(("campaign", "juli"), ("kind", "otp")))
    await node.sent(email)
    one = Outcomes(accepted=1)
    keys = {
        "hour": "2026-01-05T10:00:00+07:00",
        "day": "2026-01-05",
        "tag": "campaign=juli",
        "sender": "toko@example.com",
        "provider": "first",
    }
    assert tuple(keys) == BY
    for by, key in keys.items():
        found = await delivery(statistics, span=SPAN, by=by)
        assert (line(found, key), found.total) == (one, one), by
    assert line(await delivery(statistics, span=SPAN, by="tag"), "kind=otp") == one


async def test_what_a_provider_says_later_is_counted_by_tag_and_sender_too(node, statistics):
    email = an_email(tags=(("campaign", "juli"),))
    await node.sent(email)
    await node.say("emailopen", email)
    await node.say("emailclick", email)
    await node.say("unsubscribe", email)
    expected = Outcomes(accepted=1, delivered=1, opened=1, clicked=1, unsubscribed=1)
    for by, key in (("tag", "campaign=juli"), ("sender", "toko@example.com")):
        assert line(await delivery(statistics, span=SPAN, by=by), key) == expected


async def test_the_mail_of_the_sandbox_is_in_no_statistic(node, statistics):
    await node.accept(an_email(tags=(("campaign", "juli"),)))
    (work,) = await node.take()
    work = replace(work, lease=replace(work.lease, provider="sandbox"))
    await node.settle(work, Accepted("ref", is_sandbox=True))
    for by in BY:
        found = await delivery(statistics, span=SPAN, by=by)
        assert found.total == Outcomes()
        assert not any(one.outcomes != Outcomes() for one in found.lines)
    assert (await latency(statistics, span=SPAN)).total.count == 0


async def test_a_message_that_only_an_event_says_was_taken_counts_as_accepted_once(
    node, statistics
):
    email = an_email(tags=(("campaign", "juli"),))
    await node.accept(email)
    (work,) = await node.take()
    await node.settle(work, Unclear("no answer in time"))
    await node.say("delivered", email)
    await node.say("delivered", email, at=LATER + SECOND)
    expected = Outcomes(accepted=1, delivered=1)
    for by in BY:
        assert (await delivery(statistics, span=SPAN, by=by)).total == expected
    assert line(await delivery(statistics, span=SPAN, by="tag"), "campaign=juli") == expected


async def test_an_event_that_comes_before_an_answer_that_says_nothing_counts_once(node, statistics):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.say("delivered", email)
    await node.settle(work, Unclear("no answer in time"), now=LATER + SECOND)
    expected = Outcomes(accepted=1, delivered=1)
    assert (await delivery(statistics, span=SPAN)).total == expected
    assert line(await delivery(statistics, span=SPAN, by="sender"), "toko@example.com") == expected


async def test_a_day_is_the_operators(node, database, statistics):
    late = datetime(2026, 1, 4, 16, 59, tzinfo=UTC)  # 23:59 in Jakarta
    rows = [(micros(at), "event_first", "first:accepted", 1) for at in (late, late + HOUR / 30)]
    await database.count(node.store, rows)
    found = await delivery(statistics, span=SPAN)
    assert [one.key for one in found.lines][-2:] == ["2026-01-04", "2026-01-05"]
    assert [one.outcomes.accepted for one in found.lines][-2:] == [1, 1]
    assert len(found.lines) == SPAN_DAYS
    one_day = Span(since=late, until=late + SECOND, zone=JAKARTA)
    assert (await delivery(statistics, span=one_day, by="provider")).total.accepted == 1


SPAN_DAYS = 7


async def test_days_that_were_counted_in_another_zone_keep_their_dates(
    open_node, database, statistics
):
    other = await open_node("b", replace(GATES, zone=ZoneInfo("Asia/Jayapura")))
    await database.count(other.store, [(micros(START), "event_first", "first:accepted", 1)])
    assert line(await delivery(statistics, span=SPAN), "2026-01-05").accepted == 1
    today = last_days(1, now=START, zone=JAKARTA)
    assert (await delivery(statistics, span=today, by="provider")).total.accepted == 1


async def test_several_nodes_add_up(open_node, database, statistics):
    for name in ("b", "c", "d"):
        node = await open_node(name)
        await database.count(node.store, [(micros(START), "outcome", "first:accepted:1", 2)])
    found = await statistics.sums(
        Ask(kinds=("outcome",), since=SPAN.since, until=SPAN.until, by_day=True)
    )
    assert found == [("outcome", "first:accepted:1", 6)]


async def test_tags_beyond_a_days_room_are_counted_as_one(node, statistics):
    day = int(START.timestamp()) // 86_400
    rows = ", ".join(f"({day}, 'event_tag', 't={n}')" for n in range(KEYS_A_DAY))
    await node.write(f"INSERT INTO rollup_keys (day, kind, key) VALUES {rows}")
    for tag in ("a", "b", "7"):
        await node.sent(an_email(tags=(("t", tag),)))
    found = await delivery(statistics, span=SPAN, by="tag")
    assert line(found, OTHERS).accepted == 2
    assert line(found, "t=7").accepted == 1


async def test_a_long_span_counts_each_day_once_whole_months_or_not(node, statistics):
    moments = [START + timedelta(days=days) for days in (0, 26, 27, 40, 70, 100)]
    for at in moments:
        await node.sent(an_email(tags=(("t", "x"),)), now=at)
    days = [datetime(2026, month, day, tzinfo=JAKARTA) for month in (1, 2, 4) for day in (1, 5, 15)]
    for since in days:
        for until in (one for one in (*days, datetime(2027, 1, 1, tzinfo=JAKARTA)) if one > since):
            span = Span(since=since, until=until, zone=JAKARTA)
            for by in ("tag", "sender"):
                found = await delivery(statistics, span=span, by=by)
                expected = sum(since <= at < until for at in moments)
                assert sum(one.outcomes.accepted for one in found.lines) == expected, (since, until)


async def test_the_tags_with_most_mail_come_first_and_more_are_pointed_out(node, statistics):
    for tag in ("rare", "often", "often"):
        await node.sent(an_email(tags=(("t", tag),)))
    found = await delivery(statistics, span=SPAN, by="tag", limit=1)
    assert ([one.key for one in found.lines], found.has_more) == (["t=often"], True)
    assert not (await delivery(statistics, span=SPAN, by="tag", limit=2)).has_more


async def test_latency_is_that_from_the_submission_with_all_waits_in_it(node, statistics):
    await node.accept(an_email())
    (work,) = await node.take()
    await node.settle(work, Deferred("busy"))
    (work,) = await node.take(now=START + 100 * SECOND)
    await node.settle(work, Accepted("ref"), now=START + 100 * SECOND)
    found = await latency(statistics, span=SPAN)
    assert found.total.count == 1
    assert 100 * SECOND <= found.total.p50 <= 120 * SECOND
    assert [one.key for one in found.lines] == ["2026-01-05"]


async def test_latency_of_scheduled_mail_begins_when_it_could_leave(open_node, database):
    node = await open_node()
    await node.accept(an_email(scheduled_at=START + HOUR))
    at = START + HOUR
    (work,) = await node.take(now=at)
    await node.settle(work, Deferred("busy"), now=at)
    (work,) = await node.take(now=at + 10 * SECOND)
    await node.settle(work, Accepted("ref"), now=at + 10 * SECOND)
    found = await latency(database.books(node.store).statistics, span=SPAN, by="hour")
    assert 10 * SECOND <= found.total.p99 <= 12 * SECOND
    assert [one.key for one in found.lines] == ["2026-01-05T11:00:00+07:00"]


async def test_retries_tell_what_helped_why_and_how_long_was_waited(node, statistics):
    await node.accept(an_email())
    (work,) = await node.take()
    await node.settle(work, Deferred("busy", code="503"))
    (work,) = await node.take(now=START + 10 * SECOND)
    await node.settle(work, Accepted("ref"), now=START + 10 * SECOND)
    found = await retries(statistics, now=NOW, zone=JAKARTA, days=2)
    assert (found["attempts"], found["retries"], found["accepted_after_retry"]) == (2, 1, 1)
    assert found["success_rate_after_retry"] == 1
    assert found["by_attempt"] == [
        {"attempt": 1, "deferred": 1},
        {"attempt": 2, "accepted": 1},
    ]
    assert found["reasons"] == [{"reason": "deferred:503", "count": 1}]
    ((wait,),) = [found["waits"]]
    assert wait["count"] == 1
    (hour,) = found["waits_by_hour"]
    assert (hour["hour"], hour["count"]) == ("2026-01-05T10:00:00+07:00", 1)
    assert 2 <= hour["p50_seconds"] <= 2.4


async def test_without_retries_no_rate_is_made_up(statistics):
    found = await retries(statistics, now=NOW, zone=JAKARTA, days=1)
    assert found["success_rate_after_retry"] is None
    assert (found["attempts"], found["waits_by_hour"]) == (0, [])
