"""The store under contract, and the facts that its tests share."""

from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import apsw
import asyncpg
import pytest

from terkirim.compose import SystemClock
from terkirim.domain.email import Address, Content, Email, NewMessage
from terkirim.domain.ids import uuid7
from terkirim.domain.outcome import Accepted
from terkirim.policy.breaker import BreakerSettings
from terkirim.policy.retry import RetrySchedule
from terkirim.policy.verdict import Facts, verdict
from terkirim.ports import ClaimWish, Submission
from terkirim.store.gating import GateSettings
from terkirim.store.postgres.clock import ServerClock
from terkirim.store.postgres.store import PostgresStore
from terkirim.store.sqlite.store import SqliteStore

START = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
UNCLEAR_WAIT = timedelta(seconds=60)
SECOND = timedelta(seconds=1)
GATES = GateSettings(
    routes={"default": ("first", "second")},
    breaker=BreakerSettings(after=3),
    zone=ZoneInfo("Asia/Jakarta"),
)
_numbers = count(1)


def new_id():
    return uuid7(1_767_000_000_000 + next(_numbers), 0)


def an_email(*, to=("budi@example.com",), now=START, **options):
    email_id = new_id()
    ids = [email_id] if len(to) == 1 else [new_id() for _ in to]
    return Email(
        id=email_id,
        owner="test",
        sender=Address("toko@example.com"),
        to=tuple(Address(address) for address in to),
        subject="Halo",
        content=Content(id=email_id, html="<p>Halo</p>"),
        messages=tuple(NewMessage(id=i, recipient=r) for i, r in zip(ids, to, strict=True)),
        created_at=now,
        **options,
    )


class Node:
    """One process's store, with the calls that the tests make most."""

    def __init__(self, store):
        self.store = store
        self.now = START

    async def accept(self, *emails, **options):
        return await self.store.accept(Submission(emails=emails, now=self.now, **options))

    async def take(self, limit=100, *, now=None):
        claim = await self.store.claim(ClaimWish(limit=limit, now=now or self.now, lease_for=LEASE))
        return list(claim.works)

    async def settle(self, work, result=None, *, now=None, started_at=None):
        facts = Facts(
            now=now or self.now,
            started_at=started_at or now or self.now,
            duration_us=1_000,
            schedule=RetrySchedule(jitter=0.0),
            unclear_wait=UNCLEAR_WAIT,
            spread=0.0,
            route=GATES.routes["default"],
        )
        return await self.store.settle(verdict(work.lease, result or Accepted("ref"), facts))

    async def state(self, message_id):
        return (await self.store.story(message_id)).message.state


class SqliteFile:
    """One file that every node of a test opens."""

    bad_value = apsw.ConstraintError

    def __init__(self, path):
        self._path = path

    async def opened(self, name, gates=GATES):
        return SqliteStore(self._path, node=name, settings=gates)


class PostgresDatabase:
    """One database that every node of a test connects to."""

    bad_value = asyncpg.NotNullViolationError

    def __init__(self, url):
        self.url = url

    async def opened(self, name, gates=GATES):
        clock = ServerClock(SystemClock())
        return await PostgresStore.open(lambda: self.url, node=name, settings=gates, clock=clock)


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request, tmp_path):
    if request.param == "sqlite":
        yield SqliteFile(tmp_path / "contract.db")
        return
    yield PostgresDatabase(await request.getfixturevalue("postgres").database())


@pytest.fixture
async def open_node(database):
    opened = []

    async def opening(name="a", gates=GATES):
        store = await database.opened(name, gates)
        opened.append(store)
        return Node(store)

    yield opening
    for store in opened:
        await store.close()


@pytest.fixture
async def node(open_node):
    return await open_node()
