"""What every store promises of raw callbacks: each is kept once, and applied once."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from terkirim.domain.errors import StoreUnavailable
from terkirim.domain.message import State
from terkirim.domain.outcome import Deferred
from terkirim.ports.tracking import EventFilter, ReplayFilter
from terkirim.store import weighing
from terkirim.tracking.signature import Shown
from terkirim.tracking.suppression_csv import Entry
from tests.contract.conftest import SECOND, START, an_email, new_id
from tests.contract.tracked import LATER, MINUTE

WRONG = Shown(token="wrong")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def node(open_tracked):
    return await open_tracked()


async def test_a_callback_is_on_disk_before_it_is_acknowledged_and_is_applied_after_a_new_start(
    open_tracked,
):
    first, email = await open_tracked("a"), an_email()
    await first.sent(email)
    await first.say("emailopen", email, apply=False)
    await first.store.close()  # and nothing was applied

    second = await open_tracked("b")
    assert (await second.message(email.id)).state is State.ACCEPTED
    await second.applier.apply_kept()
    assert (await second.message(email.id)).state is State.DELIVERED


async def test_a_dated_body_is_a_repeat_for_ever_however_it_is_written(node):
    email = an_email()
    await node.sent(email)
    body = {"type": "emailopen", "email": "budi@example.com", "message_id": email.id}
    body["date"] = "2026-01-05T03:01:00Z"
    assert await node.post(body)
    node.clock.at += 30 * DAY
    assert not await node.post(dict(reversed(body.items())))
    assert not await node.post(
        b"type=emailopen&email=budi%40example.com&date=2026-01-05T03%3A01%3A00Z&message_id="
        + email.id.encode()
    )
    assert await node.count_of("events") == await node.count_of("callbacks") == 1


async def test_a_body_without_a_date_repeats_for_ten_minutes_only(node):
    email = an_email()
    await node.sent(email)
    body = {"type": "emailopen", "email": "budi@example.com", "message_id": email.id}
    minutes = [0, 5, 9, 10, 15, 21]
    took = []
    for minute in minutes:
        node.clock.at = LATER + minute * MINUTE
        took.append(await node.post(body))
    assert took == [True, False, False, True, False, True]
    assert await node.count_of("events") == 3


async def test_the_same_body_many_times_in_one_group_is_kept_once(node):
    email = an_email()
    await node.sent(email)
    took = await asyncio.gather(
        *[node.say("emailclick", email, link_clicked="x") for _ in range(40)]
    )
    assert sum(took) == 1
    assert await node.count_of("events") == 1
    assert await node.counted("callback") == {"mailketing:kept": 1, "mailketing:repeated": 39}


async def test_two_nodes_that_apply_at_once_apply_each_callback_once(open_tracked):
    one, other = await open_tracked("a"), await open_tracked("b")
    emails = [an_email(to=(f"p{n}@example.com",)) for n in range(60)]
    await one.accept(*emails)
    for email in emails:
        await one.say("emailopen", email, apply=False)
    await asyncio.gather(one.applier.apply_kept(), other.applier.apply_kept())
    assert await one.count_of("events") == 60
    assert await one.counted("event") == {"mailketing:opened": 60}


async def test_who_reads_the_log_while_two_nodes_write_it_misses_nothing(open_tracked):
    nodes = await open_tracked("a"), await open_tracked("b")
    emails = [an_email(to=(f"p{n}@example.com",)) for n in range(60)]
    await nodes[0].accept(*emails)
    saying = [nodes[n % 2].say("emailopen", email) for n, email in enumerate(emails)]
    writing = asyncio.gather(*saying)
    seen, last, is_over = [], 0, False
    while not is_over:
        is_over = writing.done()
        while rows := await nodes[0].events.events_after(last, limit=7):
            seen += [row.message_id for row in rows]
            last = rows[-1].seq
    await writing
    assert sorted(seen) == sorted(email.id for email in emails)


async def test_what_is_settled_while_another_node_hears_of_it_is_not_sent_again(open_tracked):
    one, other = await open_tracked("a"), await open_tracked("b")
    emails = [an_email(to=(f"p{n}@example.com",)) for n in range(40)]
    await one.accept(*emails)
    works = await one.take()
    settling = [one.settle(work, Deferred("busy")) for work in works]
    await asyncio.gather(*settling, *[other.say("emailopen", email) for email in emails])
    assert not await one.take(now=START + DAY)
    assert {await one.state(email.id) for email in emails} == {State.DELIVERED}
    assert await one.counted("event") == {"mailketing:opened": 40}


async def test_a_replay_looks_for_missing_messages_and_brings_no_event_twice(node):
    email = an_email()
    await node.sent(email)
    await node.say("emailopen", email)
    await node.post({"type": "newsubscriber", "email": "budi@example.com"})
    late = {"type": "spam", "email": "late@example.com", "message_id": (late_id := new_id())}
    await node.post(late)
    node.clock.at += 10 * DAY  # nobody looks by itself any more
    await node.applier.rematch()
    lost = an_email(to=("late@example.com",))
    lost = replace(lost, id=late_id, messages=(replace(lost.messages[0], id=late_id),))
    await node.accept(lost)
    before = await node.counted("event")

    done = await node.applier.replay(ReplayFilter())
    assert (done.asked, done.matched, done.unmatched, done.not_understood) == (2, 1, 0, 1)
    done = await node.applier.replay(ReplayFilter(is_all=True))
    assert (done.asked, done.matched) == (3, 0)
    assert await node.count_of("events") == 2
    assert await node.counted("event") == before | {"mailketing:complained": 1}
    done = await node.applier.replay(ReplayFilter(is_all=True, since=node.clock.at))
    assert done.asked == 0


async def test_an_event_leads_to_the_callback_that_it_was_made_of(node):
    email = an_email()
    await node.sent(email)
    await node.say("emailopen", email)
    await node.say("bounce", an_email(), reason="550 no such user")  # of no message here
    (matched,) = await node.events.events(EventFilter())
    (waiting,) = await node.events.unmatched(limit=9)
    for event in (matched, waiting):
        assert await node.events.event(event.id) == event
        callback = await node.tracking.callback_of(event)
        assert callback.state == "applied"
        assert f'"{event.reference}"' in callback.body
    assert await node.events.event("unknown") is None
    await node.write("DELETE FROM callbacks")
    assert await node.tracking.callback_of(matched) is None


async def test_one_callback_is_replayed_alone(node):
    for n in range(3):
        await node.post({"type": "odd", "n": n})
    page = await node.events.set_aside(limit=2)
    rest = await node.events.set_aside(limit=9, before=page[-1].seq)
    assert [f'"n": {n}' in one.body for n, one in zip((2, 1, 0), (*page, *rest), strict=True)]
    assert {one.state for one in (*page, *rest)} == {"nothing"}
    assert all(one.note for one in page)
    done = await node.applier.replay_one(page[0])
    assert (done.asked, done.not_understood) == (1, 1)

    email = an_email(to=("late@example.com",))
    early = {"type": "emailopen", "email": "late@example.com", "message_id": email.messages[0].id}
    await node.post(early | {"date": LATER.isoformat()})
    await node.sent(email)
    (waiting,) = await node.events.unmatched(limit=9)
    done = await node.applier.replay_one(await node.tracking.callback_of(waiting))
    assert done.matched == 1
    assert await node.events.unmatched(limit=9) == []
    (event,) = await node.events.events(EventFilter())
    assert (event.id, event.message_id) == (waiting.id, email.messages[0].id)


async def test_an_event_that_was_lost_after_it_was_kept_comes_back_by_a_replay(node):
    email = an_email()
    await node.sent(email)
    await node.say("emailopen", email)
    await node.write("DELETE FROM events")
    done = await node.applier.replay(ReplayFilter(is_all=True))
    assert (done.matched, await node.count_of("events")) == (1, 1)


async def test_one_callback_that_cannot_be_applied_stops_no_other(node, monkeypatch):
    emails = [an_email(to=(f"p{n}@example.com",)) for n in range(9)]
    await node.accept(*emails)
    for email in emails:
        await node.say("emailopen", email, apply=False)
    weighed = weighing.weighed

    def breaking(standing, events):
        if any(event.recipient == "p4@example.com" for event in events):
            raise ZeroDivisionError
        return weighed(standing, events)

    monkeypatch.setattr(weighing, "weighed", breaking)
    await node.applier.apply_kept()
    assert await node.count_of("events") == 8
    assert (await node.events.intake()).set_aside == 1
    monkeypatch.undo()
    done = await node.applier.replay(ReplayFilter())
    assert (done.matched, await node.count_of("events")) == (1, 9)


async def test_while_the_store_is_away_nothing_is_acknowledged_and_nothing_set_aside(node):
    await node.store.close()
    with pytest.raises(StoreUnavailable):
        await node.post({"type": "emailopen", "email": "budi@example.com"})


async def test_ten_thousand_refused_callbacks_are_a_count_and_one_row_of_the_activity(node):
    for _ in range(10_000):
        with pytest.raises(Exception, match="missing or wrong"):
            node.intake.admit("mailketing", WRONG)
    with pytest.raises(ValueError, match="neither JSON nor a form"):
        await node.post(b"nonsense")
    await node.intake.flush()
    node.clock.at += 10 * SECOND
    with pytest.raises(Exception, match="missing or wrong"):
        node.intake.admit("mailketing", WRONG)
    await node.intake.flush()
    await node.intake.flush()
    assert await node.counted("callback") == {
        "mailketing:refused": 10_001,
        "mailketing:unreadable": 1,
    }
    facts = {"mailketing:refused": 10_001, "mailketing:unreadable": 1}
    assert await node.activity() == [("outside", "callback refused", "callbacks", facts)]
    assert await node.count_of("callbacks") == 0
    node.clock.at += HOUR
    with pytest.raises(Exception, match="missing or wrong"):
        node.intake.admit("mailketing", WRONG)
    await node.intake.flush()
    assert await node.count_of("activity") == 2


async def test_counts_that_could_not_be_written_are_written_later(open_tracked):
    node = await open_tracked("a")
    with pytest.raises(Exception, match="missing or wrong"):
        node.intake.admit("mailketing", WRONG)
    await node.store.close()
    with pytest.raises(StoreUnavailable):
        await node.intake.flush()
    again = await open_tracked("b")
    node.intake._log = again.tracking.events
    await node.intake.flush()
    assert await again.counted("callback") == {"mailketing:refused": 1}


async def test_what_is_old_is_forgotten_bodies_first_and_events_with_a_message_never(node):
    email = an_email()
    await node.sent(email)
    await node.say("emailopen", email)
    await node.post({"type": "emailopen", "email": "nobody@example.com"})  # undated, unmatched
    await node.say("bounce", email, reason="452 mailbox full")
    until = Entry(address="ended@example.com", until=LATER + MINUTE)
    await node.tracking.suppressions.add([until], who="ani")
    log = node.tracking.events
    assert await log.forget(raw_before=START, all_before=START, now=node.clock.at) == 0

    now = node.clock.at + 31 * DAY
    await log.forget(raw_before=now - 30 * DAY, all_before=now - 400 * DAY, now=now)
    assert await node.count_of("callbacks") == 1  # the last: it says when the provider spoke
    assert await node.rows("SELECT is_dated FROM callback_keys") == [(True,), (True,)]
    assert await node.count_of("transient_bounces") == 0
    assert await node.count_of("unmatched") == 1

    now = node.clock.at + 401 * DAY
    await log.forget(raw_before=now - 30 * DAY, all_before=now - 400 * DAY, now=now)
    tables = ("callback_keys", "unmatched", "rollup_keys", "suppressions")
    assert [await node.count_of(table) for table in tables] == [0, 0, 0, 0]
    assert await node.count_of("events") == 2


async def test_how_the_intake_stands(node):
    facts = await node.events.intake()
    assert (facts.last_at, facts.unapplied, facts.unmatched, facts.set_aside) == (None, 0, 0, 0)
    await node.post({"type": "newsubscriber"})
    await node.post({"type": "emailopen", "email": "nobody@example.com"})
    await node.post({"type": "emailopen", "email": "other@example.com"}, apply=False)
    facts = await node.events.intake()
    assert (facts.last_at, facts.unapplied, facts.unmatched, facts.set_aside) == (LATER, 1, 1, 1)


async def test_what_is_new_is_applied_before_what_is_replayed(node):
    for number in range(3):
        await node.post({"type": "newsubscriber", "email": f"p{number}@example.com"})
    await node.events.reopen(ReplayFilter(), now=LATER)
    await node.post({"type": "newsubscriber", "email": "new@example.com"}, apply=False)
    waiting = await node.events.unapplied(limit=2)
    assert ["new@" in waiting[0].body, "p0@" in waiting[1].body] == [True, True]
