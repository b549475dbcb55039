"""The line to PostgreSQL is cut at COMMIT, or the server goes away and comes back."""

import asyncio
import signal
from dataclasses import replace
from datetime import timedelta
from functools import partial

import asyncpg
import pytest
from structlog.testing import capture_logs

from terkirim.domain.errors import ConfigError, StoreUnavailable
from terkirim.domain.message import State
from terkirim.domain.outcome import Deferred
from terkirim.ports import IdempotencyKey, RequeueFilter
from terkirim.store.postgres import nodes
from terkirim.store.postgres.connection import one_clear_sentence
from tests.contract.conftest import SECOND, START, Node, PostgresDatabase, an_email
from tests.integration.postgres_line import Line, until

ACCEPTS, WORKS = b"INSERT INTO outbox", b"state = 'leased'"


@pytest.fixture
async def line(postgres):
    await postgres.database()
    async with Line(postgres.folder) as line:
        yield line


@pytest.fixture
async def node(line):
    """A node behind the line, whose two writers are known by what they have sent."""
    node = Node(await PostgresDatabase(line.url()).opened("a"))
    await node.accept(an_email())
    (work,) = await node.take()
    await node.settle(work)
    yield node
    await node.store.close()


async def rows(postgres, sql):
    return [tuple(row) for row in await postgres.command(sql, "terkirim")]


def test_a_line_that_is_not_made_is_told_of_once():
    with (
        pytest.raises(StoreUnavailable) as caught,
        one_clear_sentence("postgresql://host/db"),  # as the writer does around a new connection
        one_clear_sentence("postgresql://host/db"),
    ):
        raise asyncpg.CannotConnectNowError("the database system is starting up")
    assert str(caught.value) == "postgresql://host/db is starting or stopping"


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not done"])
async def test_submissions_whose_commit_is_never_answered_are_stored_once(
    node, line, postgres, is_done
):
    emails = [an_email() for _ in range(50)]
    line.cut_at_commit(ACCEPTS, is_done=is_done)
    await asyncio.gather(*[node.accept(email) for email in emails])

    assert line.was_cut.is_set()
    assert {work.lease.message_id for work in await node.take()} == {one.id for one in emails}
    counted = "SELECT sum(count)::int FROM rollups WHERE kind = 'submitted'"
    assert await rows(postgres, counted) == [(51,)]


async def test_mail_that_left_before_its_commit_was_repeated_is_not_queued_again(
    node, line, postgres
):
    email, other = an_email(), Node(await PostgresDatabase(postgres.url("terkirim")).opened("b"))
    line.cut_at_commit(ACCEPTS, is_done=True)
    accepting = asyncio.create_task(node.accept(email))
    await line.was_cut.wait()
    line.take_down()
    (work,) = await other.take()
    await other.settle(work)
    line.bring_up()

    await accepting
    assert await other.state(email.id) is State.ACCEPTED
    assert not await other.take()
    await other.store.close()


async def test_a_key_whose_commit_is_never_answered_still_gets_its_own_answer(node, line):
    key = IdempotencyKey(owner="o", route="r", key="k", fingerprint="f")
    line.cut_at_commit(ACCEPTS, is_done=True)
    receipt = await node.accept(an_email(), idempotency=key, answer='{"id":1}')
    assert receipt.answer == '{"id":1}'
    assert len(await node.take()) == 1


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not done"])
async def test_leases_whose_commit_is_never_answered_are_worked_on(node, line, is_done):
    emails = [an_email() for _ in range(10)]
    await node.accept(*emails)
    line.cut_at_commit(WORKS, is_done=is_done)
    works = await node.take()

    assert line.was_cut.is_set()
    assert {work.lease.message_id for work in works} == {email.id for email in emails}
    assert {work.lease.number for work in works} == {1}
    assert {await node.settle(work) for work in works} == {State.ACCEPTED}


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize(
    ("result", "state"),
    [(None, State.ACCEPTED), (Deferred("busy"), State.QUEUED)],
    ids=["accepted", "deferred"],
)
async def test_an_outcome_whose_commit_is_never_answered_counts_once(
    node, line, postgres, *, is_done, result, state
):
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    line.cut_at_commit(WORKS, is_done=is_done)

    assert await node.settle(work, result) is state
    assert line.was_cut.is_set()
    (attempt,) = (await node.store.story(email.id)).attempts
    assert attempt.note == ""
    counted = "SELECT sum(count)::int FROM rollups WHERE kind = 'outcome'"
    assert await rows(postgres, counted) == [(2,)]  # the fixture's own is the other one


async def test_while_the_server_is_away_mail_is_refused_and_taken_again_when_it_is_back(node, line):
    await node.accept(an_email())
    (work,) = await node.take()
    line.take_down()
    for call in (node.accept(an_email()), node.settle(work), node.take(), node.store.keys()):
        with pytest.raises(StoreUnavailable, match=r"postgresql://postgres@127\.0\.0\.1:\d+/"):
            await call
    line.bring_up()
    await asyncio.sleep(nodes.AGAIN_AFTER)

    await node.accept(an_email())
    assert await node.settle(work) is State.ACCEPTED
    assert len(await node.take()) == 1


async def test_a_line_that_swallows_everything_ends_by_itself_and_what_it_held_is_stored_once(
    node, line
):
    writer = node.store._accepts
    writer._connector.command_within = 0.3
    writer._connection.terminate()
    await node.accept(an_email())
    email = an_email()
    line.freeze()
    accepting = asyncio.create_task(node.accept(email))
    await until(partial(_is_closed, writer._connection))
    line.thaw()
    await accepting
    assert {work.lease.number for work in await node.take()} == {1}
    assert await node.state(email.id) is State.LEASED


async def _is_closed(connection):
    return connection.is_closed()


async def test_a_question_that_takes_too_long_is_not_asked_again(node):
    asked = []

    async def question(db):
        asked.append(await db.rows("SELECT 1"))
        await db.rows("SELECT pg_sleep(60)")

    node.store._searches._connector.command_within = 0.2
    with pytest.raises(StoreUnavailable, match="did not answer in time"):
        await node.store.search(question)
    assert len(asked) == 1


async def test_it_is_logged_once_that_the_server_is_away_and_once_that_it_is_back(node, line):
    with capture_logs() as logs:
        line.take_down()
        await until(partial(_has_said, logs, "the database is away"))
        await asyncio.sleep(2 * nodes.AGAIN_AFTER)
        line.bring_up()
        await until(partial(_has_said, logs, "the database is back"))
    said = [one["event"] for one in logs]
    assert said == ["the database is away", "the database is back"]
    assert node.store._presence.is_listening


async def _has_said(logs, event):
    return any(one["event"] == event for one in logs)


async def test_who_comes_while_a_commit_is_in_doubt_is_refused_and_the_first_is_told_in_the_end(
    node, line
):
    first = an_email()
    line.cut_at_commit(ACCEPTS, is_done=True)
    doubtful = asyncio.create_task(node.accept(first))
    await line.was_cut.wait()
    line.take_down()
    with pytest.raises(StoreUnavailable):
        await node.accept(an_email())
    assert not doubtful.done()
    line.bring_up()

    await doubtful
    assert await node.state(first.id) is State.QUEUED


async def test_a_store_is_closed_also_while_a_commit_is_in_doubt(node, line):
    line.cut_at_commit(ACCEPTS, is_done=True)
    doubtful = asyncio.create_task(node.accept(an_email()))
    await line.was_cut.wait()
    line.take_down()
    await asyncio.sleep(0)
    await node.store.close()
    with pytest.raises(StoreUnavailable, match="before the server said"):
        await doubtful


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
async def test_a_server_that_is_restarted_under_load_loses_nothing_that_was_acknowledged(
    postgres, how
):
    node = Node(await PostgresDatabase(await postgres.database()).opened("a"))
    stored, refused = [], []

    async def submit(count):
        for _ in range(count):
            email = an_email()
            try:
                await node.accept(email)
            except StoreUnavailable:
                refused.append(email.id)
                await asyncio.sleep(0.05)
            else:
                stored.append(email.id)

    callers = [asyncio.create_task(submit(40)) for _ in range(20)]
    while len(stored) < 100:  # noqa: ASYNC110 - it is the callers' work
        await asyncio.sleep(0)
    await asyncio.to_thread(postgres.stop, how)
    await asyncio.to_thread(postgres.start)
    await asyncio.gather(*callers)

    found = {id_ for (id_,) in await rows(postgres, "SELECT id FROM outbox")}
    assert found == set(stored)
    assert len(stored) + len(refused) == 800
    await node.store.close()


async def test_a_read_only_server_is_named_as_such_and_mail_is_refused(node, postgres):
    alter = "ALTER DATABASE terkirim SET default_transaction_read_only ="
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'terkirim'"
    await postgres.command(f"{alter} on")
    try:
        await postgres.command(cut)
        with pytest.raises(StoreUnavailable, match="is read-only"):
            await node.accept(an_email())
        with pytest.raises(StoreUnavailable, match="is read-only"):
            await node.store.check_writable()
    finally:
        await postgres.command(f"{alter} off")
        await postgres.command(cut)
    await node.store.check_writable()
    await node.accept(an_email())


async def test_a_database_of_a_newer_version_is_refused_in_one_sentence(postgres):
    url = await postgres.empty_database()
    first = await PostgresDatabase(url).opened("a")
    await first.close()
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE schema_version SET version = 999")
    await connection.close()
    with pytest.raises(ConfigError, match="newer Terkirim"):
        await PostgresDatabase(url).opened("b")


async def test_two_nodes_that_start_at_once_make_the_tables_once(postgres):
    database = PostgresDatabase(await postgres.empty_database())
    stores = await asyncio.gather(*[database.opened(name) for name in "abcd"])
    receipt = await Node(stores[0]).accept(an_email())
    assert not receipt.is_repeat
    for store in stores:
        await store.close()


@pytest.mark.parametrize(
    ("address", "error", "sentence"),
    [
        ("postgresql://me:hush@127.0.0.1:1/db", StoreUnavailable, "cannot be reached"),
        ("postgresql://me:hush@/db?host=/nowhere", StoreUnavailable, "cannot be reached"),
        ("postgresql://nobody_here:hush@/postgres?host={0}", ConfigError, "refuses this user"),
        ("postgresql://postgres:hush@/none?host={0}", ConfigError, "no such database"),
        ("postgresql://me:hu#sh@host/db", ConfigError, "%23"),
        ("postgresql://me:hush@host:port/db", ConfigError, "must look like"),
    ],
)
async def test_what_is_wrong_at_the_start_is_said_in_one_sentence_without_the_password(
    postgres, address, error, sentence
):
    with pytest.raises(error, match=sentence) as caught:
        await PostgresDatabase(address.format(postgres.folder)).opened("a")
    assert "\n" not in str(caught.value)
    assert "hush" not in str(caught.value)


async def test_one_that_breaks_a_rule_hears_of_it_and_the_rest_of_its_group_is_stored(node):
    emails = [an_email() for _ in range(100)]
    emails[3] = replace(emails[3], subject="\0")
    emails[5] = replace(emails[5], priority=None)
    results = await asyncio.gather(*[node.accept(one) for one in emails], return_exceptions=True)

    failed = [index for index, result in enumerate(results) if isinstance(result, Exception)]
    assert failed == [3, 5]
    assert not isinstance(results[3], StoreUnavailable)
    assert await node.store.count_requeueable(RequeueFilter()) == 0
    assert len(await node.take(200, now=START + SECOND)) == 98


async def test_a_caller_that_is_cancelled_after_its_turn_came_harms_nobody(node):
    emails = [an_email() for _ in range(20)]
    tasks = [asyncio.create_task(node.accept(email)) for email in emails]
    await asyncio.sleep(0.001)
    tasks[4].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    others = [result for index, result in enumerate(results) if index != 4]
    assert not any(isinstance(result, BaseException) for result in others)
    assert len(await node.take()) in {19, 20}


async def test_nothing_is_asked_of_a_closed_store(node):
    await node.store.close()
    await node.store.close()
    for call in (node.accept(an_email()), node.take(), node.store.keys()):
        with pytest.raises(StoreUnavailable):
            await call
    assert await node.store.changed(within=timedelta(minutes=1))
