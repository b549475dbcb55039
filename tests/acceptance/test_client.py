"""The client against a served gateway, as a caller in another process uses it."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from terkirim import (
    AccessRefused,
    AsyncClient,
    Client,
    IdempotencyConflict,
    InvalidEmail,
    NotFound,
    WrongState,
)
from terkirim.domain.email import Address
from tests.acceptance.conftest import KEY

TO = "budi@example.com"


@pytest.fixture
def client(served):
    with Client(served.url, KEY) as one:
        yield one


def ended(client, message_id):
    deadline = time.monotonic() + 20
    while (story := client.get_message(message_id)).finished_at is None:
        assert time.monotonic() < deadline, story
    return story


def test_an_email_is_sent_and_its_story_read(client):
    sent = client.send_email(
        to=TO,
        subject="Halo {{ nama }}",
        html="<p>{{ nama }}</p>",
        sender=Address("toko@example.com", "Toko, Maju"),
        reply_to="jawab@example.com",
        headers={"X-Order": "7"},
        tags=[{"name": "kind", "value": "otp"}],
        attachments=[
            {"filename": "a.bin", "content": b"\x00\x01"},
            {"filename": "empty.txt", "content": b""},
        ],
        variables={TO: {"nama": "Budi"}},
        expires_in=timedelta(minutes=10),
        if_unclear="hold",
        priority="high",
    )
    assert (sent.is_sandbox, sent.warnings) == (True, ())
    story = ended(client, sent.id)
    assert (story.state, story.is_sandbox, story.recipient) == ("accepted", True, TO)
    assert [(one.number, one.outcome) for one in story.attempts_made] == [(1, "accepted")]
    email = client.get_email(sent.id)
    assert (email.sender, email.to) == ("Toko, Maju <toko@example.com>", (TO,))
    assert (email.priority, email.if_unclear, email.tags[0].value) == ("high", "hold", "otp")
    assert email.expires_at - email.created_at == timedelta(minutes=10)
    assert [one.state for one in email.messages] == ["accepted"]


def test_the_same_key_sends_once_and_other_fields_are_a_conflict(client):
    fields = {"to": TO, "subject": "x", "text": "y", "idempotency_key": "order-1"}
    assert client.send_email(**fields).id == client.send_email(**fields).id
    with pytest.raises(IdempotencyConflict):
        client.send_email(**fields | {"subject": "z"})
    assert client.send_email(to=TO, subject="x", text="y").id != client.send_email(**fields).id


def test_a_wrong_field_is_named_and_so_is_one_that_nobody_knows(client):
    with pytest.raises(InvalidEmail, match="must be a text") as caught:
        client.send_email(to=TO, subject=5, text="x")
    assert caught.value.field == "subject"
    with pytest.raises(InvalidEmail, match="did you mean `headers`"):
        client.send_email(to=TO, subject="x", text="y", header={"X-A": "b"})


def test_a_batch_is_all_or_none_unless_the_bad_may_be_skipped(client):
    good, bad = {"to": TO, "subject": "x", "text": "y"}, {"to": "nobody", "subject": "x"}
    assert len(client.send_batch([good, good]).sent) == 2
    with pytest.raises(InvalidEmail, match="e-mail 1"):
        client.send_batch([good, bad])
    batch = client.send_batch([good, bad, good], skip_bad=True)
    assert len(batch.sent) == 2
    assert [(one.index, "nobody" in one.message) for one in batch.refused] == [(1, True)]


def test_half_a_surrogate_pair_is_the_fault_of_its_field_and_of_its_email_only(client):
    good = {"to": TO, "subject": "x", "text": "y"}
    with pytest.raises(InvalidEmail, match="half a surrogate pair") as caught:
        client.send_email(**good | {"subject": "a\ud800"})
    assert caught.value.field == "subject"
    batch = client.send_batch([good, good | {"subject": "a\ud800"}], skip_bad=True)
    assert len(batch.sent) == 1
    assert [(one.index, "`subject`" in one.message) for one in batch.refused] == [(1, True)]


def test_a_scheduled_email_is_moved_and_cancelled_and_then_it_is_too_late(client):
    at = datetime.now(UTC) + timedelta(hours=2)
    sent = client.send_email(to=TO, subject="x", text="y", scheduled_at=at)
    client.reschedule(sent.id, at + timedelta(hours=1))
    moved = client.get_email(sent.id)
    assert moved.last_event == "scheduled"
    assert abs(moved.scheduled_at - at - timedelta(hours=1)) < timedelta(seconds=1)
    assert client.cancel(sent.id).too_late == ()
    assert client.list_messages(state="cancelled").items[0].id == sent.id
    with pytest.raises(WrongState) as caught:
        client.reschedule(sent.id, at)
    assert caught.value.state == "cancelled"


def test_what_has_left_is_not_cancelled_and_its_state_is_told(client):
    sent = client.send_email(to=TO, subject="x", text="y")
    ended(client, sent.id)
    with pytest.raises(WrongState) as caught:
        client.cancel(sent.id)
    assert caught.value.state == "accepted"


def test_what_the_sandbox_kept_is_queued_again_and_what_was_cancelled_is_not(client):
    sent = client.send_email(to=TO, subject="x", text="y")
    ended(client, sent.id)
    client.requeue(sent.id)
    later = client.send_email(to=TO, subject="x", text="y", scheduled_at="in 1 hour")
    client.cancel(later.id)
    with pytest.raises(WrongState) as caught:
        client.requeue(later.id)
    assert caught.value.state == "cancelled"


def test_messages_are_listed_by_filter_page_by_page(client):
    to = [f"list{number}@example.com" for number in range(3)]
    sent = client.send_email(to=to, subject="x", text="y", scheduled_at="in 1 hour")
    queued = list(client.all_messages(email_id=sent.id, state=["queued", "held"]))
    assert {one.recipient for one in queued} == set(to)
    page = client.list_messages(email_id=sent.id, limit=2)
    assert (list(page), page.has_more) == (queued[:2], True)
    assert list(client.list_messages(email_id=sent.id, after=page.items[-1].id)) == queued[2:]
    assert client.list_messages(recipient=to[0], is_sandbox=True).items == ()


def test_every_email_is_listed_page_by_page_newest_first(client):
    wanted = [client.send_email(to=TO, subject=f"p{n}", text="y").id for n in range(3)]
    assert [one.id for one in client.list_emails(limit=3)] == wanted[::-1]
    assert [one.id for one in client.list_emails(limit=1, after=wanted[2])] == [wanted[1]]
    assert [one.id for one in islice(client.all_emails(), 3)] == wanted[::-1]
    client.send_batch([{"to": TO, "subject": "x", "text": "y"}] * 100)
    every = [one.id for one in client.all_emails()]
    assert len(every) > 100
    assert len(set(every)) == len(every)


def test_what_is_not_there_is_not_found(client):
    for ask in (client.get_email, client.get_message, client.cancel, client.requeue):
        with pytest.raises(NotFound):
            ask("unknown")


def test_retries_are_counted(client):
    ended(client, client.send_email(to=TO, subject="x", text="y").id)
    statistics = client.retry_statistics(days=2)
    assert (statistics.days, statistics.attempts > 0) == (2, True)


def test_a_wrong_key_is_refused(served):
    with Client(served.url, "wrong") as client, pytest.raises(AccessRefused) as caught:
        client.list_emails()
    assert caught.value.status == 403


async def test_the_async_face_does_the_same(served):
    async with AsyncClient(f"{served.url}/v1", KEY) as client:
        sent = await asyncio.gather(
            *(client.send_email(to=TO, subject=f"x{n}", text="y") for n in range(40))
        )
        ids = {one.id for one in sent}
        assert len(ids) == 40
        assert (await client.get_email(sent[0].id)).subject == "x0"
        assert (await client.get_message(sent[0].id)).recipient == TO
        assert len((await client.list_emails(limit=2)).items) == 2
        assert ids <= {one.id async for one in client.all_emails()}
        batch = await client.send_batch([{"to": TO, "subject": "x", "text": "y"}])
        assert len(batch.sent) == 1
        later = await client.send_email(to=TO, subject="x", text="y", scheduled_at="in 2 hours")
        await client.reschedule(later.id, "in 3 hours")
        assert (await client.cancel(later.id)).too_late == ()
        assert (await client.list_messages(state="cancelled")).items[0].id == later.id
        assert later.id in [one.id async for one in client.all_messages(state="cancelled")]
        assert (await client.retry_statistics()).days == 7
        with pytest.raises(WrongState):
            await client.requeue(later.id)


def test_a_gateway_that_is_being_restarted_is_waited_for(served):
    with Client(served.url, KEY, timeout=60, waits=(0.2,) * 200) as client:
        client.send_email(to=TO, subject="before", text="y")
        served.stop()
        restart = threading.Thread(target=served.start)
        restart.start()
        try:
            assert client.send_email(to=TO, subject="meanwhile", text="y").id
        finally:
            restart.join()
