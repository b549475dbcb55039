"""What the emulated Mailketing posts after a while, as a receiver sees it."""

import asyncio
import json
import random
from collections import Counter
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import pytest

from terkirim.emulator.answers import of
from terkirim.emulator.callbacks import CallbackPlan, planned
from terkirim.emulator.server import Emulator
from terkirim.emulator.wire import Reply, Wire
from tests.integration.emulated import WITHIN, control, once, v1, v2

SOON = 0.001


class Receiver:
    """A customer's server that keeps what it is posted."""

    def __init__(self, status=200):
        self.status = status
        self.requests = []
        self.url = ""

    def may_read(self, path):
        return True

    def respond(self, request):
        self.requests.append(request)
        return Reply(payload=of({}, self.status).payload())

    @property
    def bodies(self):
        return [json.loads(request.body) for request in self.requests]


@asynccontextmanager
async def receiving(**options):
    receiver, opened = Receiver(**options), set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Wire(receiver, opened), "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in?secret=s"
    try:
        yield receiver
    finally:
        server.close()
        for wire in list(opened):
            wire.reset()


async def told(emulator):
    async with asyncio.timeout(WITHIN):
        await emulator.callbacks.idle()
    return emulator.callbacks.counts


async def test_a_reader_opens_and_clicks_in_the_real_shape():
    async with receiving() as receiver:
        plan = CallbackPlan(
            url=receiver.url, after_seconds=SOON, opened=1.0, clicked=1.0, complained=1.0
        )
        async with Emulator(callbacks=plan) as emulator:
            await once(emulator, v2(message_id="m-1"))
            assert await told(emulator) == {"posted": 2}
    bodies = sorted(receiver.bodies, key=lambda body: body["type"], reverse=True)
    assert [body.pop("type") for body in bodies] == ["emailopen", "emailclick"]
    assert [len(body.pop("date")) for body in bodies] == [19, 19]
    named = {"email": "budi@example.com", "message_id": "m-1"}
    assert bodies == [named, named | {"link_clicked": "https://example.com/promo"}]
    assert {request.query for request in receiver.requests} == {"secret=s"}


async def test_a_bounce_is_all_that_is_said_and_v1_names_no_message():
    async with receiving() as receiver:
        plan = CallbackPlan(
            url=receiver.url, after_seconds=SOON, bounced=1.0, opened=1.0, clicked=1.0
        )
        async with Emulator(callbacks=plan) as emulator:
            await once(emulator, v1())
            await told(emulator)
    (body,) = receiver.bodies
    assert body.keys() == {"type", "email", "date", "reason"}
    assert body["type"] == "bounce"


@pytest.mark.parametrize("shape", ["documented", "flat"])
async def test_the_documented_shapes_say_delivered_and_spam(shape):
    async with receiving() as receiver:
        plan = CallbackPlan(
            url=receiver.url, after_seconds=SOON, shape=shape, complained=1.0, unsubscribed=1.0
        )
        async with Emulator(callbacks=plan) as emulator:
            await once(emulator, v2(message_id="m-1"))
            await told(emulator)
    assert {body["event"] for body in receiver.bodies} == {"delivered", "spam"}
    for body in receiver.bodies:
        said = body["data"] if shape == "documented" else body
        assert (said["message_id"], said["email"]) == ("m-1", "budi@example.com")
        assert said.keys() >= {"timestamp", "tracking_id"}


async def test_a_callback_can_come_twice_and_as_a_form():
    async with receiving() as receiver:
        plan = CallbackPlan(
            url=receiver.url,
            shape="documented",
            after_seconds=SOON,
            twice=1.0,
            shuffled=True,
            as_form=True,
        )
        async with Emulator(callbacks=plan) as emulator:
            await once(emulator, v2())
            assert await told(emulator) == {"posted": 2}
    forms = [parse_qs(request.body.decode()) for request in receiver.requests]
    assert [form["event"] for form in forms] == [["delivered"], ["delivered"]]
    assert forms[0]["email"] == ["budi@example.com"]


async def test_a_receiver_that_fails_or_is_gone_is_counted_and_holds_nothing_up():
    async with receiving(status=500) as receiver:
        plan = CallbackPlan(url=receiver.url, after_seconds=SOON, opened=1.0)
        async with Emulator(callbacks=plan) as emulator:
            await once(emulator, v2())
            assert await told(emulator) == {"failed": 1}
            emulator.callbacks.plan = plan.changed({"url": "http://127.0.0.1:1/"})
            await once(emulator, v2())
            assert await told(emulator) == {"failed": 2}
            ledger = (await control(emulator, "GET", "ledger")).json
            assert (ledger["accepted"], ledger["callbacks"]) == (2, {"failed": 2})


async def test_the_plan_is_set_by_control_and_an_end_drops_what_is_planned():
    async with receiving() as receiver:
        async with Emulator() as emulator:
            answer = await control(
                emulator, "PUT", "callbacks", url=receiver.url, opened=1, after_seconds=60
            )
            assert answer.status == 200
            shown = (await control(emulator, "GET", "callbacks")).json
            assert (shown["url"], shown["opened"]) == (receiver.url, 1.0)
            await once(emulator, v2())
        assert receiver.requests == []


def test_shares_are_of_all_messages_and_bounced_ones_are_never_read():
    plan = CallbackPlan(shape="flat", bounced=0.3, opened=0.5, delivered=1.0)
    dice = random.Random(1)
    said = [frozenset(callback.kind for callback in planned(plan, dice)) for _ in range(2_000)]
    counts = Counter(said)
    assert set(counts) == {
        frozenset({"bounced"}),
        frozenset({"delivered"}),
        frozenset({"delivered", "opened"}),
    }
    assert 520 < counts[frozenset({"bounced"})] < 680
    assert 600 < counts[frozenset({"delivered", "opened"})] < 800


def test_callbacks_follow_in_order_unless_they_are_shuffled():
    plan = CallbackPlan(shape="flat", opened=1.0, clicked=1.0, after_seconds=10.0)
    waits = [callback.after for callback in planned(plan, random.Random(1))]
    assert waits == [10.0, 20.0, 30.0]
    shuffled = list(planned(plan.changed({"shuffled": True}), random.Random(2)))
    assert all(0 <= callback.after < 20.0 for callback in shuffled)
    assert [callback.after for callback in shuffled] != waits


@pytest.mark.parametrize(
    "url", ["http://", "http:///", "https://", "ftp://x/", "http://1.2.3.4.5/", "x", "http://[::1/"]
)
def test_an_address_that_nothing_can_be_posted_to_is_refused(url):
    with pytest.raises(ValueError, match="url: give an address"):
        CallbackPlan(url=url)
    with pytest.raises(ValueError, match="url"):
        CallbackPlan().changed({"url": url})
