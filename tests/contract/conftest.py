"""The store under contract, and the facts that its tests share."""

from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from terkirim.domain.email import Address, Content, Email, NewMessage
from terkirim.domain.ids import uuid7
from terkirim.domain.outcome import Accepted
from terkirim.policy.breaker import BreakerSettings
from terkirim.policy.retry import RetrySchedule
from terkirim.policy.verdict import Facts, verdict
from terkirim.ports import ClaimWish, Submission
from terkirim.store.gating import GateSettings
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


@pytest.fixture
async def open_node(tmp_path):
    opened = []

    def opening(name="a"):
        store = SqliteStore(tmp_path / "contract.db", node=name, settings=GATES)
        opened.append(store)
        return Node(store)

    yield opening
    for store in opened:
        await store.close()


@pytest.fixture
def node(open_node):
    return open_node()


@pytest.fixture
async def open_tracked(tmp_path):
    """Opens nodes that take callbacks, over one database."""
    from tests.contract.tracked import TrackedNode  # it is built on `Node` above

    opened = []

    def opening(name="a"):
        store = SqliteStore(tmp_path / "contract.db", node=name, settings=GATES)
        opened.append(store)
        return TrackedNode(store)

    yield opening
    for store in opened:
        await store.close()
