"""What statistics tell of attempts whose worker died: each once, with the end that is kept."""

from datetime import timedelta

import pytest

from terkirim.domain.outcome import Accepted, Unclear
from terkirim.reports.retries import retries
from tests.contract.conftest import LEASE, SECOND, START, UNCLEAR_WAIT, an_email
from tests.contract.test_statistics import JAKARTA

HOUR = timedelta(hours=1)
LOST = [{"reason": "unclear:the lease ran out", "count": 1}]


@pytest.fixture
async def nodes(open_node):
    return await open_node("a"), await open_node("b")


async def rescued(nodes, *, at):
    """Return the work of a lease that ran out, and was rescued at that time."""
    node, rescuer = nodes
    await node.accept(an_email())
    (work,) = await node.take()
    assert await rescuer.store.rescue(now=at, unclear_for=UNCLEAR_WAIT) == 1
    return work


async def told(database, node):
    statistics = database.books(node.store).statistics
    found = await retries(statistics, now=START + 5 * HOUR, zone=JAKARTA, days=2)
    return found["attempts"], found["by_attempt"], found["reasons"]


async def test_an_attempt_that_ended_with_its_worker_is_counted(database, nodes):
    await rescued(nodes, at=START + LEASE)
    assert await told(database, nodes[0]) == (1, [{"attempt": 1, "unclear": 1}], LOST)


@pytest.mark.parametrize("at", [START + LEASE, START + 2 * HOUR], ids=["soon", "hours later"])
async def test_a_late_word_of_the_same_lease_takes_the_place_of_what_was_counted(
    database, nodes, at
):
    work = await rescued(nodes, at=at)
    await nodes[0].settle(work, Accepted("ref"))
    assert await told(database, nodes[0]) == (1, [{"attempt": 1, "accepted": 1}], [])


async def test_a_late_word_that_is_unclear_too_counts_for_its_own_reason(database, nodes):
    work = await rescued(nodes, at=START + LEASE)
    await nodes[0].settle(work, Unclear("line broke"))
    reasons = [{"reason": "unclear:line broke", "count": 1}]
    assert await told(database, nodes[0]) == (1, [{"attempt": 1, "unclear": 1}], reasons)


async def test_a_word_that_was_in_time_leaves_nothing_to_rescue(database, nodes):
    node, rescuer = nodes
    await node.accept(an_email())
    (work,) = await node.take()
    await node.settle(work, Accepted("ref"))
    later = START + LEASE + SECOND
    assert await rescuer.store.rescue(now=later, unclear_for=UNCLEAR_WAIT) == 0
    assert await told(database, node) == (1, [{"attempt": 1, "accepted": 1}], [])


async def test_a_late_word_after_it_was_sent_again_counts_both_attempts(database, nodes):
    node, _ = nodes
    late = await rescued(nodes, at=START + LEASE)
    over = START + LEASE + UNCLEAR_WAIT
    await node.store.sweep(now=over)
    (current,) = await node.take(now=over)
    await node.settle(late, Accepted("first"), now=over)
    await node.settle(current, Accepted("second"), now=over)
    ends = [{"attempt": 1, "accepted": 1}, {"attempt": 2, "accepted": 1}]
    assert await told(database, node) == (2, ends, [])
