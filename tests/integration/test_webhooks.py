"""Webhooks over real sockets: an app that is down, slow, redirects, cuts the line, and is told."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from time import monotonic
from zoneinfo import ZoneInfo

import pytest
from resend import Webhooks as ResendWebhooks
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from terkirim.domain.errors import InvalidEmail, WrongState
from terkirim.domain.ids import uuid7
from terkirim.domain.suppression import Suppression, Why
from terkirim.domain.webhook import WebhookState, WebhookType
from terkirim.policy.breaker import BreakerSettings
from terkirim.policy.conditions import ENDPOINT_DISABLED
from terkirim.ports.webhooks import DeliveryFilter
from terkirim.store.gate_settings import GateSettings
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.sqlite.suppressions import SqliteSuppressions
from terkirim.store.sqlite.webhooks import SqliteWebhooks
from terkirim.webhooks.courier import CourierSettings
from terkirim.webhooks.parts import Telling
from terkirim.webhooks.watch import forget, look
from tests.integration.receiver import Receiver

GATES = GateSettings(
    routes={"default": ("sandbox",)}, breaker=BreakerSettings(), zone=ZoneInfo("Asia/Jakarta")
)
SECOND = timedelta(seconds=1)
_numbers = count(1)


def new_id():
    return uuid7(1_767_000_000_000 + next(_numbers), 0)


class ShiftedClock:
    """The machine's clock, moved on by the test."""

    def __init__(self):
        self.shift = timedelta(0)

    def now(self):
        return datetime.now(UTC) + self.shift

    def monotonic(self):
        return monotonic()


async def local(_host, _port):
    return ["127.0.0.1"]


class App:
    """A gateway's webhooks over a file of their own."""

    def __init__(self, telling, clock):
        self.telling = telling
        self.clock = clock
        self.book = telling.book
        self.courier = telling.courier
        self.desk = telling.desk

    async def add(self, url, *types):
        return await self.desk.add(url, types, who="test")

    async def happen(self, number=1):
        """Let suppressions happen, which need no e-mail: each is told as `suppression.added`."""
        entries = [
            Suppression(
                address=f"{new_id()}@example.com",
                stream=None,
                why=Why.BY_HAND,
                source="x",
                created_at=self.clock.now(),
            )
            for _ in range(number)
        ]
        list_ = SqliteSuppressions(self.book._store, ids=new_id)
        await list_.suppress(entries, who="x", now=self.clock.now())

    async def round(self):
        """Publish and deliver once, and wait until all of it is recorded."""
        await self.courier.publish()
        while await self.courier.deliver():
            await asyncio.gather(*self.courier._sending)
            await self.courier.record()

    async def deliveries(self, endpoint):
        return await self.book.deliveries(DeliveryFilter(endpoint_id=endpoint.endpoint.id))

    async def only(self, endpoint):
        (delivery,) = await self.deliveries(endpoint)
        return delivery


@pytest.fixture
def opened(tmp_path):
    @asynccontextmanager
    async def opening(name="a", *, reach="any", resolve=local, within=15.0, **settings):
        store = SqliteStore(tmp_path / "webhooks.db", node=name, settings=GATES)
        clock = ShiftedClock()
        telling = Telling(
            book=SqliteWebhooks(store),
            reach=reach,
            resolve=resolve,
            clock=clock,
            new_id=new_id,
            settings=CourierSettings(**settings),
        )
        telling.courier._sender.within = timedelta(seconds=within)
        try:
            yield App(telling, clock)
        finally:
            await telling.stop(within=SECOND)
            await telling.close()
            await store.close()

    return opening


@pytest.fixture
async def app(opened):
    async with opened() as one:
        yield one


async def test_two_independent_verifiers_accept_the_signature(app):
    async with Receiver() as receiver:
        made = await app.add(receiver.url)
        await app.happen()
        await app.round()
        (got,) = receiver.got
    said = Webhook(made.secret).verify(got.body, got.headers)
    assert said["type"] == "suppression.added"
    names = {name: got.headers[f"svix-{name}"] for name in ("id", "timestamp", "signature")}
    options = {"payload": got.body.decode(), "headers": names, "webhook_secret": made.secret}
    assert ResendWebhooks.verify(options) == said
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(got.body + b" ", got.headers)


async def test_after_a_rotation_the_old_and_the_new_secret_verify(app):
    async with Receiver() as receiver:
        made = await app.add(receiver.url)
        new = await app.desk.rotate(made.endpoint.id, who="test")
        await app.happen()
        await app.round()
        (got,) = receiver.got
    assert new != made.secret
    for secret in (made.secret, new):
        Webhook(secret).verify(got.body, got.headers)
    assert got.headers["webhook-signature"].count("v1,") == 2


async def test_a_receiver_that_was_down_is_told_later_under_the_same_id(app):
    async with Receiver(status=[503, 503, 200]) as receiver:
        made = await app.add(receiver.url)
        await app.happen()
        for wait in (timedelta(0), 5 * SECOND, timedelta(minutes=5)):
            app.clock.shift += wait
            await app.round()
        first, second, third = receiver.got
    assert first.id == second.id == third.id
    assert first.body == second.body == third.body
    assert int(third.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) >= 305
    assert first.headers["webhook-signature"] != third.headers["webhook-signature"]
    delivery = await app.only(made)
    assert (delivery.state, delivery.attempts) == (WebhookState.DELIVERED, 3)
    attempts = await app.book.attempts(made.endpoint.id, first.id)
    assert [one.code for one in attempts] == [503, 503, 200]


@pytest.mark.parametrize("code", [301, 307, 308])
async def test_a_redirect_is_not_followed_and_is_a_failure(app, code):
    async with Receiver() as other, Receiver(status=code) as receiver:
        receiver.headers = (("location", other.url),)
        made = await app.add(receiver.url)
        await app.happen()
        await app.round()
        assert not other.got
    last = (await app.only(made)).last
    assert (last.code, last.reason) == (code, "redirects are not followed")


async def test_a_line_that_is_cut_after_the_body_is_tried_again(app):
    async with Receiver(reset=True) as receiver:
        made = await app.add(receiver.url)
        await app.happen()
        await app.round()
        delivery = await app.only(made)
        assert (delivery.state, delivery.last.code) == (WebhookState.WAITING, None)
        assert delivery.last.reason.startswith("no answer: ")
        receiver.reset = False
        app.clock.shift += 5 * SECOND
        await app.round()
    assert len({one.id for one in receiver.got}) == 1
    assert (await app.only(made)).state is WebhookState.DELIVERED


async def test_an_app_that_does_not_answer_in_time_has_failed(opened):
    async with opened(within=0.2) as app, Receiver(hangs=True) as receiver:
        made = await app.add(receiver.url)
        await app.happen()
        await app.round()
        last = (await app.only(made)).last
    assert (last.code, last.reason) == (None, "no answer within 0 s")


async def test_of_a_long_answer_only_the_beginning_is_kept(app):
    async with Receiver(body=b"<" * 1_000_000) as receiver:
        made = await app.add(receiver.url)
        await app.happen()
        await app.round()
    assert (await app.only(made)).last.answer == "<" * 1_024


async def test_a_slow_app_holds_up_no_other_one(opened):
    async with (
        opened(at_once=4) as app,
        Receiver(hangs=True) as slow,
        Receiver() as quick,
    ):
        await app.add(slow.url)
        await app.add(quick.url)
        await app.happen(20)
        app.telling.start()
        await quick.wait_for(20)
        await slow.wait_for(4)
    assert slow.most_in_air == 4
    assert len({one.id for one in quick.got}) == 20


async def test_a_hundred_endpoints_are_each_told_once(app):
    async with Receiver() as receiver:
        for number in range(100):
            await app.add(f"{receiver.url}/{number}")
        await app.happen(3)
        app.telling.start()
        await receiver.wait_for(300)
        assert len({(one.path, one.id) for one in receiver.got}) == 300
        assert len(receiver.got) == 300


async def test_two_nodes_deliver_each_thing_once(opened):
    async with opened("a") as one, opened("b") as other, Receiver() as receiver:
        await one.add(receiver.url)
        await one.happen(50)
        one.telling.start()
        other.telling.start()
        await receiver.wait_for(50)
        await one.telling.stop(within=SECOND)
        await other.telling.stop(within=SECOND)
        assert len(receiver.got) == len({got.id for got in receiver.got}) == 50


async def test_what_was_sent_and_not_recorded_is_sent_again_under_the_same_id(opened):
    async with Receiver() as receiver:
        async with opened("a") as app:
            made = await app.add(receiver.url)
            await app.happen()
            await app.courier.publish()
            await app.courier.deliver()
            await receiver.wait_for(1)
            app.courier.record = lambda: asyncio.sleep(0)  # it dies here
        async with opened("b") as app:
            await app.round()
            assert len(receiver.got) == 1  # its lease is not over yet
            app.clock.shift += app.courier.lease_for
            await app.round()
            assert (await app.only(made)).state is WebhookState.DELIVERED
    first, again = receiver.got
    assert (first.id, first.body) == (again.id, again.body)


async def test_gone_is_the_end_and_people_are_told(app):
    class Alarms:
        async def settle(self, conditions, *, kinds):
            self.found, self.kinds = conditions, kinds

    async with Receiver(status=410) as receiver:
        made = await app.add(receiver.url)
        await app.happen()
        await app.round()
        await app.happen()
        await app.round()
        assert len(receiver.got) == 1
    alarms = Alarms()
    await look(app.book, alarms)
    (condition,) = alarms.found
    assert (condition.kind, condition.subject) == (ENDPOINT_DISABLED, made.endpoint.id)
    assert condition.facts == {"url": receiver.url, "reason": "it answered 410: gone"}
    with pytest.raises(WrongState):
        await app.desk.replay_range(made.endpoint.id, since=app.clock.now() - timedelta(days=1))
    await app.desk.change(made.endpoint.id, who="test", is_enabled=True)
    await look(app.book, alarms)
    assert (alarms.found, alarms.kinds) == ([], {ENDPOINT_DISABLED})


async def test_a_test_event_is_answered_at_once(app):
    async with Receiver(status=[500, 200]) as receiver:
        made = await app.add(receiver.url, WebhookType.FAILED)
        id_, end = await app.desk.test(made.endpoint.id)
        assert (end.answer.code, end.state) == (500, WebhookState.FAILED)
        await app.desk.change(made.endpoint.id, who="test", is_enabled=False)
        _, end = await app.desk.test(made.endpoint.id)
        assert end.state is WebhookState.DELIVERED
        assert receiver.got[0].id == id_
        assert json.loads(receiver.got[0].body)["type"] == "webhook.test"


async def test_a_name_that_leads_to_this_machine_is_not_asked(opened):
    async with opened(reach="public") as app, Receiver() as receiver:
        made = await app.add(f"https://app.example:{receiver.port}/")
        await app.happen()
        await app.round()
        last = (await app.only(made)).last
        assert not receiver.got
    assert last.reason == "the host is not on the open Internet; see TERKIRIM_WEBHOOK_REACH"


async def test_the_address_that_was_judged_is_the_one_that_is_asked(opened):
    asked = []

    async def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    async with opened(resolve=rebinding) as app, Receiver() as receiver:
        await app.add(f"http://app.example:{receiver.port}/")
        await app.happen(2)
        await app.round()
        assert len(receiver.got) == 2
        assert receiver.got[0].headers["host"] == f"app.example:{receiver.port}"
    assert asked == ["app.example"]  # the connection has no other way than by this look


async def test_a_name_that_is_not_known_is_a_failure(opened):
    async def unknown(_host, _port):
        raise OSError

    async with opened(resolve=unknown) as app:
        made = await app.add("http://nowhere.example/")
        await app.happen()
        await app.round()
        assert (await app.only(made)).last.reason == "the name of the host is not known"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://app.example/",
        "https://",
        "no address",
        "https://user:word@app.example/",
        "http://app.example/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[fe80::1%25eth0]/",
        "https://app.example/" + "x" * 2_000,
        "https://app.example/#part",
        "https://a b/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://app.example:0/",
        "https://app.example:99999/",
        "https://[::1/",
        "https://app\0.example/",
        "https://app.example/\ud800",
    ],
)
async def test_an_address_that_may_not_be_told_is_refused_by_name(opened, url):
    async with opened(reach="public") as app:
        with pytest.raises(InvalidEmail) as error:
            await app.add(url)
        assert error.value.field == "endpoint"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!", "whsec_c2hvcnQ=", "c2VjcmV0" * 4])
async def test_a_secret_that_is_none_is_refused_without_being_repeated(app, secret):
    with pytest.raises(InvalidEmail) as error:
        await app.desk.add("https://app.example/", (), who="test", secret=secret)
    assert error.value.field == "signing_secret"
    assert not secret or secret == "whsec_" or secret not in str(error.value)


async def test_a_given_secret_signs(app):
    secret = "whsec_" + "c2VjcmV0" * 4
    async with Receiver() as receiver:
        await app.desk.add(receiver.url, (), who="test", secret=secret)
        await app.happen()
        await app.round()
        Webhook(secret).verify(receiver.got[0].body, receiver.got[0].headers)


async def test_a_type_that_is_not_known_is_refused_by_name(app):
    with pytest.raises(InvalidEmail, match=r"`events`: 'email\.eaten' is not known"):
        await app.desk.add("https://app.example/", ["email.eaten"], who="test")


async def test_what_is_old_is_forgotten_and_what_waits_is_not(app):
    async with Receiver() as receiver:
        made = await app.add(receiver.url)
        await app.happen(3)
        await app.round()
    await app.happen()
    await app.courier.publish()
    app.clock.shift += timedelta(days=400)
    await forget(app.book, keep=timedelta(days=30), clock=app.clock)
    left = await app.deliveries(made)
    assert [one.state for one in left] == [WebhookState.WAITING]
