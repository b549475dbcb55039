"""What every store promises of events: matched surely or not at all, free of order."""

import random
from datetime import timedelta

import pytest

from terkirim.domain.email import IfUnclear
from terkirim.domain.ids import uuid7
from terkirim.domain.message import State
from terkirim.domain.outcome import Accepted, Deferred, Rejected, Unclear
from terkirim.ports import RequeueFilter
from terkirim.store import weighing
from terkirim.store.times import instant
from tests.contract.conftest import SECOND, START, UNCLEAR_WAIT, an_email
from tests.contract.tracked import LATER, MINUTE

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def node(open_tracked):
    return await open_tracked()


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
    await node.write(sql)
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


async def test_an_event_without_an_id_may_be_about_mail_whose_id_is_known(node):
    email = an_email()
    await node.sent(email, ref="known-7")
    opened = {"type": "emailopen", "email": "budi@example.com", "date": LATER.isoformat()}
    await node.post(opened | {"message_id": "another-8"})
    node.clock.at += 10 * MINUTE
    await node.applier.rematch()
    assert (await node.store.story(email.id)).events == ()
    await node.post(opened)
    (event,) = (await node.store.story(email.id)).events
    assert event.facts["match"] == "guessed"


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
    node.clock.at = LATER + 10 * MINUTE
    await node.post({"type": "emailopen", "email": "budi@example.com", "date": LATER.isoformat()})
    assert bool((await node.store.story(email.id)).events) is is_guessed


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"date": LATER.isoformat()},
        {"date": (LATER + 4 * MINUTE).isoformat()},
        {"date": "some day"},
    ],
    ids=[
        "undated",
        "dated as received",
        "dated by a clock that is ahead",
        "dated by nobody knows what",
    ],
)
async def test_what_came_before_the_mail_left_is_never_about_it(node, said):
    opened = {"type": "emailopen", "email": "budi@example.com", **said}
    await node.post(opened)
    email = an_email(now=LATER + SECOND)
    await node.sent(email, ref=None, now=LATER + SECOND)
    node.clock.at = LATER + 3 * SECOND
    assert await node.applier.rematch() == 0
    assert await node.state(email.id) is State.ACCEPTED
    assert len(await node.events.unmatched(limit=10)) == 1


async def test_an_event_of_older_mail_is_not_in_doubt_because_of_mail_that_left_after_it(node):
    old, new = an_email(), an_email(now=LATER)
    await node.sent(old, ref=None)
    await node.post({"type": "emailopen", "email": "budi@example.com"}, apply=False)
    await node.sent(new, ref=None, now=LATER + SECOND)
    await node.applier.apply_kept()
    assert len((await node.store.story(old.id)).events) == 1


async def test_what_came_while_the_request_was_in_the_air_is_guessed_once_it_is_settled(node):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    node.clock.at = START + SECOND
    await node.post({"type": "emailopen", "email": "budi@example.com"})
    await node.settle(work, Accepted(None), now=START + MINUTE, started_at=START)
    await node.say_by_mailketing(email)
    node.clock.at = START + MINUTE
    assert await node.applier.rematch() == 1
    (event,) = (await node.store.story(email.id)).events
    assert event.facts["match"] == "guessed"


@pytest.mark.parametrize(
    ("first", "is_guessed"),
    [(Unclear("the line broke"), True), (Deferred("busy"), False)],
    ids=["may have been taken", "was not taken"],
)
async def test_what_came_between_two_requests_is_about_the_first_if_that_may_have_been_taken(
    node, first, is_guessed
):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    await node.settle(work, first)
    node.clock.at = START + SECOND
    await node.post({"type": "emailopen", "email": "budi@example.com"})
    again_at = START + UNCLEAR_WAIT
    await node.store.sweep(now=again_at)
    (again,) = await node.take(now=again_at)
    await node.settle(again, Accepted(None), now=again_at)
    await node.say_by_mailketing(email)
    node.clock.at = again_at
    assert await node.applier.rematch() == is_guessed


async def test_mail_of_another_provider_is_never_guessed(node):
    email = an_email()
    await node.sent(email, ref=None)
    sql = "UPDATE messages SET provider = 'another'"
    await node.write(sql)
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
    monkeypatch.setattr(weighing, "MOST_IN_DOUBT", 1)
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
    one, other = await open_tracked("a"), await open_tracked("b")
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


async def test_an_event_without_a_message_is_looked_at_ever_more_rarely_and_stays_shown(node):
    await node.post({"type": "emailopen", "email": "nobody@example.com", "date": LATER.isoformat()})
    looks = 0
    for _ in range(100):
        ((due_at,),) = await node.rows("SELECT due_at FROM unmatched")
        if due_at is None:
            break
        node.clock.at = instant(due_at)
        assert await node.applier.rematch() == 0
        looks += 1
    assert 10 < looks < 80
    assert len(await node.events.unmatched(limit=5)) == 1
    assert (await node.events.intake()).unmatched == 1


async def test_an_unknown_id_of_our_form_is_never_guessed(node):
    email = an_email()
    await node.sent(email, ref=None)
    foreign = uuid7(1_767_000_000_000, 99)
    await node.post({"type": "spam", "email": "budi@example.com", "message_id": foreign})
    node.clock.at += HOUR
    assert await node.applier.rematch() == 0
    assert (await node.message(email.id)).state is State.ACCEPTED
