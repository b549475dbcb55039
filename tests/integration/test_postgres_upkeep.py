"""Retention on one node against submissions and requeues on another: no mail loses its content."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from terkirim.domain.email import Content
from terkirim.domain.errors import NotFound
from terkirim.domain.message import State
from terkirim.domain.outcome import Rejected
from terkirim.ports import RequeueFilter, Submission
from terkirim.store.postgres import accepting, controlling
from terkirim.store.postgres.upkeep import PostgresRetention
from terkirim.store.times import HOUR_US, micros
from tests.contract.conftest import GATES, SECOND, START, Node, PostgresDatabase, an_email
from tests.integration.postgres_line import somebody_waits

DAY = timedelta(days=1)
HOUR_NUMBER = micros(START) // HOUR_US
KEEP = 30 * DAY
LATE = START + KEEP + DAY
SHA = "a" * 64


@pytest.fixture
async def pair(postgres):
    """Two nodes of one database."""
    database = PostgresDatabase(await postgres.database())
    nodes = [Node(await database.opened(name)) for name in "ab"]
    yield nodes
    for node in nodes:
        await node.store.close()


@pytest.fixture
async def other(postgres):
    connection = await asyncpg.connect(postgres.url("terkirim"))
    yield connection
    await connection.close()


def a_letter(**options):
    return replace(an_email(**options), content=Content(id="shared", html="<p>Halo</p>"))


async def ended(node, *emails, now=START, result=None):
    await node.accept(*emails)
    for work in await node.take(now=now):
        await node.settle(work, result, now=now)


def pruned(node, now=LATE):
    return PostgresRetention(node.store).prune_content(keep=KEEP, now=now)


async def content_of(node, email):
    return (await node.store.email(email.id)).content


async def test_a_letter_whose_body_is_dropped_at_this_moment_is_stored_with_its_body(
    pair, other, postgres
):
    node, _ = pair
    await ended(node, a_letter())
    await other.execute("BEGIN; SELECT id FROM contents FOR UPDATE")
    again = a_letter(now=LATE)
    accepting_it = asyncio.create_task(node.accept(again))
    await somebody_waits(postgres)
    await other.execute("DELETE FROM contents; COMMIT")
    await accepting_it
    assert (await content_of(node, again)).html == "<p>Halo</p>"


async def test_retention_waits_for_a_letter_that_is_being_stored_and_leaves_its_body(
    pair, postgres
):
    node, keeper = pair
    await ended(node, a_letter())
    again = a_letter(now=LATE)
    pruning = []

    async def store(db):
        submission = Submission(emails=(again,), now=LATE)
        await accepting.accept_all(db, [submission], None, remember=lambda _: None)
        pruning.append(asyncio.create_task(pruned(keeper)))
        await somebody_waits(postgres)

    await node.store.write_alone(store)
    assert await pruning[0] == 1
    assert await content_of(node, again) is not None


async def test_a_dead_letter_that_is_requeued_while_retention_looks_keeps_its_content(
    pair, postgres
):
    node, keeper = pair
    email = an_email()
    await ended(node, email, result=Rejected("no"))
    pruning = []

    async def requeue(db):
        which = RequeueFilter(email_id=email.id)
        assert await controlling.requeue(db, which=which, settings=GATES, now=1) == 1
        pruning.append(asyncio.create_task(pruned(keeper)))
        await somebody_waits(postgres)

    await node.store.write_alone(requeue)
    assert await pruning[0] == 1
    assert await content_of(node, email) is not None
    (work,) = await keeper.take(now=LATE)
    assert work.content.html == "<p>Halo</p>"


async def test_a_dead_letter_whose_content_goes_at_this_moment_is_not_requeued(
    pair, other, postgres
):
    node, _ = pair
    email = an_email()
    await ended(node, email, result=Rejected("no"))
    await other.execute("BEGIN; SELECT id FROM messages FOR UPDATE; DELETE FROM contents")
    requeuing = asyncio.create_task(node.store.requeue(RequeueFilter(email_id=email.id), now=LATE))
    await somebody_waits(postgres)
    await other.execute("COMMIT")
    assert await requeuing == 0
    assert await node.state(email.id) is State.DEAD


async def test_a_file_that_is_submitted_again_at_this_moment_stays(pair, other, postgres):
    node, keeper = pair
    retention = PostgresRetention(keeper.store)
    await node.accept(an_email(), files={SHA: b"bytes"})
    much_later = START + 100 * DAY
    await other.execute("BEGIN")
    await other.execute("UPDATE attachments SET kept_until = kept_until * 2")
    pruning = asyncio.create_task(retention.prune_files(now=much_later))
    await somebody_waits(postgres)
    await other.execute("COMMIT")
    assert await pruning == 0
    assert await node.store.attachment(SHA) == b"bytes"
    assert await retention.prune_files(now=much_later + 1_000 * DAY + SECOND) == 0


async def test_mail_whose_content_is_gone_ends_and_stops_no_claim(pair, other):
    node, _ = pair
    lost, kept = an_email(), an_email()
    await node.accept(lost, kept)
    node.store._claim.keywords["fresh"].take(lost.id)  # as another node's mail
    await other.execute(f"DELETE FROM contents WHERE id = '{lost.id}'")
    (work,) = await node.take()
    assert work.lease.message_id == kept.id
    message = (await node.store.story(lost.id)).message
    assert (message.state, message.reason) == (State.DEAD, "its content is not kept any more")
    with pytest.raises(NotFound):
        await node.store.attachment(SHA)


async def counted(other, kind, *nodes, hour=HOUR_NUMBER):
    for node in nodes:
        row = f"{hour}, '{kind}', 'k', '{node}', 1"
        await other.execute(f"INSERT INTO rollups (hour, kind, key, node, count) VALUES ({row})")


async def counts_of(other, kind):
    rows = await other.fetch(f"SELECT count FROM rollups WHERE kind = '{kind}' ORDER BY hour")
    return [count for (count,) in rows]


async def folded(node, now):
    while await PostgresRetention(node.store).fold_counts(now=now):
        pass


async def test_what_nodes_counted_of_an_hour_becomes_one_row_once_its_day_is_over(pair, other):
    node, _ = pair
    await counted(other, "event", "0", "5", "9")
    await counted(other, "event", "0", "5", hour=HOUR_NUMBER + 24)
    await counted(other, "event_tag_month", "0", "5")
    await folded(node, START + DAY)
    assert await counts_of(other, "event") == [1] * 5
    await folded(node, START + 2 * DAY)
    assert await counts_of(other, "event") == [3, 1, 1]
    await folded(node, START + 4 * DAY)
    assert await counts_of(other, "event") == [3, 2]
    assert await counts_of(other, "event_tag_month") == [1, 1]
    await folded(node, START + 34 * DAY)
    assert await counts_of(other, "event_tag_month") == [2]


async def test_what_is_counted_late_while_its_hour_is_folded_is_counted(pair, other, postgres):
    node, _ = pair
    await counted(other, "event", "0", "5", "9")
    await other.execute("BEGIN; UPDATE rollups SET count = count + 10 WHERE node <> '5'")
    folding = asyncio.create_task(folded(node, START + 9 * DAY))
    await somebody_waits(postgres)
    await other.execute("COMMIT")
    await folding
    assert await counts_of(other, "event") == [23]
