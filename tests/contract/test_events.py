"""What every store promises of events: kept once, matched surely or not at all, free of order."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from terkirim.domain.email import IfUnclear
from terkirim.domain.errors import StoreUnavailable
from terkirim.domain.event import EventKind, Match
from terkirim.domain.ids import uuid7
from terkirim.domain.message import State
from terkirim.domain.outcome import Accepted, Deferred, Rejected, Unclear
from terkirim.ports import RequeueFilter
from terkirim.ports.tracking import EventFilter, ReplayFilter
from terkirim.store.hearing import KEYS_A_DAY, OTHERS
from terkirim.store.sqlite import applying
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.times import instant
from terkirim.tracking.signature import Shown
from tests.contract.conftest import GATES, SECOND, START, UNCLEAR_WAIT, an_email, new_id
from tests.contract.tracked import LATER, MINUTE, TrackedNode

WRONG = Shown(token="wrong")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def open_tracked(tmp_path):
    opened = []

    def opening(name="a"):
        store = SqliteStore(tmp_path / "contract.db", node=name, settings=GATES)
        opened.append(store)
        return TrackedNode(store)

    yield opening
    for store in opened:
        await store.close()


@pytest.fixture
def node(open_tracked):
    return open_tracked()


async def test_a_callback_is_on_disk_before_it_is_acknowledged_and_is_applied_after_a_new_start(
    open_tracked,
):
    first, email = open_tracked("a"), an_email()
    await first.sent(email)
    await first.say("emailopen", email, apply=False)
    await first.store.close()  # and nothing was applied

    second = open_tracked("b")
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


@pytest.mark.parametrize(
    ("word", "fields", "state"),
    [
        ("emailopen", {}, State.DELIVERED),
        ("emailclick", {}, State.DELIVERED),
        ("unsubscribe", {}, State.DELIVERED),
        ("delivered", {}, State.DELIVERED),
        ("bounce", {"reason": "550 5.1.1 user unknown"}, State.BOUNCED),
        ("bounce", {"reason": "452 4.2.2 mailbox full"}, State.BOUNCED),
        ("spam", {}, State.COMPLAINED),
    ],
)
async def test_an_event_that_names_our_id_moves_its_message(node, word, fields, state):
    email = an_email()
    await node.sent(email)
    await node.say(word, email, **fields)
    message = await node.message(email.id)
    assert message.state is state
    (event,) = (await node.store.story(email.id)).events
    assert event.facts["match"] == "id"


async def test_the_pair_of_id_and_recipient_names_a_message_never_the_id_alone(node):
    email = an_email(to=("a@example.com", "b@example.com"))
    await node.accept(email)
    works = await node.take()
    for work in works:
        await node.settle(work)
    await node.post({"type": "emailopen", "email": "B@example.com", "message_id": email.id})
    states = {row.recipient: row.state for row in (await node.store.email(email.id)).messages}
    assert states == {"a@example.com": State.ACCEPTED, "b@example.com": State.DELIVERED}

    await node.post(
        {"type": "bounce", "email": "x@example.com", "message_id": email.messages[0].id}
    )
    assert (await node.message(email.messages[0].id)).state is State.ACCEPTED
    (waiting,) = await node.events.unmatched(limit=10)
    assert (waiting.recipient, waiting.match) == ("x@example.com", None)


async def test_an_id_of_an_email_with_several_recipients_needs_the_recipient(node):
    email = an_email(to=("a@example.com", "b@example.com"))
    await node.accept(email)
    await node.post({"type": "emailopen", "message_id": email.id})
    assert len(await node.events.unmatched(limit=10)) == 1
    await node.post({"type": "emailopen", "message_id": email.messages[1].id})
    assert (await node.message(email.messages[1].id)).state is State.DELIVERED


async def test_the_providers_reference_is_matched_when_the_settle_brings_it(node):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.say("emailopen", email, message_id="provider-77")
    assert len(await node.events.unmatched(limit=10)) == 1
    await node.settle(work, Accepted("provider-77"))
    sql = "UPDATE messages SET provider = 'mailketing'"
    await node.store.write_alone(lambda db: db.execute(sql))
    node.clock.at += 2 * SECOND
    assert await node.applier.rematch() == 1
    (event,) = (await node.store.story(email.id)).events
    assert event.facts["match"] == "reference"
    assert (await node.message(email.id)).state is State.DELIVERED
    assert await node.events.unmatched(limit=10) == []


async def test_recipient_and_time_are_a_guess_that_needs_one_candidate(node):
    email = an_email()
    await node.sent(email, ref=None)
    await node.post({"type": "emailopen", "email": "budi@example.com", "date": LATER.isoformat()})
    (event,) = (await node.store.story(email.id)).events
    assert event.facts["match"] == "guessed"
    assert (await node.message(email.id)).state is State.DELIVERED

    other = an_email()
    await node.sent(other, ref=None)
    await node.post({"type": "spam", "email": "budi@example.com", "date": LATER.isoformat()})
    assert (await node.message(email.id)).state is State.DELIVERED
    assert (await node.message(other.id)).state is State.ACCEPTED
    assert len(await node.events.unmatched(limit=10)) == 1


@pytest.mark.parametrize(
    ("accepted_at", "is_guessed"),
    [
        (LATER - 3 * DAY, True),
        (LATER - 3 * DAY - SECOND, False),
        (LATER + 5 * MINUTE - SECOND, True),
        (LATER + 6 * MINUTE, False),
    ],
)
async def test_a_guess_is_made_within_days_of_the_acceptance_only(node, accepted_at, is_guessed):
    email = an_email(now=accepted_at)
    await node.sent(email, ref=None, now=accepted_at)
    await node.post({"type": "emailopen", "email": "budi@example.com", "date": LATER.isoformat()})
    assert bool((await node.store.story(email.id)).events) is is_guessed


async def test_mail_of_another_provider_is_never_guessed(node):
    email = an_email()
    await node.sent(email, ref=None)
    sql = "UPDATE messages SET provider = 'another'"
    await node.store.write_alone(lambda db: db.execute(sql))
    await node.post({"type": "emailopen", "email": "budi@example.com", "date": LATER.isoformat()})
    assert len(await node.events.unmatched(limit=10)) == 1


async def test_while_mail_to_the_same_recipient_is_in_the_air_nothing_is_guessed(node):
    old, new = an_email(), an_email()
    await node.sent(old, ref=None)
    await node.accept(new)
    (work,) = await node.take()
    await node.post({"type": "emailopen", "email": "budi@example.com", "date": LATER.isoformat()})
    assert (await node.store.story(old.id)).events == ()
    await node.settle(work, Rejected("no"))
    node.clock.at += 2 * SECOND
    assert await node.applier.rematch() == 1
    assert len((await node.store.story(old.id)).events) == 1


async def test_while_the_fate_of_very_much_mail_is_unknown_nothing_is_guessed(node, monkeypatch):
    monkeypatch.setattr(applying, "MOST_IN_DOUBT", 1)
    email, other = an_email(), an_email(to=("other@example.com",))
    await node.sent(email, ref=None)
    await node.accept(other)
    await node.take()
    await node.post({"type": "emailopen", "email": "budi@example.com", "date": LATER.isoformat()})
    assert (await node.store.story(email.id)).events == ()


@pytest.mark.parametrize("if_unclear", IfUnclear)
async def test_an_unclear_message_that_the_provider_has_is_not_sent_again(node, if_unclear):
    email = an_email(if_unclear=if_unclear)
    await node.accept(email)
    (work,) = await node.take()
    await node.settle(work, Unclear("the line broke"))
    assert await node.state(email.id) is State.UNCLEAR
    await node.say("emailopen", email)
    await node.store.sweep(now=START + UNCLEAR_WAIT)
    assert not await node.take(now=START + DAY)
    message = await node.message(email.id)
    assert (message.state, message.reason, message.attempts) == (State.DELIVERED, "", 1)


async def test_a_guess_never_stops_a_send(node):
    unclear, old = an_email(), an_email(now=START - HOUR)
    await node.sent(old, ref=None, now=START - HOUR)
    await node.accept(unclear)
    (work,) = await node.take()
    await node.settle(work, Unclear("the line broke"))
    event = {"type": "emailopen", "email": "budi@example.com", "date": LATER.isoformat()}
    await node.post(event)
    await node.store.sweep(now=START + UNCLEAR_WAIT)
    (again,) = await node.take(now=START + UNCLEAR_WAIT)
    assert again.lease.message_id == unclear.id


async def test_a_guessed_bounce_starts_no_send_and_still_suppresses_the_address(node):
    email = an_email()
    await node.sent(email, ref=None)
    await node.post({"type": "bounce", "email": "budi@example.com", "reason": "550 no such user"})
    assert (await node.message(email.id)).state is State.BOUNCED
    assert await node.suppressed() == [("budi@example.com", "", "permanent bounce")]
    assert not await node.take(now=START + DAY)


async def test_a_dead_message_that_was_delivered_after_all_says_so(node):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.settle(work, Rejected("no"))
    assert await node.state(email.id) is State.DEAD
    await node.say("emailopen", email)
    message = await node.message(email.id)
    assert (message.state, message.reason) == (State.DELIVERED, "")
    assert not await node.store.requeue(RequeueFilter(message_ids=(email.id,)), now=LATER)


async def test_a_callback_before_our_own_settle_is_read_by_that_settle(node):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.say("bounce", email, reason="550 no such user")
    assert await node.state(email.id) is State.LEASED
    await node.settle(work)
    message = await node.message(email.id)
    assert (message.state, message.reason) == (
        State.BOUNCED,
        "permanent bounce: 550 no such user",
    )
    assert message.accepted_at is not None


@pytest.mark.parametrize("result", [Deferred("busy"), Unclear("broke"), Rejected("no")])
async def test_what_the_provider_has_is_not_requeued_by_a_late_settle(node, result):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.say("emailopen", email)
    await node.settle(work, result)
    assert await node.state(email.id) is State.DELIVERED
    assert not await node.take(now=START + DAY)


async def test_a_lease_that_comes_back_unused_ends_what_the_provider_has(node):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.say("emailopen", email)
    await node.store.cancel(email.id, now=LATER)
    await node.store.release([work.lease], now=LATER)
    assert await node.state(email.id) is State.DELIVERED
    assert not await node.take(now=START + DAY)


async def test_a_suppressed_message_stays_so_whatever_is_said(node):
    await node.post({"type": "spam", "email": "budi@example.com"})
    email = an_email()
    await node.accept(email)
    await node.say("emailopen", email)
    message = await node.message(email.id)
    assert (message.state, message.reason) == (State.SUPPRESSED, "complaint")


WORDS = [
    ("delivered", {}),
    ("emailopen", {}),
    ("emailclick", {}),
    ("bounce", {"reason": "452 mailbox full"}),
    ("bounce", {"reason": "550 no such user"}),
    ("spam", {}),
    ("unsubscribe", {}),
]


@pytest.mark.parametrize("seed", range(4))
async def test_twice_shuffled_and_before_the_settle_ends_in_the_same_rows(open_tracked, seed):
    """The same words in two orders, one of them across the settle: the same messages and counts."""
    dice = random.Random(seed)
    one, other = open_tracked("a"), open_tracked("b")
    pairs = []
    for number in range(12):
        said = dice.sample(WORDS, dice.randint(1, 4))
        at = [START + n * HOUR for n in range(1, len(said) + 1)]
        words = [(word, when, fields) for (word, fields), when in zip(said, at, strict=True)]
        pairs.append((number, words))
    ordered = [(n, word) for n, words in pairs for word in words]
    first = await told(one, [an_email(to=(f"p{n}@example.com",)) for n, _ in pairs], ordered)
    twins = [an_email(to=(f"q{n}@example.com",)) for n, _ in pairs]
    shuffled = [*ordered, *ordered]
    dice.shuffle(shuffled)
    second = await told(other, twins, shuffled, is_early=True)
    assert first == second


async def told(node, emails, said, *, is_early=False):
    """Post what is said, half of it before the settle if asked; return how the messages stand."""
    node.clock.at = START + 12 * HOUR
    before = await node.counted("event"), await node.counted("event_first")
    for email in emails:
        await node.accept(email)
    works = await node.take()
    half = len(said) // 2 if is_early else 0
    for number, (word, when, fields) in said[:half]:
        await node.say(word, emails[number], at=when, link_clicked="x", **fields)
    for work in works:
        await node.settle(work)
    for number, (word, when, fields) in said[half:]:
        await node.say(word, emails[number], at=when, link_clicked="x", **fields)
    rows = []
    for email in emails:
        story = await node.store.story(email.id)
        message = story.message
        events = sorted(
            (event.kind, event.at, event.facts.get("scanner")) for event in story.events
        )
        rows.append(
            (message.state, message.delivered_at, message.opened_at, message.clicked_at, events)
        )
    after = await node.counted("event"), await node.counted("event_first")
    grown = [
        {key: n - old.get(key, 0) for key, n in new.items() if n != old.get(key, 0)}
        for old, new in zip(before, after, strict=True)
    ]
    return rows, grown


async def test_an_open_is_taken_back_when_the_delivery_turns_out_to_have_been_then(node):
    email = an_email(tags=(("campaign", "juli"),))
    node.clock.at = START + 12 * HOUR
    await node.sent(email)
    await node.say("emailopen", email, at=LATER + 0.5 * SECOND)
    assert (await node.message(email.id)).opened_at is not None
    assert (await node.counted("event_tag"))["opened:campaign=juli"] == 1
    await node.say("delivered", email, at=LATER)
    message = await node.message(email.id)
    assert (message.opened_at, message.delivered_at) == (None, LATER)
    assert await node.counted("event") == {"mailketing:scanned": 1, "mailketing:delivered": 1}
    assert "mailketing:opened" not in await node.counted("event_first")
    assert "opened:campaign=juli" not in await node.counted("event_tag")

    await node.say("emailopen", email, at=LATER + HOUR)
    assert (await node.message(email.id)).opened_at == LATER + HOUR
    assert (await node.counted("event_first"))["mailketing:opened"] == 1


async def test_of_several_opens_only_the_scanners_is_taken_back(node):
    email = an_email()
    node.clock.at = START + 12 * HOUR
    await node.sent(email)
    await node.say("emailopen", email, at=LATER)
    await node.say("emailopen", email, at=LATER + HOUR)
    await node.say("delivered", email, at=LATER)
    assert (await node.message(email.id)).opened_at == LATER + HOUR
    await node.say("delivered", email, at=LATER - MINUTE / 2)  # earlier: the marks stay
    assert (await node.message(email.id)).delivered_at == LATER - MINUTE / 2


async def test_what_is_counted_of_events(node):
    email = an_email(tags=(("campaign", "juli"),))
    await node.sent(email)
    await node.say("emailopen", email)
    await node.say("emailopen", email)
    await node.say("emailclick", email)
    await node.say("bounce", email, reason="452 mailbox full")
    await node.post({"type": "emailopen", "email": "nobody@example.com"})
    assert await node.counted("event") == {
        "mailketing:opened": 2,
        "mailketing:clicked": 1,
        "mailketing:bounced_transient": 1,
        "mailketing:unmatched": 1,
    }
    firsts = {"delivered", "opened", "clicked", "bounced"}
    assert await node.counted("event_first") == {
        f"mailketing:{what}": 1 for what in [*firsts, "heard"]
    }
    assert await node.counted("event_sender") == {f"{what}:toko@example.com": 1 for what in firsts}
    assert await node.counted("event_tag") == {f"{what}:campaign=juli": 1 for what in firsts}


async def test_an_event_is_counted_in_the_hour_in_which_it_happened(node):
    email = an_email()
    await node.sent(email)
    node.clock.at = START + 9 * HOUR
    await node.say("emailopen", email, at=START + 2 * HOUR)
    (row,) = await node.store.rollups(["event"], since=START, until=START + 12 * HOUR)
    assert row.hour == (START + 2 * HOUR).replace(minute=0)


async def test_a_day_has_counts_of_a_bounded_number_of_tags(node):
    day = START.timestamp() // 86_400
    await node.store.write_alone(
        lambda db: db.executemany(
            "INSERT INTO rollup_keys (day, kind, key) VALUES (?, 'event_tag', ?)",
            [(day, f"t={n}") for n in range(KEYS_A_DAY - 1)],
        )
    )
    for name in ("a", "b"):
        email = an_email(tags=(("t", name),), to=(f"{name}@example.com",))
        await node.sent(email)
        await node.say("delivered", email)
    assert await node.counted("event_tag") == {"delivered:t=a": 1, f"delivered:{OTHERS}": 1}
    known = an_email(tags=(("t", "5"),))
    await node.sent(known)
    await node.say("delivered", known)
    assert (await node.counted("event_tag"))["delivered:t=5"] == 1


async def test_what_is_said_of_sandboxed_mail_is_shown_and_not_counted(node):
    email = an_email()
    await node.sent(email)
    await node.store.write_alone(lambda db: db.execute("UPDATE messages SET is_sandbox = 1"))
    await node.say("emailopen", email, at=LATER)
    await node.say("delivered", email, at=LATER)
    assert (await node.message(email.id)).state is State.DELIVERED
    assert await node.counted("event") == await node.counted("event_first") == {}


async def test_two_nodes_that_apply_at_once_apply_each_callback_once(open_tracked):
    one, other = open_tracked("a"), open_tracked("b")
    emails = [an_email(to=(f"p{n}@example.com",)) for n in range(60)]
    await one.accept(*emails)
    for email in emails:
        await one.say("emailopen", email, apply=False)
    await asyncio.gather(one.applier.apply_kept(), other.applier.apply_kept())
    assert await one.count_of("events") == 60
    assert await one.counted("event") == {"mailketing:opened": 60}


async def test_the_log_of_events_grows_at_its_end_only(node):
    old = an_email()
    await node.sent(old, ref=None)
    early = {"type": "emailopen", "email": "late@example.com", "date": LATER.isoformat()}
    await node.post(early)  # its message appears later
    await node.say("emailopen", old)
    (first,) = await node.events.events_after(0, limit=10)
    late = an_email(to=("late@example.com",))
    await node.sent(late, ref=None)
    node.clock.at += 2 * SECOND
    await node.applier.rematch()
    (second,) = await node.events.events_after(first.seq, limit=10)
    assert (second.message_id, second.match) == (late.id, Match.GUESSED)
    assert await node.events.events_after(second.seq, limit=10) == []


async def test_lists_of_events_go_newest_first_and_by_kind_and_message(node):
    emails = [an_email(to=(f"p{n}@example.com",)) for n in range(3)]
    for email in emails:
        await node.sent(email)
        await node.say("emailopen", email)
        await node.say("emailclick", email)
    page = await node.events.events(EventFilter(limit=4))
    assert [row.kind for row in page] == [EventKind.CLICKED, EventKind.OPENED] * 2
    rest = await node.events.events(EventFilter(before=page[-1].seq))
    assert [row.message_id for row in rest] == [emails[0].id] * 2
    clicks = await node.events.events(EventFilter(kind=EventKind.CLICKED))
    assert [row.message_id for row in clicks] == [email.id for email in reversed(emails)]
    own = await node.events.events(EventFilter(message_id=emails[1].id))
    assert {row.message_id for row in own} == {emails[1].id}


async def test_an_event_without_a_message_is_looked_at_ever_more_rarely_and_stays_shown(node):
    await node.post({"type": "emailopen", "email": "nobody@example.com", "date": LATER.isoformat()})
    looks = 0
    for _ in range(60):
        ((due_at,),) = await node.rows("SELECT due_at FROM unmatched")
        if due_at is None:
            break
        node.clock.at = instant(due_at)
        assert await node.applier.rematch() == 0
        looks += 1
    assert 10 < looks < 30
    assert len(await node.events.unmatched(limit=5)) == 1
    assert (await node.events.intake()).unmatched == 1


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


async def test_an_event_that_was_lost_after_it_was_kept_comes_back_by_a_replay(node):
    email = an_email()
    await node.sent(email)
    await node.say("emailopen", email)
    await node.store.write_alone(lambda db: db.execute("DELETE FROM events"))
    done = await node.applier.replay(ReplayFilter(is_all=True))
    assert (done.matched, await node.count_of("events")) == (1, 1)


async def test_one_callback_that_cannot_be_applied_stops_no_other(node, monkeypatch):
    emails = [an_email(to=(f"p{n}@example.com",)) for n in range(9)]
    await node.accept(*emails)
    for email in emails:
        await node.say("emailopen", email, apply=False)
    weighed = applying.weighed

    def breaking(standing, events):
        if any(event.recipient == "p4@example.com" for event in events):
            raise ZeroDivisionError
        return weighed(standing, events)

    monkeypatch.setattr(applying, "weighed", breaking)
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
    ((who, what, facts),) = await node.rows("SELECT who, what, facts FROM activity")
    assert (who, what) == ("outside", "callback refused")
    assert facts == '{"mailketing:refused":10001,"mailketing:unreadable":1}'
    assert await node.count_of("callbacks") == 0
    node.clock.at += HOUR
    with pytest.raises(Exception, match="missing or wrong"):
        node.intake.admit("mailketing", WRONG)
    await node.intake.flush()
    assert await node.count_of("activity") == 2


async def test_counts_that_could_not_be_written_are_written_later(open_tracked):
    node = open_tracked("a")
    with pytest.raises(Exception, match="missing or wrong"):
        node.intake.admit("mailketing", WRONG)
    await node.store.close()
    with pytest.raises(StoreUnavailable):
        await node.intake.flush()
    again = open_tracked("b")
    node.intake._log = again.tracking.events
    await node.intake.flush()
    assert await again.counted("callback") == {"mailketing:refused": 1}


async def test_what_is_old_is_forgotten_bodies_first_and_events_with_a_message_never(node):
    email = an_email()
    await node.sent(email)
    await node.say("emailopen", email)
    await node.post({"type": "emailopen", "email": "nobody@example.com"})  # undated, unmatched
    await node.say("bounce", email, reason="452 mailbox full")
    log = node.tracking.events
    assert await log.forget(raw_before=START, all_before=START, now=node.clock.at) == 0

    now = node.clock.at + 31 * DAY
    await log.forget(raw_before=now - 30 * DAY, all_before=now - 400 * DAY, now=now)
    assert await node.count_of("callbacks") == 1  # the last: it says when the provider spoke
    assert await node.rows("SELECT is_dated FROM callback_keys") == [(1,), (1,)]
    assert await node.count_of("transient_bounces") == 0
    assert await node.count_of("unmatched") == 1

    now = node.clock.at + 401 * DAY
    await log.forget(raw_before=now - 30 * DAY, all_before=now - 400 * DAY, now=now)
    tables = ("callback_keys", "unmatched", "rollup_keys")
    assert [await node.count_of(table) for table in tables] == [0, 0, 0]
    assert await node.count_of("events") == 2


async def test_how_the_intake_stands(node):
    facts = await node.events.intake()
    assert (facts.last_at, facts.unapplied, facts.unmatched, facts.set_aside) == (None, 0, 0, 0)
    await node.post({"type": "newsubscriber"})
    await node.post({"type": "emailopen", "email": "nobody@example.com"})
    await node.post({"type": "emailopen", "email": "other@example.com"}, apply=False)
    facts = await node.events.intake()
    assert (facts.last_at, facts.unapplied, facts.unmatched, facts.set_aside) == (LATER, 1, 1, 1)


async def test_an_unknown_id_of_our_form_is_never_guessed(node):
    email = an_email()
    await node.sent(email, ref=None)
    foreign = uuid7(1_767_000_000_000, 99)
    await node.post({"type": "spam", "email": "budi@example.com", "message_id": foreign})
    node.clock.at += HOUR
    assert await node.applier.rematch() == 0
    assert (await node.message(email.id)).state is State.ACCEPTED
