"""The store under contract, and the facts that its tests share."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import apsw
import asyncpg
import pytest

from terkirim.database import SystemClock
from terkirim.domain.email import Address, Content, Email, NewMessage
from terkirim.domain.ids import uuid7
from terkirim.domain.outcome import Accepted
from terkirim.policy.breaker import BreakerSettings
from terkirim.policy.retry import RetrySchedule
from terkirim.policy.verdict import Facts, verdict
from terkirim.ports import ClaimWish, Submission
from terkirim.store.counting import Counts
from terkirim.store.gate_settings import GateSettings
from terkirim.store.postgres.access import PostgresAccess
from terkirim.store.postgres.alerts import PostgresAlertBook
from terkirim.store.postgres.credits import PostgresCreditBook
from terkirim.store.postgres.erasing import PostgresErasure
from terkirim.store.postgres.events import PostgresEvents
from terkirim.store.postgres.insight import PostgresInsight
from terkirim.store.postgres.options import PostgresOptions
from terkirim.store.postgres.people import PostgresPeople
from terkirim.store.postgres.search import PostgresSearch
from terkirim.store.postgres.statistics import PostgresStatistics
from terkirim.store.postgres.store import PostgresStore
from terkirim.store.postgres.suppressions import PostgresSuppressions
from terkirim.store.postgres.upkeep import PostgresRetention
from terkirim.store.postgres.webhooks import PostgresWebhooks
from terkirim.store.sqlite.access import SqliteAccess
from terkirim.store.sqlite.alerts import SqliteAlertBook
from terkirim.store.sqlite.counts import write_counts
from terkirim.store.sqlite.credits import SqliteCreditBook
from terkirim.store.sqlite.erasing import SqliteErasure
from terkirim.store.sqlite.events import SqliteEvents
from terkirim.store.sqlite.insight import SqliteInsight
from terkirim.store.sqlite.options import SqliteOptions
from terkirim.store.sqlite.people import SqlitePeople
from terkirim.store.sqlite.search import SqliteSearch
from terkirim.store.sqlite.statistics import SqliteStatistics
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.sqlite.suppressions import SqliteSuppressions
from terkirim.store.sqlite.upkeep import SqliteRetention
from terkirim.store.sqlite.webhooks import SqliteWebhooks

START = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
UNCLEAR_WAIT = timedelta(seconds=60)
SECOND = timedelta(seconds=1)
GATES = GateSettings(
    routes={"default": ("first", "second")},
    breaker=BreakerSettings(after=3),
    zone=ZoneInfo("Asia/Jakarta"),
)
SESSIONS = """SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
READ = """SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)
    + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)"""
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


class Books(NamedTuple):
    """What stands beside a store in its database."""

    credits: Any
    alerts: Any
    people: Any
    statistics: Any


class Hearing(NamedTuple):
    """Where a database keeps what providers say."""

    events: Any
    suppressions: Any


def counted(rows):
    counts = Counts()
    for row in rows:
        counts.add(*row)
    return counts


class SqliteFile:
    """One file that every node of a test opens."""

    bad_value = apsw.ConstraintError

    def __init__(self, path):
        self._path = path
        self.address = f"sqlite:///{path}"

    async def opened(self, name, gates=GATES):
        return SqliteStore(self._path, node=name, settings=gates)

    def access(self, node):
        return SqliteAccess(node.store)

    def search(self, node):
        return SqliteSearch(node.store)

    def insight(self, node):
        return SqliteInsight(node.store)

    async def indexed(self, node):
        """Return the ids that the search index has, in its order."""
        return [id_ for (id_,) in await self.rows(node, "SELECT id FROM search_docs ORDER BY doc")]

    async def has_term(self, node, term):
        """Return whether the search index has a message under this term."""
        found = "SELECT rowid FROM search_terms WHERE search_terms MATCH :term"
        return bool(await self.rows(node, found, term=term))

    def books(self, store):
        return Books(
            credits=SqliteCreditBook(store),
            alerts=SqliteAlertBook(store),
            people=SqlitePeople(store),
            statistics=SqliteStatistics(store),
        )

    def hearing(self, store):
        return Hearing(SqliteEvents(store, ids=new_id), SqliteSuppressions(store, ids=new_id))

    async def count(self, store, rows):
        """Count up rollups, each (microseconds, kind, key, count)."""
        counts = counted(rows)
        await store.write_alone(lambda db: write_counts(db, store.counting, counts))

    def options(self, node):
        return SqliteOptions(node.store)

    def retention(self, node):
        return SqliteRetention(node.store)

    def webhooks(self, store):
        return SqliteWebhooks(store)

    def erasure(self, node):
        return SqliteErasure(node.store)

    async def write(self, node, sql, **bound):
        await node.store.write_alone(lambda db: db.execute(sql, bound))

    async def rows(self, node, sql, **bound):
        return await node.store.read(lambda db: list(db.execute(sql, bound)))

    async def plan(self, node, sql, **bound):
        """Return how the statement would be answered, as one text."""
        steps = await self.rows(node, f"EXPLAIN QUERY PLAN {sql}", **bound)
        return "\n".join(step[3] for step in steps)

    async def everything(self, node):
        """Return all texts of the database, as one."""
        tables = "SELECT name FROM sqlite_schema WHERE type = 'table'"
        names = await node.store.read(lambda db: [name for (name,) in db.execute(tables)])
        texts = [
            await node.store.read(lambda db, t=name: list(db.execute(f"SELECT * FROM {t}")))
            for name in names
        ]
        return repr(texts).lower()


class PostgresDatabase:
    """One database that every node of a test connects to."""

    bad_value = asyncpg.NotNullViolationError

    def __init__(self, url):
        self.url = self.address = url

    async def opened(self, name, gates=GATES):
        clock = SystemClock()
        return await PostgresStore.open(lambda: self.url, node=name, settings=gates, clock=clock)

    def access(self, node):
        return PostgresAccess(node.store)

    def search(self, node):
        return PostgresSearch(node.store, block=2)

    def insight(self, node):
        return PostgresInsight(node.store)

    async def indexed(self, node):
        """Return the ids that the search index has, in its order."""
        blocks = "SELECT ids::text[] FROM search_blocks ORDER BY last"
        return [id_ for (ids,) in await self.rows(node, blocks) for id_ in ids]

    async def has_term(self, node, term):
        """Return whether the search index has a message under this term."""
        found = "SELECT last FROM search_blocks WHERE terms @@ :term::text::tsquery"
        return bool(await self.rows(node, found, term=term))

    def books(self, store):
        return Books(
            credits=PostgresCreditBook(store),
            alerts=PostgresAlertBook(store),
            people=PostgresPeople(store),
            statistics=PostgresStatistics(store),
        )

    def hearing(self, store):
        return Hearing(PostgresEvents(store, ids=new_id), PostgresSuppressions(store, ids=new_id))

    async def count(self, store, rows):
        """Count up rollups, each (microseconds, kind, key, count)."""

        async def count_up(db):
            for row in rows:
                db.counts.add(*row)

        await store.write_alone(count_up)

    def options(self, node):
        return PostgresOptions(node.store)

    def retention(self, node):
        return PostgresRetention(node.store)

    def webhooks(self, store):
        return PostgresWebhooks(store)

    def erasure(self, node):
        return PostgresErasure(node.store)

    async def write(self, node, sql, **bound):
        await node.store.write_alone(lambda db: db.rows(sql, **bound))

    async def rows(self, node, sql, **bound):
        return [tuple(row) for row in await node.store.read(lambda db: db.rows(sql, **bound))]

    async def plan(self, node, sql, **bound):
        """Return how the statement would be answered where it is written, as one text."""
        rows = await node.store.write_alone(lambda db: db.rows(f"EXPLAIN {sql}", **bound))
        return "\n".join(step for (step,) in rows)

    async def sessions(self):
        """Return the processes of the server that serve this database now."""
        return {pid for (pid,) in await self._asked(SESSIONS)}

    async def rows_read(self, *, kept=()):
        """Return how many rows were read by all sessions that have ended: all but the kept ones."""
        await self._asked(
            f"SELECT pg_terminate_backend(pid, 10000) FROM ({SESSIONS}) s"
            " WHERE pid <> ALL ($1::int[])",
            list(kept),
        )
        return (await self._asked(READ))[0][0]

    async def _asked(self, sql, *values):
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()

    async def everything(self, node):
        """Return all texts of the database, as one."""
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        names = [name for (name,) in await node.store.read(lambda db: db.rows(tables))]
        texts = [
            await node.store.read(lambda db, t=name: db.rows(f"SELECT * FROM {t} ORDER BY 1"))
            for name in names
            if name != "nodes"  # says when it was seen last
        ]
        return repr(texts).lower()


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


@pytest.fixture
async def open_tracked(database):
    """Opens nodes that take callbacks, over one database."""
    from tests.contract.tracked import TrackedNode  # it is built on `Node` above

    opened = []

    async def opening(name="a"):
        store = await database.opened(name)
        opened.append(store)
        return TrackedNode(store, database)

    yield opening
    for store in opened:
        await store.close()
