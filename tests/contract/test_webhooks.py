"""Webhooks over both databases: what happens is told once to whom wants it, by whichever node."""

import json
from datetime import timedelta
from itertools import count

import pytest

from terkirim.domain.errors import NotFound
from terkirim.domain.outcome import Accepted, Deferred, Rejected, Unclear
from terkirim.domain.suppression import Suppression, Why
from terkirim.domain.webhook import (
    Endpoint,
    WebhookAnswer,
    WebhookState,
    WebhookType,
)
from terkirim.policy.webhooks import FAILURES, ended
from terkirim.ports import RequeueFilter
from terkirim.ports.webhooks import DeliveryFilter, EndpointChange, ReplayRange
from terkirim.store.webhooks import DELIVERY
from terkirim.webhooks.payloads import payload_of, trial_payload
from tests.contract.conftest import SECOND, START, UNCLEAR_WAIT, an_email, new_id
from tests.contract.tracked import LATER

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LEASE = timedelta(seconds=30)
SECRET = "whsec_" + "c2VjcmV0" * 4
_urls = count(1)


class Told:
    """The webhooks of one node, driven by hand."""

    def __init__(self, node, database):
        self.node = node
        self.book = database.webhooks(node.store)
        self.now = LATER

    async def endpoint(self, *types, **fields):
        endpoint = Endpoint(
            id=new_id(), url=f"https://app.example/{next(_urls)}", types=types, created_at=self.now
        )
        await self.book.add_endpoint(endpoint, SECRET, who="test", **fields)
        return endpoint.id

    async def publish(self):
        """Publish all that is fresh, and return the payloads."""
        fresh = await self.book.fresh(limit=100)
        payloads = [payload_of(one, id_=new_id()) for one in fresh.happenings]
        assert await self.book.publish(fresh, payloads, now=self.now)
        return payloads

    async def said(self):
        """Return what has happened, as an app is told it."""
        return [json.loads(one.body) for one in await self.publish()]

    async def types(self):
        return [one["type"] for one in await self.said()]

    async def take(self, *endpoints, most=100):
        room = dict.fromkeys(endpoints, most)
        return await self.book.take(room, now=self.now, lease_for=LEASE)

    async def answer(self, task, code=200, **fields):
        said = WebhookAnswer(at=self.now, duration_us=1_000, code=code, **fields)
        return await self.book.end([ended(task, said, now=self.now)], now=self.now)

    async def listed(self, endpoint, **which):
        return await self.book.deliveries(DeliveryFilter(endpoint_id=endpoint, **which))

    async def states(self, endpoint):
        return [one.state for one in await self.listed(endpoint)]

    async def send(self, *, result=None, **options):
        email = an_email(**options)
        await self.node.accept(email)
        (work,) = await self.node.take()
        await self.node.settle(work, result or Accepted("ref"))
        return email

    async def disable(self, endpoint, *, is_enabled=False):
        change = EndpointChange(who="test", now=self.now, is_enabled=is_enabled)
        return await self.book.change_endpoint(endpoint, change)


@pytest.fixture
async def told(node, database):
    return Told(node, database)


@pytest.fixture
async def tracked(open_tracked, database):
    node = await open_tracked()
    return node, Told(node, database)


async def test_an_accepted_message_is_told_once_with_its_email(told):
    await told.endpoint()
    email = await told.send(tags=(("order", "77"),))

    (said,) = await told.said()
    assert said["type"] == "email.sent"
    assert said["data"] == {
        "email_id": email.id,
        "message_id": email.id,
        "created_at": START.isoformat(),
        "from": "toko@example.com",
        "to": ["budi@example.com"],
        "recipient": "budi@example.com",
        "subject": "Halo",
        "tags": {"order": "77"},
    }
    assert await told.types() == []


async def test_each_recipient_is_told_of_by_name(told):
    await told.endpoint()
    email = an_email(to=("a@example.com", "b@example.com"))
    await told.node.accept(email)
    for work in await told.node.take():
        await told.node.settle(work)

    said = await told.said()
    assert {one["data"]["recipient"] for one in said} == {"a@example.com", "b@example.com"}
    assert {one["data"]["email_id"] for one in said} == {email.id}
    assert {one["data"]["message_id"] for one in said} == {one.id for one in email.messages}


async def test_nothing_is_written_where_nobody_wants_it(told, database):
    await told.endpoint(WebhookType.BOUNCED)
    await told.send()
    assert await database.rows(told.node, "SELECT count(*) FROM webhook_facts") == [(0,)]


async def test_mail_that_is_put_off_is_told_at_its_first_deferral_only(told):
    await told.endpoint()
    email = an_email()
    await told.node.accept(email)
    for wait in (0, 10, 60):
        (work,) = await told.node.take(now=START + timedelta(seconds=wait))
        now = START + timedelta(seconds=wait)
        await told.node.settle(work, Deferred("try later"), now=now)
    (said,) = await told.said()
    assert said["type"] == "email.delivery_delayed"
    assert said["data"]["delayed"] == {"reason": "try later"}


async def test_mail_that_is_moved_is_told_again_while_it_is_still_to_come(told):
    await told.endpoint()
    email = an_email(to=("a@example.com", "b@example.com"), scheduled_at=START + DAY)
    await told.node.accept(email)
    await told.said()
    moved = LATER + DAY
    await told.node.store.reschedule(email.id, scheduled_at=moved, now=LATER)
    said = await told.said()
    assert [one["type"] for one in said] == ["email.scheduled"] * 2
    assert {one["created_at"] for one in said} == {LATER.isoformat()}
    assert {one["data"]["scheduled_at"] for one in said} == {moved.isoformat()}
    await told.node.store.reschedule(email.id, scheduled_at=LATER, now=LATER)
    assert await told.types() == []


async def test_mail_whose_first_attempt_stays_unclear_is_told_as_delayed(told):
    await told.endpoint()
    await told.send(result=Unclear("no answer"))
    assert await told.types() == []
    await told.node.store.sweep(now=START + UNCLEAR_WAIT + SECOND)
    assert await told.types() == ["email.delivery_delayed"]


async def test_a_dead_letter_is_told_with_its_reason_and_again_after_a_requeue(told):
    await told.endpoint()
    email = await told.send(result=Rejected("no such mailbox"))
    (said,) = await told.said()
    assert (said["type"], said["data"]["failed"]["reason"]) == ("email.failed", "no such mailbox")

    await told.node.store.requeue(RequeueFilter(message_ids=(email.id,)), now=START)
    (work,) = await told.node.take()
    await told.node.settle(work)
    assert await told.types() == ["email.sent"]


async def test_sandboxed_mail_is_told_as_such(told):
    await told.endpoint()
    await told.send(result=Accepted("ref", is_sandbox=True))
    (said,) = await told.said()
    assert (said["type"], said["data"]["sandbox"]) == ("email.sent", True)


async def test_expired_mail_is_told_as_failed(told):
    await told.endpoint()
    await told.node.accept(an_email(expires_at=START + MINUTE))
    await told.node.store.sweep(now=START + 2 * MINUTE)
    assert await told.types() == ["email.failed"]


async def test_mail_for_later_is_told_as_scheduled(told):
    await told.endpoint()
    later = START + DAY
    await told.node.accept(an_email(scheduled_at=later), an_email())
    (said,) = await told.said()
    assert (said["type"], said["data"]["scheduled_at"]) == ("email.scheduled", later.isoformat())


async def test_suppressions_are_told_and_what_they_stop(told, database):
    await told.endpoint()
    suppressions = database.hearing(told.node.store).suppressions
    entry = Suppression(
        address="budi@example.com", stream=None, why=Why.BY_HAND, source="x", created_at=START
    )
    waiting = an_email()
    await told.node.accept(waiting)
    await suppressions.suppress([entry], who="x", now=START)
    await told.node.accept(an_email())
    await told.node.take()
    await suppressions.unsuppress(["budi@example.com"], who="x", why="", now=START)

    said = await told.said()
    types = ["email.suppressed", "email.suppressed", "suppression.added", "suppression.removed"]
    assert sorted(one["type"] for one in said) == types
    by_type = {one["type"]: one["data"] for one in said}
    assert by_type["email.suppressed"]["suppressed"]["type"] == "by hand"
    assert by_type["suppression.added"]["email"] == "budi@example.com"
    assert by_type["suppression.added"]["origin"] == "manual"
    assert by_type["suppression.added"]["id"] == by_type["suppression.removed"]["id"] == entry.id


async def test_a_provider_s_later_words_are_told_in_resend_s_fields(tracked):
    node, told = tracked
    await told.endpoint()
    email = an_email()
    await node.sent(email)
    await node.say("emailclick", email, ip_address="10.0.0.9", user_agent="Firefox")
    await node.say("bounce", email, at=LATER + MINUTE, reason="550 no such user")

    said = {one["type"]: one for one in await told.said()}
    click, bounce = said["email.clicked"]["data"]["click"], said["email.bounced"]["data"]["bounce"]
    assert click["link"].startswith("https://example.com/")
    assert (click["ipAddress"], click["userAgent"]) == ("10.0.0.9", "Firefox")
    assert bounce == {"message": "550 no such user", "type": "Permanent", "subType": "General"}
    assert said["suppression.added"]["data"]["origin"] == "bounce"
    assert said["email.clicked"]["created_at"] == LATER.isoformat()
    assert await told.types() == []


async def test_a_scanner_s_open_is_not_told(tracked):
    node, told = tracked
    await told.endpoint(WebhookType.OPENED)
    email = an_email()
    await node.sent(email)
    await node.say("emailopen", email, at=START)
    await node.say("emailopen", email, at=LATER)
    (said,) = await told.said()
    assert said["created_at"] == LATER.isoformat()


async def test_the_first_endpoint_is_not_told_what_happened_before_it(tracked):
    node, told = tracked
    email = an_email()
    await node.sent(email)
    await node.say("emailopen", email)
    await told.endpoint()
    assert await told.types() == []
    await node.say("emailclick", email)
    assert await told.types() == ["email.clicked"]


async def test_an_endpoint_gets_only_the_types_that_it_wants(told):
    some = await told.endpoint(WebhookType.FAILED)
    every = await told.endpoint()
    await told.send()
    await told.publish()
    assert (await told.listed(some), len(await told.listed(every))) == ([], 1)


async def test_two_nodes_publish_what_happened_once(open_node, database):
    one, other = [Told(await open_node(name), database) for name in "ab"]
    endpoint = await one.endpoint()
    await one.send()
    fresh, same = [await told.book.fresh(limit=10) for told in (one, other)]
    payloads = [payload_of(fresh.happenings[0], id_=new_id())]
    assert await one.book.publish(fresh, payloads, now=LATER)
    twin = [payload_of(same.happenings[0], id_=new_id())]
    assert not await other.book.publish(same, twin, now=LATER)
    assert [d.payload.id for d in await other.listed(endpoint)] == [payloads[0].id]


async def test_two_nodes_never_take_the_same_delivery(open_node, database):
    one, other = [Told(await open_node(name), database) for name in "ab"]
    endpoint = await one.endpoint()
    for _ in range(4):
        await one.send()
    await one.publish()
    first, second = await one.take(endpoint, most=3), await other.take(endpoint)
    assert (len(first), len(second)) == (3, 1)
    assert not {task.payload_id for task in first} & {task.payload_id for task in second}


async def test_a_delivery_whose_courier_died_is_made_again_under_the_same_id(told):
    endpoint = await told.endpoint()
    await told.send()
    await told.publish()
    (lost,) = await told.take(endpoint)
    assert await told.take(endpoint) == []
    told.now += LEASE
    (again,) = await told.take(endpoint)
    assert (again.payload_id, again.body) == (lost.payload_id, lost.body)
    assert await told.answer(lost, 500) == 0  # woke up late: it moves nothing
    assert await told.answer(again) == 1
    assert await told.states(endpoint) == [WebhookState.DELIVERED]
    codes = [one.code for one in await told.book.attempts(endpoint, again.payload_id)]
    assert codes == [500, 200]  # and is in the log all the same


async def test_a_failed_delivery_waits_as_the_schedule_says_and_is_given_up(told):
    endpoint = await told.endpoint()
    await told.send()
    await told.publish()
    start, waits = told.now, []
    while tasks := await told.take(endpoint):
        await told.answer(tasks[0], 503)
        (delivery,) = await told.listed(endpoint)
        if delivery.due_at is not None:
            waits.append(delivery.due_at - told.now)
            told.now = delivery.due_at
    hours = [timedelta(hours=n) for n in (2, 5, 10, 10, 12, 12, 12)]
    assert waits == [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), *hours]
    assert told.now - start <= timedelta(days=3)
    assert delivery.state is WebhookState.FAILED
    assert (delivery.attempts, delivery.last.code) == (11, 503)


async def test_gone_disables_the_endpoint_and_holds_what_waits(told, database):
    endpoint = await told.endpoint()
    for _ in range(3):
        await told.send()
    await told.publish()
    (task,) = await told.take(endpoint, most=1)
    await told.answer(task, 410)
    assert (await told.book.endpoint(endpoint)).why_disabled == "it answered 410: gone"
    told.now += DAY
    assert await told.book.due_at_endpoints(now=told.now) == {}
    assert await told.take(endpoint) == []
    assert await told.book.hold(limit=100) == 3
    assert await told.book.waiting() == {WebhookState.WAITING: 0, WebhookState.HELD: 3}
    noted = await database.rows(told.node, "SELECT what FROM activity ORDER BY id")
    assert ("webhook endpoint disabled",) in noted


async def test_an_endpoint_without_success_for_three_days_is_disabled(told):
    endpoint = await told.endpoint()
    for _ in range(FAILURES):
        await told.send()
    await told.publish()
    tasks = await told.take(endpoint)
    for task in tasks[:-1]:
        await told.answer(task, None, reason="no answer")
    told.now += timedelta(days=3)
    assert (await told.book.endpoint(endpoint)).is_enabled
    await told.answer(tasks[-1], None, reason="no answer")
    (why,) = [one.why_disabled for one in await told.book.endpoints()]
    assert why == "no success for 3 days, 20 failures; the last one: no answer"


async def test_a_success_forgets_the_failures(told):
    endpoint = await told.endpoint()
    for _ in range(FAILURES + 1):
        await told.send()
    await told.publish()
    tasks = await told.take(endpoint)
    for task in tasks[:-1]:
        await told.answer(task, 500)
    assert (await told.book.endpoint(endpoint)).failures == FAILURES
    await told.answer(tasks[-1], 204)
    found = await told.book.endpoint(endpoint)
    assert (found.failures, found.failing_since) == (0, None)


async def test_what_a_disabled_endpoint_missed_is_replayed_by_range(told):
    endpoint = await told.endpoint()
    await told.disable(endpoint)
    await told.send()
    await told.publish()
    assert await told.states(endpoint) == [WebhookState.HELD]
    await told.disable(endpoint, is_enabled=True)
    assert await told.take(endpoint) == []  # only when a person asks
    which = ReplayRange(
        endpoint_id=endpoint,
        since=START - 400 * DAY,
        until=START + 400 * DAY,
        states=(WebhookState.HELD, WebhookState.FAILED),
    )
    told.now += MINUTE
    assert await told.book.replay_range(which, now=told.now, limit=10) == 1
    assert await told.book.replay_range(which, now=told.now, limit=10) == 0
    (task,) = await told.take(endpoint)
    assert (task.attempts, task.since) == (0, told.now)


async def test_one_delivery_is_replayed_with_its_first_id_and_body(told):
    endpoint = await told.endpoint()
    await told.send()
    await told.publish()
    (task,) = await told.take(endpoint)
    await told.answer(task)
    assert await told.book.replay(endpoint, task.payload_id, now=told.now)
    (again,) = await told.take(endpoint)
    assert (again.payload_id, again.body) == (task.payload_id, task.body)
    assert not await told.book.replay(endpoint, "nothing", now=told.now)


async def test_both_secrets_sign_until_the_old_one_s_day_is_over(told):
    endpoint = await told.endpoint()
    await told.send()
    await told.publish()
    until = told.now + DAY
    await told.book.rotate_secret(endpoint, "whsec_new", old_until=until, who="test", now=told.now)
    (task,) = await told.take(endpoint)
    assert (task.secrets.now, task.secrets.before) == ("whsec_new", SECRET)
    assert "whsec" not in repr(task)
    told.now = until
    (task,) = await told.take(endpoint)
    assert task.secrets.before is None


async def test_a_removed_endpoint_takes_its_deliveries_along(told, database):
    endpoint, other = await told.endpoint(), await told.endpoint()
    await told.send()
    await told.publish()
    await told.book.remove_endpoint(endpoint, who="test", now=told.now)
    with pytest.raises(NotFound):
        await told.book.endpoint(endpoint)
    rows = await database.rows(told.node, "SELECT endpoint_id FROM webhook_deliveries")
    assert rows == [(other,)]
    await told.book.remove_endpoint(other, who="test", now=told.now)
    await told.send()
    assert await database.rows(told.node, "SELECT count(*) FROM webhook_facts") == [(0,)]
    with pytest.raises(NotFound):
        await told.book.remove_endpoint(other, who="test", now=told.now)


async def test_a_test_is_tried_once_and_nobody_judges_by_it(told):
    endpoint = await told.endpoint()
    payload = trial_payload(endpoint, id_=new_id(), now=told.now)
    task = await told.book.publish_test(endpoint, payload, now=told.now, lease_for=LEASE)
    assert await told.take(endpoint) == []
    await told.answer(task, 500)
    (delivery,) = await told.listed(endpoint)
    assert (delivery.state, delivery.payload.type) == (WebhookState.FAILED, "webhook.test")
    assert (await told.book.endpoint(endpoint)).failures == 0
    with pytest.raises(NotFound):
        await told.book.publish_test("nobody", payload, now=told.now, lease_for=LEASE)


async def test_deliveries_are_listed_by_page_state_and_message(told):
    endpoint = await told.endpoint()
    emails = [await told.send() for _ in range(3)]
    payloads = await told.publish()
    (task, *_) = await told.take(endpoint)
    await told.answer(task, 200, answer="ok")
    newest = [one.payload.id for one in await told.listed(endpoint)]
    assert newest == sorted((one.id for one in payloads), reverse=True)
    older = await told.listed(endpoint, after=newest[0], limit=1)
    assert [one.payload.id for one in older] == [newest[1]]
    newer = await told.listed(endpoint, before=newest[2], limit=1)
    assert [one.payload.id for one in newer] == [newest[1]]
    (done,) = await told.listed(endpoint, state=WebhookState.DELIVERED)
    assert (done.payload.id, done.last.answer) == (task.payload_id, "ok")
    assert await told.listed(endpoint, state=WebhookState.FAILED) == []
    (of_one,) = await told.book.deliveries_of(emails[0].id)
    assert of_one.payload.message_id == emails[0].id
    assert (await told.book.delivery(endpoint, newest[0])).payload.id == newest[0]
    with pytest.raises(NotFound):
        await told.book.delivery(endpoint, "nothing")


async def test_old_payloads_are_forgotten_but_not_while_they_wait(told, database):
    endpoint = await told.endpoint()
    for _ in range(3):
        await told.send()
    await told.publish()
    (task,) = await told.take(endpoint, most=1)
    await told.answer(task)
    far = START + 4_000 * DAY
    assert await told.book.forget(before=START - 4_000 * DAY, limit=10) == 0
    assert await told.book.forget(before=far, limit=10) == 1
    assert await told.book.forget(before=far, limit=10) == 0
    for table, left in (("payloads", 2), ("deliveries", 2), ("attempts", 0)):
        rows = await database.rows(told.node, f"SELECT count(*) FROM webhook_{table}")
        assert rows == [(left,)]


async def test_an_erased_person_is_in_no_body_and_no_answer(told, database):
    endpoint = await told.endpoint()
    hers = await told.send(to=("sari@x.id",))
    theirs = an_email(to=("sari@x.id", "joko@x.id"))
    await told.node.accept(theirs)
    for work in await told.node.take():
        await told.node.settle(work)
    suppressions = database.hearing(told.node.store).suppressions
    entry = Suppression(
        address="sari@x.id", stream=None, why=Why.BY_HAND, source="x", created_at=START
    )
    await suppressions.suppress([entry], who="x", now=START)
    await suppressions.unsuppress(["sari@x.id"], who="x", why="", now=START)
    await told.publish()
    for task in await told.take(endpoint):
        await told.answer(task, 200, answer="thanks, sari@x.id")

    erasure = database.erasure(told.node)
    ids = [hers.id, *(one.id for one in theirs.messages if one.recipient == "sari@x.id")]
    await erasure.erase(ids, address="sari@x.id", now=told.now)
    await erasure.erase_rest("sari@x.id")

    bodies = [json.loads(one.payload.body)["data"] for one in await told.listed(endpoint)]
    assert "sari" not in json.dumps(bodies)
    assert [one["subject"] for one in bodies if one.get("email_id") == hers.id] == [""]
    assert {"joko@x.id"} < {one.get("recipient") for one in bodies}
    answers = await database.rows(told.node, "SELECT answer FROM webhook_attempts")
    assert set(answers) == {("thanks, erased",)}


async def test_what_waits_to_be_told_loses_the_erased_person_and_is_told_anew(told, database):
    await told.endpoint()
    await told.send(result=Rejected("550 no such user sari@x.id"), to=("sari@x.id",))
    suppressions = database.hearing(told.node.store).suppressions
    entries = [
        Suppression(address=one, stream=None, why=Why.BY_HAND, source="x", created_at=START)
        for one in ("sari@x.id", "sari@x.id.au")
    ]
    await suppressions.suppress(entries, who="x", now=START)
    before = await told.book.fresh(limit=100)
    await database.erasure(told.node).erase_rest("sari@x.id")

    old = [payload_of(one, id_=new_id()) for one in before.happenings]
    assert not await told.book.publish(before, old, now=told.now)
    said = {one["type"]: one["data"] for one in await told.said()}
    assert said["email.failed"]["failed"] == {"reason": "erased"}
    facts = await database.rows(told.node, "SELECT body FROM webhook_payloads ORDER BY body")
    emails = [json.loads(body)["data"].get("email") for (body,) in facts]
    assert sorted(one for one in emails if one is not None) == ["erased", "sari@x.id.au"]


async def test_a_person_who_is_erased_between_reading_and_publishing_is_not_told_of(
    tracked, database
):
    node, told = tracked
    await told.endpoint()
    email = an_email(to=("sari@x.id",))
    await node.sent(email)
    await node.say("click", email)
    before = await told.book.fresh(limit=100)
    old = [payload_of(one, id_=new_id()) for one in before.happenings]
    await database.erasure(node).erase([email.id], address="sari@x.id", now=told.now)
    assert not await told.book.publish(before, old, now=told.now)
    said = await told.said()
    assert {one["type"] for one in said} >= {"email.sent", "email.clicked"}
    assert "sari" not in json.dumps(said)


async def test_with_what_an_erased_person_read_her_mail_is_in_no_body(tracked, database):
    node, told = tracked
    endpoint = await told.endpoint()
    email = an_email(to=("sari@x.id",))
    await node.sent(email)
    reader = {"ip_address": "192.0.2.7", "user_agent": "Her Own Reader"}
    await node.say("click", email, url="https://toko.example/?of=sari", **reader)
    await told.publish()
    await database.erasure(node).erase([email.id], address="sari@x.id", now=told.now)
    bodies = [one.payload.body for one in await told.listed(endpoint)]
    assert len(bodies) == 2
    assert not [one for one in bodies for hers in ("192.0.2.7", "Reader", "sari") if hers in one]


async def test_no_question_looks_through_all_that_was_delivered(told, database):
    """Ask how it would be answered: by an index of what is open, however much is not."""
    endpoint = await told.endpoint()
    rows = """WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3000)
        INSERT INTO webhook_deliveries (payload_id, endpoint_id, state, since)
        SELECT 'p' || n, :id, CASE WHEN n % 1000 = 0 THEN 'failed' ELSE 'delivered' END, 0 FROM n"""
    await database.write(told.node, rows, id=endpoint)
    await database.write(told.node, "ANALYZE webhook_deliveries")
    tests = f"d.endpoint_id = '{endpoint}' AND d.state = 'failed' AND d.state <> 'delivered'"
    failed = f"{DELIVERY} WHERE {tests} ORDER BY d.payload_id DESC LIMIT 20"
    assert "webhook_deliveries_open" in await database.plan(told.node, failed)
    rows = """WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3000)
        INSERT INTO webhook_deliveries (payload_id, endpoint_id, state, since, due_at)
        SELECT 'w' || n, :id, 'waiting', 0, n FROM n"""
    await database.write(told.node, rows, id=endpoint)
    await database.write(told.node, "ANALYZE webhook_deliveries")
    due = f"SELECT 1 FROM webhook_deliveries WHERE endpoint_id = '{endpoint}'"
    due = f"{due} AND state = 'waiting' AND due_at <= 1"
    assert "webhook_deliveries_due" in await database.plan(told.node, due)
