"""When a webhook is tried again and given up, whom it may be sent to, and how many at once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from terkirim.domain.webhook import Endpoint, Secrets, WebhookAnswer, WebhookState, WebhookTask
from terkirim.policy.reach import may_reach
from terkirim.policy.webhooks import TRIED_FOR, WAITS, ended, failed_too_long, next_try
from terkirim.webhooks.courier import Courier, CourierSettings

START = datetime(2026, 1, 5, tzinfo=UTC)


def a_task(**fields):
    given = {
        "endpoint_id": "e", "payload_id": "p", "lease": 1, "attempts": 0, "since": START,
        "url": "https://app.example/", "secrets": Secrets("whsec_x"), "body": "{}",
    }  # fmt: skip
    return WebhookTask(**given | fields)


def an_answer(code):
    return WebhookAnswer(at=START, duration_us=1, code=code)


def test_the_waits_are_those_that_are_documented_and_end_within_three_days():
    now, waits = START, []
    while (due_at := next_try(len(waits) + 1, since=START, now=now)) is not None:
        waits.append(due_at - now)
        now = due_at
    assert waits == [*WAITS, WAITS[-1], WAITS[-1]]
    assert now - START <= TRIED_FOR < now - START + WAITS[-1]


@pytest.mark.parametrize("code", [200, 201, 204, 299])
def test_every_2xx_is_a_success(code):
    end = ended(a_task(), an_answer(code), now=START)
    assert (end.state, end.due_at, end.why_disabled) == (WebhookState.DELIVERED, None, None)


@pytest.mark.parametrize("code", [None, 100, 301, 400, 404, 429, 500, 599])
def test_everything_else_is_tried_again(code):
    end = ended(a_task(), an_answer(code), now=START)
    assert (end.state, end.due_at) == (WebhookState.WAITING, START + WAITS[0])
    assert end.why_disabled is None


def test_gone_disables_the_endpoint_but_not_by_a_test():
    assert ended(a_task(), an_answer(410), now=START).why_disabled is not None
    end = ended(a_task(is_test=True), an_answer(410), now=START)
    assert (end.state, end.due_at, end.why_disabled) == (WebhookState.FAILED, None, None)


def test_a_secret_is_in_no_text_of_a_task():
    assert "whsec" not in repr(a_task())


@pytest.mark.parametrize(
    ("addresses", "reach", "may"),
    [
        (["93.184.216.34"], "public", True),
        (["93.184.216.34", "10.0.0.1"], "public", False),
        (["10.0.0.1"], "any", True),
        ([], "any", False),
        ([], "public", False),
    ],
)
def test_every_address_of_a_name_must_be_allowed(addresses, reach, may):
    assert may_reach(addresses, reach) is may


class Queue:
    """Has something due for everybody, and writes down for how many there was room."""

    def __init__(self, due):
        self.due = due
        self.room = None

    async def due_at_endpoints(self, *, now):
        return self.due

    async def take(self, room, *, now, lease_for):
        self.room = room
        return []


class Sender:
    within = timedelta(seconds=15)


class Clock:
    def now(self):
        return START


async def room(due, **settings):
    queue = Queue(due)
    courier = Courier(
        feed=None, queue=queue, sender=Sender(), clock=Clock(), new_id=str,
        settings=CourierSettings(**settings),
    )  # fmt: skip
    await courier.deliver()
    return queue.room


async def test_an_endpoint_that_fails_gets_less_room_than_one_that_answers():
    found = await room({"well": False, "ill": True}, at_once=32, failing_at_once=4)
    assert found == {"well": 32, "ill": 4}


async def test_a_node_has_only_so_many_in_the_air_in_all():
    found = await room({"a": False, "b": False, "c": False}, at_once=30, in_all=50)
    assert found == {"a": 30, "b": 20}


def test_an_endpoint_that_is_given_up_says_why():
    says = failed_too_long(23, "HTTP 500")
    assert says == "no success for 3 days, 23 failures; the last one: HTTP 500"


def test_secrets_do_not_show_themselves():
    assert "whsec_x" not in repr(Secrets("whsec_x"))


def test_an_endpoint_is_delivered_to_until_there_is_a_reason_not_to():
    one = Endpoint(id="e", url="https://app.example/", types=(), created_at=START)
    assert one.is_enabled
    assert not replace(one, why_disabled="by hand").is_enabled
