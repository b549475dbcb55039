"""What every store promises of forgetting: what waits is never touched, what is old goes whole."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from terkirim.delivery.erasing import forget
from terkirim.domain.email import Address, Attachment, Content
from terkirim.domain.errors import NotFound
from terkirim.domain.message import Evidence, State
from terkirim.domain.outcome import Deferred, Rejected, Unclear
from terkirim.ports import IdempotencyKey, MessageFilter, RequeueFilter
from tests.contract.conftest import SECOND, START, UNCLEAR_WAIT, an_email

DAY = timedelta(days=1)
KEEP = 30 * DAY
SHA = "a" * 64


@pytest.fixture
def retention(database, node):
    return database.retention(node)


@pytest.fixture
def erasure(database, node):
    return database.erasure(node)


@pytest.fixture
def everything(database, node):
    """Return what asks for all texts of the database, as one."""
    return lambda: database.everything(node)


async def finished(node, *emails, now=START, result=None):
    await node.accept(*emails)
    for work in await node.take(now=now):
        await node.settle(work, result, now=now)


async def content_of(node, email):
    return (await node.store.email(email.id)).content


async def all_of(piece, *, most=1_000):
    for _ in range(most):
        if not await piece():
            return
    raise AssertionError("it never ended")


def a_letter(number, **options):
    """One of many that share their content."""
    content = Content(id="shared", html="<p>{{ nama }}</p>", is_template=True)
    email = an_email(to=(f"p{number}@example.com",), **options)
    (message,) = email.messages
    message = replace(message, variables={"nama": f"Nama {number}"})
    return replace(email, content=content, messages=(message,))


async def test_content_goes_once_its_time_is_over_and_the_record_stays(node, retention):
    email = an_email()
    await finished(node, email)
    await all_of(lambda: retention.prune_content(keep=KEEP, now=START + KEEP - SECOND))
    assert await content_of(node, email) is not None
    await all_of(lambda: retention.prune_content(keep=KEEP, now=START + KEEP + SECOND))
    assert await content_of(node, email) is None
    assert (await node.store.email(email.id)).subject == "Halo"
    assert await node.state(email.id) is State.ACCEPTED


async def test_time_counts_from_the_last_message_of_an_email(node, retention):
    email = an_email(to=("a@example.com", "b@example.com"))
    await node.accept(email)
    first, second = await node.take()
    await node.settle(first)
    await node.settle(second, Deferred("busy"))
    later = START + 20 * DAY
    (second,) = await node.take(now=later)
    await node.settle(second, now=later)
    await all_of(lambda: retention.prune_content(keep=KEEP, now=START + KEEP + DAY))
    assert await content_of(node, email) is not None
    await all_of(lambda: retention.prune_content(keep=KEEP, now=later + KEEP + DAY))
    assert await content_of(node, email) is None


async def test_what_waits_is_never_touched_however_old_it_is(node, retention):
    queued, held, leased = (an_email() for _ in range(3))
    held = replace(held, if_unclear=held.if_unclear.HOLD)
    await node.accept(held)
    (work,) = await node.take()
    await node.settle(work, Unclear("line broke"))
    await node.store.sweep(now=START + UNCLEAR_WAIT + SECOND)
    await node.accept(leased)
    await node.take()
    await node.accept(queued)
    ages = START + 1_000 * DAY
    for _ in range(3):
        await all_of(partial(retention.prune_content, keep=KEEP, now=ages))
        await all_of(partial(retention.prune_messages, keep=KEEP, now=ages))
        ages += 2 * DAY
    for email in (queued, held, leased):
        assert await content_of(node, email) is not None
    (work,) = await node.take(now=ages)
    assert work.content.html == "<p>Halo</p>"


async def test_a_letter_that_was_requeued_long_after_keeps_the_body_that_it_shares(node, retention):
    first, last = a_letter(1), a_letter(2, now=START + 10 * DAY)
    first = replace(first, content=replace(first.content, is_template=False))
    await finished(node, first, result=Rejected("no"))
    await finished(node, last, now=START + 10 * DAY)
    now = START + KEEP + DAY
    await all_of(lambda: retention.prune_content(keep=KEEP, now=now))
    assert await content_of(node, first) is not None  # the other one still needs it
    assert await node.store.requeue(RequeueFilter(email_id=first.id), now=now) == 1
    now += 10 * DAY
    await all_of(lambda: retention.prune_content(keep=KEEP, now=now))
    (work,) = await node.take(now=now)
    assert work.content.html == first.content.html


async def test_mail_that_waited_long_goes_in_its_own_time(node, retention):
    email = an_email()
    await node.accept(email)
    late = START + 100 * DAY
    await all_of(lambda: retention.prune_content(keep=KEEP, now=late))
    (work,) = await node.take(now=late)
    await node.settle(work, now=late)
    await all_of(lambda: retention.prune_content(keep=KEEP, now=late + 29 * DAY))
    assert await content_of(node, email) is not None
    await all_of(lambda: retention.prune_content(keep=KEEP, now=late + 32 * DAY))
    assert await content_of(node, email) is None


async def test_a_letter_to_many_goes_with_the_last_of_them(node, retention):
    letters = [a_letter(number) for number in range(3)]
    await finished(node, *letters[:2])
    last = START + 10 * DAY
    await finished(node, letters[2], now=last)
    await all_of(lambda: retention.prune_content(keep=KEEP, now=START + KEEP + DAY))
    assert await content_of(node, letters[2]) is not None
    await all_of(lambda: retention.prune_content(keep=KEEP, now=last + KEEP + DAY))
    for letter in letters:
        assert await content_of(node, letter) is None


async def test_a_letter_that_is_sent_again_next_year_has_its_content_again(node, retention):
    await finished(node, a_letter(1))
    await all_of(lambda: retention.prune_content(keep=KEEP, now=START + KEEP + DAY))
    again = a_letter(2)
    await node.accept(again)
    (work,) = await node.take()
    assert (work.content.html, work.variables) == ("<p>{{ nama }}</p>", {"nama": "Nama 2"})


async def test_what_has_lost_its_content_cannot_be_sent_again(node, retention):
    plain, letter, younger = an_email(), a_letter(1), a_letter(2)
    await finished(node, plain, letter, result=Rejected("no"))
    await finished(node, younger, now=START + 20 * DAY, result=Rejected("no"))
    assert await node.store.count_requeueable(RequeueFilter()) == 3
    await all_of(lambda: retention.prune_content(keep=KEEP, now=START + KEEP + DAY))
    assert await node.store.requeue(RequeueFilter(), now=START) == 1
    (work,) = await node.take(now=START + KEEP + DAY)
    assert work.lease.message_id == younger.id


async def test_the_whole_record_goes_with_its_attempts_and_events(node, retention):
    email = an_email(to=("a@example.com", "b@example.com"))
    kept = an_email()
    await finished(node, email)
    await node.store.record_evidence(email.messages[0].id, Evidence.DELIVERED, at=START)
    await finished(node, kept, now=START + 100 * DAY)
    over = START + KEEP + DAY
    await all_of(lambda: retention.prune_messages(keep=KEEP, now=over), most=3)
    for id_ in (email.id, *(message.id for message in email.messages)):
        with pytest.raises(NotFound):
            await node.store.email(id_)
        with pytest.raises(NotFound):
            await node.store.story(id_)
    assert (await node.store.story(kept.id)).attempts
    assert await content_of(node, kept) is not None


async def test_a_record_that_was_not_ripe_is_found_again(node, retention):
    email = an_email()
    await node.accept(email)
    over = START + KEEP + DAY
    await all_of(lambda: retention.prune_messages(keep=KEEP, now=over))
    (work,) = await node.take(now=over)
    await node.settle(work, now=over)
    later = over + KEEP + DAY
    await all_of(lambda: retention.prune_messages(keep=KEEP, now=later))
    with pytest.raises(NotFound):
        await node.store.email(email.id)


async def test_pieces_are_bounded_and_go_on_where_the_last_one_ended(node, retention):
    emails = [an_email() for _ in range(25)]
    await finished(node, *emails)
    now = START + KEEP + DAY
    counts = [await retention.prune_content(keep=KEEP, now=now, limit=10) for _ in range(4)]
    assert counts == [10, 10, 5, 0]
    counts = [await retention.prune_messages(keep=KEEP, now=now, limit=10) for _ in range(4)]
    assert counts == [10, 10, 5, 0]
    assert not await node.store.emails(limit=1)


async def test_a_campaign_remembers_its_rows_for_ever(node, retention):
    await finished(node, an_email(campaign="c", row="1"))
    now = START + 1_000 * DAY
    await all_of(lambda: retention.prune_messages(keep=KEEP, now=now))
    again = an_email(campaign="c", row="1")
    assert (await node.accept(again)).skipped == {again.id}


async def test_counts_outlive_what_they_counted(node, retention):
    await finished(node, an_email())
    await all_of(lambda: retention.prune_messages(keep=KEEP, now=START + 1_000 * DAY))
    rows = await node.store.rollups(("outcome",), since=START - DAY, until=START + DAY)
    assert sum(row.count for row in rows) == 1


async def test_an_idempotency_key_is_forgotten_after_its_day(node, retention):
    key = IdempotencyKey(owner="o", route="r", key="k", fingerprint="f")
    await node.accept(an_email(), idempotency=key, answer="{}")
    assert await retention.prune_keys(now=START + DAY - SECOND) == 0
    assert (await node.store.repeat_of(key, now=START + DAY - SECOND)).answer == "{}"
    assert await node.store.repeat_of(key, now=START + DAY + SECOND) is None
    assert await retention.prune_keys(now=START + DAY + SECOND) == 1
    assert not (await node.accept(an_email(), idempotency=key, answer="{}")).is_repeat


def with_file(sha=SHA, **options):
    file = Attachment(filename="a.txt", content_type="text/plain", sha256=sha, size=1)
    return an_email(attachments=(file,), **options)


async def files_of(node, retention, now):
    await all_of(lambda: retention.keep_files(now=now))
    await all_of(lambda: retention.prune_files(now=now))
    try:
        return await node.store.attachment(SHA)
    except NotFound:
        return None


async def test_a_file_goes_when_no_link_can_lead_to_it_any_more(node, retention):
    email = with_file()
    await node.accept(email, files={SHA: b"x"})
    (work,) = await node.take()
    await node.settle(work)
    assert await files_of(node, retention, START + 8 * DAY) == b"x"
    assert await files_of(node, retention, START + 10 * DAY) is None


async def test_a_file_stays_while_its_mail_waits_and_as_long_as_its_link_lives(node, retention):
    email = with_file(to=("a@example.com", "b@example.com"))
    await node.accept(email, files={SHA: b"x"})
    first, second = await node.take()
    await node.settle(first)
    await node.settle(second, Deferred("busy"))
    for day in range(1, 40):
        assert await files_of(node, retention, START + day * DAY) == b"x"
    sent_at = START + 39 * DAY
    (second,) = await node.take(now=sent_at)
    await node.settle(second, now=sent_at)
    assert await files_of(node, retention, sent_at + 7 * DAY) == b"x"
    assert await files_of(node, retention, sent_at + 12 * DAY) is None


async def test_a_dead_letter_keeps_its_file_until_its_content_goes(node, retention):
    email = with_file()
    await node.accept(email, files={SHA: b"x"})
    (work,) = await node.take()
    await node.settle(work, Rejected("no"))
    for day in range(1, 30):
        assert await files_of(node, retention, START + day * DAY) == b"x"
    now = START + KEEP + DAY
    await all_of(lambda: retention.prune_content(keep=KEEP, now=now))
    assert await files_of(node, retention, now + 10 * DAY) is None


class _Clock:
    def now(self):
        return START

    def monotonic(self):
        return 0.0


PERSON = "Budi@Example.com"


async def heard_of(database, node, message_id):
    """Keep what a provider and an alert may say of the person, in every spelling."""
    fields = "kind, at, received_at, provider, recipient, facts"
    heard = f"'opened', 0, 0, 'p', '{PERSON.lower()}', '{{}}'"
    said = f"'opened', 0, 0, 'p', NULL, '{{\"to\":\"{PERSON}\"}}'"
    bodies = (
        f'{{"email":"{PERSON}"}}',
        '{"email":"budi\\u0040example.com"}',
        "type=spam&email=Budi%40Example.com",
    )
    for number, body in enumerate(bodies):
        row = f"'{number}', 'p', 0, '{body}', 'applied', 'about {PERSON}'"
        into = "callbacks (key, provider, received_at, body, state, note)"
        await database.write(node, f"INSERT INTO {into} VALUES ({row})")
    of_alert = "id, condition, kind, subject, severity, facts, title, body, seen_at, last_at"
    of_alert += ", is_quiet_end"
    of_notice = "alert_id, channel, purpose, shown, severity, title, body, state, due_at, attempts"
    of_notice += ", answer"
    facts = f'{{"x":"<{PERSON}>"}}'
    alert = f"'a', 'k', 'k', '', 'warning', '{facts}', 'to {PERSON}', '{PERSON}.', 0, 0, false"
    notice = f"'a', 'c', 'alert', 'c', 'warning', 'to {PERSON}', '', 'sent', 0, 1, 'no {PERSON}'"
    for into in (
        f"events (id, message_id, match, {fields}) VALUES ('e', '{message_id}', 'id', {heard})",
        f"unmatched (id, {fields}) VALUES ('e0', {heard}), ('e1', {said})",
        f"transient_bounces (address, event_id, at) VALUES ('{PERSON.lower()}', 'e', 0)",
        f"alerts ({of_alert}) VALUES ({alert})",
        f"alert_deliveries ({of_notice}) VALUES ({notice})",
    ):
        await database.write(node, f"INSERT INTO {into}")


async def test_an_erased_address_stands_nowhere_and_its_mail_is_stopped(
    database, node, erasure, everything
):
    file = Attachment(filename="budi.pdf", content_type="text/plain", sha256=SHA, size=1)
    sole = an_email(
        to=(PERSON,),
        attachments=(file,),
        headers=(("X-Nama", "Budi Santoso"),),
        warnings=(f"`to`: {PERSON} was given twice",),
        campaign="c",
        row=PERSON.lower(),
    )
    sole = replace(
        sole,
        to=(Address(PERSON, "Budi Santoso"),),
        subject="Halo Budi Santoso",
        content=Content(id=sole.id, html="<p>Budi Santoso</p>"),
    )
    await node.accept(sole, files={SHA: b"Budi Santoso"})
    (work,) = await node.take()
    await node.settle(work, Rejected(f"no such user {PERSON}", answer=f"<{PERSON}> unknown"))
    several = an_email(to=(PERSON, "ani@example.com"))
    await finished(node, several)
    answered = an_email(to=("toko@example.com",), reply_to=(Address(PERSON, "Budi Santoso"),))
    answered = replace(answered, content=Content(id=answered.id, text="dari Budi Santoso"))
    await finished(node, answered)
    waiting = a_letter(1)
    waiting = replace(
        waiting,
        to=(Address(PERSON),),
        messages=(replace(waiting.messages[0], recipient=PERSON),),
    )
    await node.accept(waiting)
    key = IdempotencyKey(owner="o", route="r", key="k", fingerprint="f")
    await node.accept(an_email(to=("x@example.com",)), idempotency=key, answer=f'"{PERSON} twice"')
    await heard_of(database, node, several.messages[0].id)

    done = await forget(erasure, PERSON, clock=_Clock())

    assert (done.cancelled, done.left, done.anonymised) == (1, 0, 3)
    left = await everything()
    assert PERSON.lower() not in left
    assert "budi" not in left
    assert await node.state(waiting.id) is State.CANCELLED
    assert await node.state(sole.id) is State.DEAD
    record = await node.store.email(several.id)
    assert [str(address) for address in record.to] == ["erased", "ani@example.com"]
    assert record.content is not None
    recipients = [
        m.recipient for m in await node.store.messages(MessageFilter(email_id=several.id))
    ]
    assert sorted(recipients) == ["ani@example.com", "erased"]


async def test_a_campaign_sends_to_no_erased_person_again(node, erasure):
    await finished(node, an_email(campaign="c", row="budi@example.com"))
    await forget(erasure, "budi@example.com", clock=_Clock())
    again = an_email(campaign="c", row="budi@example.com")
    assert (await node.accept(again)).skipped == {again.id}
    other = an_email(campaign="d", row="budi@example.com")
    assert not (await node.accept(other)).skipped


async def test_a_message_that_is_just_being_sent_is_stopped_and_erased_after_it(
    node, erasure, everything
):
    email = an_email(to=("budi@example.com",))
    await node.accept(email)
    (work,) = await node.take()
    step = await erasure.erase([email.id], address="budi@example.com", now=START)
    assert (step.anonymised, step.busy) == (0, (email.id,))
    assert await node.settle(work, Deferred("busy")) is State.CANCELLED
    step = await erasure.erase(step.busy, address="budi@example.com", now=START)
    assert (step.anonymised, step.busy) == (1, ())
    assert "budi" not in await everything()


async def test_mail_that_waits_to_be_answered_to_the_person_is_left_and_counted(
    node, erasure, everything
):
    email = an_email(to=("toko@example.com",), reply_to=(Address("budi@example.com"),))
    await node.accept(email)
    done = await forget(erasure, "budi@example.com", clock=_Clock())
    assert done.left == 1
    (work,) = await node.take()
    assert work.reply_to == (Address("budi@example.com"),)
    await node.settle(work)
    assert (await forget(erasure, "budi@example.com", clock=_Clock())).left == 0
    assert "budi" not in await everything()


async def test_erasing_looks_through_the_history_in_stretches(node, erasure, monkeypatch):
    for name in ("sqlite", "postgres"):
        monkeypatch.setattr(f"terkirim.store.{name}.erasing.LOOKED_AT_ONCE", 3)
    monkeypatch.setattr("terkirim.delivery.erasing.ERASED_AT_ONCE", 2)
    emails = [an_email(to=("budi@example.com",)) for _ in range(8)]
    others = [an_email(to=("ani@example.com",)) for _ in range(8)]
    mixed = [one for pair in zip(emails, others, strict=True) for one in pair]
    await node.accept(*mixed)
    done = await forget(erasure, "budi@example.com", clock=_Clock())
    assert (done.cancelled, done.anonymised) == (8, 8)
    assert len(await node.take()) == 8


async def test_an_address_within_another_is_not_erased(database, node, erasure, everything):
    email = an_email(
        to=("sibudi@example.com",),
        reply_to=(Address("sibudi@example.com.id"),),
        campaign="c",
        row="sibudi@example.com",
    )
    key = IdempotencyKey(owner="o", route="r", key="k", fingerprint="f")
    await node.accept(email, idempotency=key, answer='"sibudi@example.com twice"')
    into = "callbacks (key, provider, received_at, body, state)"
    row = "'1', 'p', 0, 'email=sibudi%40example.com', 'applied'"
    await database.write(node, f"INSERT INTO {into} VALUES ({row})")
    row = "'e', 'opened', 0, 0, 'p', 'sibudi@example.com', '{\"to\":\"sibudi@example.com\"}'"
    into = "unmatched (id, kind, at, received_at, provider, recipient, facts)"
    await database.write(node, f"INSERT INTO {into} VALUES ({row})")
    before = await everything()
    done = await forget(erasure, "budi@example.com", clock=_Clock())
    assert (done.cancelled, done.anonymised, done.left) == (0, 0, 0)
    assert await everything() == before


async def test_a_turn_is_taken_again_after_a_clock_was_far_ahead(node):
    far = START + 365 * DAY
    assert await node.store.take_turn("x", every=DAY, now=far)
    assert await node.store.take_turn("x", every=DAY, now=START)
    assert not await node.store.take_turn("x", every=DAY, now=START + SECOND)
