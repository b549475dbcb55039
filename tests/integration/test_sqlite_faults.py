"""What happens around the SQLite file: another program's lock, a disk that takes nothing."""

import asyncio
import resource
from contextlib import contextmanager

import apsw
import pytest

from terkirim.domain.errors import StoreUnavailable
from terkirim.store.sqlite import connection
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.sqlite.writer import Writer
from tests.contract.conftest import GATES, Node, an_email


@pytest.fixture
async def node(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_MS", 200)
    store = SqliteStore(tmp_path / "t.db", node="a", settings=GATES)
    yield Node(store)
    await store.close()


@contextmanager
def no_file_grows(path):
    """Let no file be written beyond the end that the write-ahead log has now."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    end = path.with_name(f"{path.name}-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (end, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_callers_share_the_wait_for_another_program_s_lock(node, tmp_path, monkeypatch):
    """Were each tried by itself again, the last of them would wait for as many times as long."""
    tries, transaction = [], Writer._transaction
    monkeypatch.setattr(
        Writer, "_transaction", lambda one, group: tries.append(group) or transaction(one, group)
    )
    other = apsw.Connection(str(tmp_path / "t.db"))
    other.execute("BEGIN IMMEDIATE")
    results = await asyncio.gather(
        *(node.accept(an_email()) for _ in range(40)), return_exceptions=True
    )
    assert len(tries) <= 2
    other.execute("ROLLBACK")
    assert {str(one) for one in results} == {
        "t.db: another process holds the database: it did not let go in time"
    }
    assert all(isinstance(one, StoreUnavailable) for one in results)
    email = an_email()
    await node.accept(email)
    assert (await node.store.email(email.id)).id == email.id


async def test_a_disk_that_takes_nothing_is_not_ready_though_it_gives_a_lock(node, tmp_path):
    await node.accept(an_email())
    with no_file_grows(tmp_path / "t.db"):
        with pytest.raises(StoreUnavailable):
            await node.store.check_writable()
        with pytest.raises(StoreUnavailable):
            await node.accept(an_email())
    await node.store.check_writable()
