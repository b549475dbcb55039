"""What a node reads is free of the history, also by plans that were made on a small database."""

from datetime import timedelta

import asyncpg

from terkirim.domain.message import Evidence
from terkirim.domain.outcome import Deferred, Rejected, Unclear
from terkirim.ports import IdempotencyKey, RequeueFilter
from terkirim.store.postgres.upkeep import PostgresRetention
from tests.contract.conftest import LEASE, SECOND, START, UNCLEAR_WAIT, Node, PostgresDatabase
from tests.contract.conftest import an_email as an_email_of

HISTORY = 60_000  # rows in each large table; as many wait for another day
FEW = 300  # that stand in the tables when the plans are made: to read them all is the cheapest
DAY = timedelta(days=1)
FUTURE = int((START + 1_000 * DAY).timestamp() * 1_000_000)

FILL = f"""
CREATE TEMP TABLE old AS SELECT 'old' || n AS id, n FROM generate_series(1, {HISTORY}) n;
INSERT INTO emails SELECT id, 'o', '', 's@example.com', '', '{{}}', NULL, 'default', 1,
    'transactional', 'resend', 0, NULL, NULL, 'c', id, id FROM old;
INSERT INTO contents SELECT id, 'x', NULL, false FROM old;
INSERT INTO messages SELECT id, id, 'r@example.com', 'to', NULL, 'accepted', 0 FROM old;
INSERT INTO attempts SELECT id, 1, 1, 'first', 0, 0, 'accepted', NULL, '', '' FROM old;
INSERT INTO outbox (id, email_id, state, route, priority, due_at)
    SELECT id, id, 'queued', 'default', 1, {FUTURE} FROM old;
INSERT INTO idempotency SELECT 'o', 'r', id, 'f', '', {FUTURE} FROM old;
INSERT INTO campaign_rows SELECT 'c', id, id FROM old;
INSERT INTO suppressions (id, address, stream, reason, source, created_at)
    SELECT id, id || '@example.com', '', 'x', 'y', 0 FROM old;
INSERT INTO attachments SELECT id, '', {FUTURE} FROM old;
"""


async def fill(url):
    connection = await asyncpg.connect(url)
    await connection.execute(FILL)
    await connection.close()


async def everything_that_mail_goes_through(node, other, number):
    """Make every hot statement, with a few rows each."""

    def an_email(**options):
        return an_email_of(to=(f"p{number}x@example.com",), **options)

    key = IdempotencyKey(owner="o", route="r", key=f"new{number}", fingerprint="f")
    for _ in range(2):
        await node.accept(an_email(), idempotency=key, answer="{}")
    await node.accept(an_email(campaign="d", row=str(number)), files={f"f{number}": b"x"})
    emails = [an_email() for _ in range(8)]
    await node.accept(*emails)
    answers = [None, Deferred("busy"), Unclear("line broke"), Rejected("no")]
    works = await node.take(10)
    for index, work in enumerate(works):
        await node.settle(work, answers[index % 4])
    await node.store.record_evidence(works[0].lease.message_id, Evidence.DELIVERED, at=START)
    await other.accept(*[an_email() for _ in range(3)])
    (first, *_) = await other.take(3)
    await other.store.release([first.lease], now=START)
    late = START + LEASE + SECOND
    await node.store.rescue(now=late, unclear_for=UNCLEAR_WAIT)
    await node.store.sweep(now=late + UNCLEAR_WAIT + SECOND)
    await node.store.cancel(first.lease.message_id, now=START)
    await node.store.requeue(RequeueFilter(), now=START)
    for work in await node.take(50, now=late + UNCLEAR_WAIT + SECOND):
        await node.settle(work)
    await PostgresRetention(node.store).prune_keys(now=START)


async def test_what_is_read_does_not_grow_with_what_is_kept_and_what_waits(postgres):
    database = PostgresDatabase(await postgres.database())
    node, other = [Node(await database.opened(name)) for name in "ab"]
    await other.accept(*[an_email_of() for _ in range(FEW)])
    await everything_that_mail_goes_through(node, other, 1)  # the plans of a small database
    kept = await database.sessions()
    await fill(database.url)
    before = await database.rows_read(kept=kept)
    await everything_that_mail_goes_through(node, other, 2)
    for one in (node, other):
        await one.store.close()
    assert await database.rows_read() - before < HISTORY / 5
