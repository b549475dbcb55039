"""What leaves after a 429: one message, then twice as many as are accepted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from terkirim.domain.outcome import Deferred
from tests.contract.conftest import GATES, SECOND, START, an_email

ONE_PROVIDER = replace(GATES, routes={"default": ("first",)}, concurrency=50)
SLOW = Deferred("slow down", retry_after=timedelta(0), is_rate_limit=True)


@pytest.fixture
async def node(open_node):
    return await open_node(gates=ONE_PROVIDER)


async def round_of(node, at, *, result=None):
    works = await node.take(now=at)
    for work in works:
        await node.settle(work, result, now=at)
    return len(works)


async def test_come_back_in_0_seconds_is_no_leave_to_hammer(node):
    await node.accept(*[an_email() for _ in range(50)])
    tenths = [START + number * SECOND / 10 for number in range(100)]
    sent = [await round_of(node, at, result=SLOW) for at in tenths]
    assert [count for count in sent if count] == [50, 50, 1, 1, 1, 1]


async def test_as_it_accepts_again_more_leave_each_time(node):
    await node.accept(*[an_email() for _ in range(60)])
    for at in (START, START + SECOND):
        await round_of(node, at, result=SLOW)
    later = START + 9 * SECOND
    assert [await round_of(node, later) for _ in range(6)] == [1, 2, 6, 18, 33, 0]


async def test_an_acceptance_of_the_same_burst_ends_no_row_of_429(node):
    await node.accept(*[an_email() for _ in range(2)])
    first, second = await node.take()
    await node.settle(first, SLOW)
    await node.settle(second)
    later = START + SECOND
    await round_of(node, later, result=SLOW)
    (status,) = await node.store.providers(now=later)
    assert status.gate_until > later + 0.3 * SECOND
