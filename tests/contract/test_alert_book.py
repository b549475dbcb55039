"""The alert book under contract: a condition is open once, each channel is told once."""

import asyncio
from datetime import timedelta

import pytest

from terkirim.domain.alert import Activity, Alert, Delivery, DeliveryState, Purpose, Severity
from terkirim.domain.errors import NotFound
from terkirim.domain.outcome import Accepted, Deferred, Rejected
from terkirim.ports.alerts import AlertChange, AlertFilter
from terkirim.ports.people import User
from tests.contract.conftest import SECOND, START, an_email, new_id

LEASE = timedelta(seconds=90)
DAY = timedelta(days=1)


@pytest.fixture
def book(node, database):
    return database.books(node.store).alerts


@pytest.fixture
def people(node, database):
    return database.books(node.store).people


def alert(kind="k", subject="s", severity=Severity.WARNING, *, at=START, raised=True, **changes):
    return Alert(
        id=new_id(),
        kind=kind,
        subject=subject,
        severity=severity,
        facts={"a": 1},
        title="T",
        body="B",
        seen_at=at,
        last_at=at,
        raised_at=at if raised else None,
        **changes,
    )


def notice(of, channel="c", *, due=START, purpose=Purpose.ALERT):
    return Delivery(
        alert_id=of.id,
        channel=channel,
        shown=f"{channel}://***",
        purpose=purpose,
        severity=of.severity,
        title=of.title,
        body=of.body,
        due_at=due,
    )


def recovery(of):
    return notice(of, channel="", purpose=Purpose.RECOVERY)


async def started(book, *alerts, channels=("c",)):
    for one in alerts:
        notices = tuple(notice(one, channel) for channel in channels)
        assert await book.change([AlertChange(starts=one, notices=notices)], now=START) == 1


async def taken(book, now=START):
    return await book.take_due(now=now, lease_for=LEASE, limit=50)


async def sent(book, *deliveries):
    for one in deliveries:
        await book.note_delivery(one, state=DeliveryState.SENT, answer="", at=START)


async def listed(book):
    which = AlertFilter(since=START - DAY, until=START + DAY)
    return await book.alerts(which)


async def test_an_alert_is_kept_with_its_facts_and_is_open_until_it_ends(book):
    one = alert()
    await started(book, one)
    assert await book.open_alerts() == [one]
    assert await book.open_alerts({"other"}) == []
    assert await book.change([AlertChange(ends=one)], now=START + SECOND) == 1
    assert await book.open_alerts() == []
    (kept,) = await listed(book)
    assert (kept.ended_at, kept.facts) == (START + SECOND, {"a": 1})


async def test_a_condition_is_open_once_whichever_node_finds_it(open_node, database):
    books = [database.books((await open_node(name)).store).alerts for name in "ab"]
    alerts = [alert(), alert()]
    counts = await asyncio.gather(
        *(
            book.change([AlertChange(starts=one, notices=(notice(one),))], now=START)
            for book, one in zip(books, alerts, strict=True)
        )
    )
    assert sorted(counts) == [0, 1]
    assert len(await taken(books[0])) == 1


async def test_of_two_nodes_that_move_a_condition_one_counts(book):
    before = alert()
    await started(book, before)
    worse = [alert(severity=Severity.CRITICAL) for _ in range(2)]
    counts = [await book.change([AlertChange(ends=before, starts=one)], now=START) for one in worse]
    assert counts == [1, 0]
    assert await book.open_alerts() == [worse[0]]


async def test_what_nobody_was_told_of_leaves_no_trace(book, people):
    seen = alert(raised=False)
    await started(book, seen, channels=())
    assert await book.open_alerts() == [seen]
    await book.change([AlertChange(ends=seen)], now=START)
    assert (await book.open_alerts(), await listed(book)) == ([], [])
    assert await people.activity(limit=9) == []


async def test_each_alert_and_its_end_is_a_row_of_the_activity(book, people):
    one = alert()
    await started(book, one)
    await book.change([AlertChange(ends=one)], now=START + SECOND)
    whats = [(row.what, row.subject) for row in await people.activity(limit=9)]
    assert whats == [("alert over", "k:s"), ("alert raised", "k:s")]


async def test_a_notice_is_due_for_one_process_at_a_time_and_survives_its_death(book):
    one = alert()
    await started(book, one)
    (first,) = await taken(book)
    assert (first.attempts, first.channel, first.title) == (1, "c", "T")
    assert await taken(book) == []
    (again,) = await taken(book, START + LEASE)  # the process that took it died
    assert again.attempts == 2


async def test_a_notice_that_is_not_due_is_not_taken(book):
    one = alert()
    later = notice(one, due=START + 10 * SECOND)
    await book.change([AlertChange(starts=one, notices=(later,))], now=START)
    assert await taken(book, START + 9 * SECOND) == []
    assert len(await taken(book, START + 10 * SECOND)) == 1


async def test_only_the_channel_that_failed_is_told_again(book):
    one = alert()
    await started(book, one, channels=("good", "bad"))
    good, bad = sorted(await taken(book), key=lambda one: one.channel, reverse=True)
    await sent(book, good)
    await book.note_delivery(
        bad, state=DeliveryState.WAITING, answer="no answer", at=START + 30 * SECOND
    )
    (again,) = await taken(book, START + 30 * SECOND)
    assert (again.channel, again.answer, again.attempts) == ("bad", "no answer", 2)
    await book.note_delivery(again, state=DeliveryState.FAILED, answer="gave up", at=START)
    assert await taken(book, START + DAY) == []
    (kept,) = await listed(book)
    states = {one.channel: (one.state, one.answer) for one in kept.deliveries}
    assert states == {"good": (DeliveryState.SENT, ""), "bad": (DeliveryState.FAILED, "gave up")}


async def test_a_recovery_goes_to_whoever_was_written_to_and_drops_what_was_not_told(book):
    one = alert()
    await book.change(
        [
            AlertChange(
                starts=one,
                notices=(notice(one, "heard"), notice(one, "late", due=START + 60 * SECOND)),
            )
        ],
        now=START,
    )
    await sent(book, *await taken(book))
    await book.change([AlertChange(ends=one, recovery=recovery(one))], now=START)
    (told,) = await taken(book, START + DAY)
    assert (told.channel, told.purpose) == ("heard", Purpose.RECOVERY)
    (kept,) = await listed(book)
    states = {(one.channel, one.purpose): one.state for one in kept.deliveries}
    assert states["late", Purpose.ALERT] is DeliveryState.DROPPED


async def test_a_channel_that_failed_so_far_hears_of_the_end_only(book):
    one = alert()
    await started(book, one)
    (failed,) = await taken(book)
    await book.note_delivery(failed, state=DeliveryState.WAITING, answer="x", at=START + SECOND)
    await book.change([AlertChange(ends=one, recovery=recovery(one))], now=START)
    assert [told.purpose for told in await taken(book, START + DAY)] == [Purpose.RECOVERY]
    await book.note_delivery(failed, state=DeliveryState.WAITING, answer="x", at=START)
    assert await taken(book, START + 2 * SECOND) == []  # a late word does not revive it


async def test_two_alerts_that_end_together_send_one_recovery(book):
    level, run_out = alert("level"), alert("run_out")
    await started(book, level, run_out)
    await sent(book, *await taken(book))
    change = AlertChange(ends=level, ends_too=(run_out,), recovery=recovery(level))
    await book.change([change], now=START)
    assert await book.open_alerts() == []
    assert [told.alert_id for told in await taken(book, START + DAY)] == [level.id]


async def test_who_heard_when_it_was_less_bad_hears_of_the_end(book):
    milder, worse = alert(), alert(severity=Severity.CRITICAL)
    await started(book, milder)
    await sent(book, *await taken(book))
    late = notice(worse, due=START + 60 * SECOND)
    await book.change([AlertChange(ends=milder, starts=worse, notices=(late,))], now=START)
    await book.change([AlertChange(ends=worse, recovery=recovery(worse))], now=START)
    (told,) = await taken(book, START + DAY)
    assert (told.alert_id, told.purpose) == (worse.id, Purpose.RECOVERY)


async def test_who_heard_that_it_eased_hears_of_no_second_end(book):
    worse, milder = alert(severity=Severity.CRITICAL), alert()
    await started(book, worse, channels=("critical",))
    await sent(book, *await taken(book))
    eased = AlertChange(ends=worse, starts=milder, recovery=recovery(worse))
    await book.change([eased], now=START)
    assert [one.purpose for one in await taken(book)] == [Purpose.RECOVERY]
    await book.change([AlertChange(ends=milder, recovery=recovery(milder))], now=START)
    assert await taken(book) == []


async def test_who_gets_a_notice_of_what_takes_its_place_gets_no_recovery(book):
    worse, milder = alert(severity=Severity.CRITICAL), alert()
    await started(book, worse, channels=("all", "critical"))
    await sent(book, *await taken(book))
    change = AlertChange(
        ends=worse, starts=milder, notices=(notice(milder, "all"),), recovery=recovery(worse)
    )
    await book.change([change], now=START)
    told = {one.channel: one.purpose for one in await taken(book)}
    assert told == {"all": Purpose.ALERT, "critical": Purpose.RECOVERY}


async def test_an_alert_that_is_seen_again_says_when(book):
    one = alert()
    await started(book, one)
    await book.change([AlertChange(sees=one)], now=START + SECOND)
    assert (await book.open_alerts())[0].last_at == START + SECOND


async def test_when_people_last_heard_of_a_condition_is_known_after_its_end_by_how_bad_it_was(book):
    mild, bad, untold = alert(), alert(severity=Severity.CRITICAL), alert(at=START + 3 * SECOND)
    await started(book, mild, channels=("c", "d"))
    await sent(book, *await taken(book))
    await book.change([AlertChange(ends=mild)], now=START + SECOND)
    await started(book, bad)
    await taken(book)  # a channel that was written to and failed counts from when it was raised
    await book.change([AlertChange(ends=bad)], now=START + 2 * SECOND)
    await started(book, untold)
    await book.change([AlertChange(ends=untold)], now=START + 4 * SECOND)
    expected = {"k:s": {Severity.WARNING: START, Severity.CRITICAL: START}}
    assert await book.last_told(["k:s", "other"]) == expected
    assert await book.change([], now=START) == 0


async def test_alerts_are_listed_by_kind_and_by_whether_they_go_on(book):
    over, open_, summary = alert("a"), alert("b"), alert("summary", ended_at=START)
    await started(book, over, open_, summary)
    await book.change([AlertChange(ends=over)], now=START)
    which = {"since": START - DAY, "until": START + DAY}
    kinds = [
        [one.kind for one in await book.alerts(AlertFilter(**which, **more))]
        for more in ({}, {"is_open": True}, {"is_open": False}, {"kinds": ["summary"]})
    ]
    assert kinds == [["b", "a"], ["b"], ["a"], ["summary"]]
    assert await book.has_alert(summary.id)
    assert not await book.has_alert("unknown")


async def test_the_day_is_counted_from_the_rollups(node, book):
    await node.accept(*[an_email() for _ in range(4)])
    works = await node.take()
    odd = Deferred("unknown answer: Gangguan 7X", is_unknown_answer=True)
    for work, result in zip(
        works, (Accepted("r"), Accepted("r"), Rejected("no"), odd), strict=True
    ):
        await node.settle(work, result)
    later = START + timedelta(minutes=5)
    vitals = await book.vitals(now=later)
    assert (vitals.accepted, vitals.dead, vitals.bounced, vitals.complained) == (2, 1, 0, 0)
    assert vitals.unknown == (("first", "unknown answer: Gangguan 7X"),)
    assert START < vitals.oldest_due_at < later
    assert (await book.vitals(now=START + 2 * DAY)).accepted == 0


async def test_people_are_kept_by_a_name_of_their_own(people):
    budi = User(
        id=new_id(),
        name="Budi",
        email="budi@example.com",
        role="admin",
        created_at=START,
        alert_url="json://x",
        password_hash="$argon2id$",
    )
    assert await people.add_user(budi)
    assert not await people.add_user(
        User(id=new_id(), name="budi", email="x", role="admin", created_at=START)
    )
    assert await people.users() == [budi]


async def test_an_activity_is_a_row_and_its_repeats_within_an_hour_are_one_where_asked(people):
    def refused(minutes):
        return Activity(
            at=START + timedelta(minutes=minutes), who="1.2.3.4", what="callback refused"
        )

    await people.note(Activity(at=START, who="cli", what="credits checked", facts={"credits": 5}))
    for minute in (1, 2, 59, 60):
        await people.note(refused(minute), is_folded=True)
    rows = await people.activity(limit=9)
    assert [(row.what, row.facts.get("times")) for row in rows] == [
        ("callback refused", None),
        ("callback refused", 3),
        ("credits checked", None),
    ]
    assert rows[1].at == START + timedelta(minutes=59)
    older = await people.activity(limit=9, before=rows[1].at)
    assert [row.facts for row in older] == [{"credits": 5}]


async def test_the_activity_log_is_read_on_from_a_row_where_several_share_an_instant(people):
    for who in ("budi", "siti", "tono"):
        await people.note(Activity(at=START, who=who, what="signed in"))
    await people.note(Activity(at=START - DAY, who="ani", what="signed in"))
    seen, after = [], None
    while rows := await people.activity(limit=2, after=after):
        seen += [row.who for row in rows]
        after = rows[-1].id
    assert sorted(seen[:3]) == ["budi", "siti", "tono"]
    assert seen[3:] == ["ani"]


async def test_the_activity_log_is_read_on_from_where_a_row_stood_before_it_moved(people):
    at = [START + timedelta(minutes=minute) for minute in range(3)]
    await people.note(Activity(at=at[0], who="ani", what="signed in"))
    await people.note(Activity(at=at[1], who="budi", what="signed in"))
    await people.note(Activity(at=at[1], who="1.2.3.4", what="callback refused"), is_folded=True)
    first = await people.activity(limit=2)
    assert [row.who for row in first] == ["budi", "1.2.3.4"]
    await people.note(Activity(at=at[2], who="1.2.3.4", what="callback refused"), is_folded=True)
    rest = await people.activity(limit=9, before=first[1].at, after=first[1].id)
    assert [row.who for row in rest] == ["ani"]


async def test_the_activity_log_is_not_read_on_from_a_row_that_it_does_not_have(people):
    with pytest.raises(NotFound, match="no such row"):
        await people.activity(limit=2, after="nowhere")
