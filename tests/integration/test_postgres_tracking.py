"""Callbacks on PostgreSQL when the line is cut at COMMIT: each is kept once, and told so."""

import asyncio

import pytest

from terkirim.domain.message import State
from terkirim.ports.tracking import EventFilter
from tests.contract.conftest import PostgresDatabase, an_email
from tests.contract.tracked import TrackedNode
from tests.integration.postgres_line import Line

KEEPS, APPLIES = b"INSERT INTO callbacks", b"pg_advisory_xact_lock"


@pytest.fixture
async def line(postgres):
    await postgres.database()
    async with Line(postgres.folder) as line:
        yield line


@pytest.fixture
async def node(line):
    """A node behind the line, which has kept and applied one callback."""
    database = PostgresDatabase(line.url())
    node = TrackedNode(await database.opened("a"), database)
    first = an_email(to=("first@example.com",))
    await node.accept(first)
    await node.say("emailopen", first)
    yield node
    await node.store.close()


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not done"])
async def test_a_callback_whose_commit_is_never_answered_is_kept_once_and_is_new(
    node, line, is_done
):
    email = an_email()
    await node.accept(email)
    line.cut_at_commit(KEEPS, is_done=is_done)
    took = await asyncio.gather(
        *[node.say("emailclick", email, link_clicked="x", apply=False) for _ in range(3)]
    )
    assert line.was_cut.is_set()
    assert sum(took) == 1
    assert await node.count_of("callbacks") == 2
    assert await node.counted("callback") == {"mailketing:kept": 2, "mailketing:repeated": 2}


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not done"])
async def test_events_whose_commit_is_never_answered_are_applied_once(node, line, is_done):
    email = an_email()
    await node.accept(email)
    await node.say("emailclick", email, apply=False)
    line.cut_at_commit(APPLIES, is_done=is_done)
    await node.applier.apply_kept()
    assert line.was_cut.is_set()
    assert await node.state(email.id) is State.DELIVERED
    assert len(await node.events.events(EventFilter(message_id=email.id))) == 1
    assert await node.counted("event") == {"mailketing:opened": 1, "mailketing:clicked": 1}
