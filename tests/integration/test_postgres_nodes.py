"""Several nodes on one PostgreSQL: what they share, and what becomes of one that dies."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from terkirim.database import SystemClock
from terkirim.domain.errors import IdempotencyConflict
from terkirim.domain.message import Evidence, State
from terkirim.domain.outcome import Deferred, SenderRefused
from terkirim.policy.rates import Rate
from terkirim.ports import ClaimWish, IdempotencyKey, Pause
from terkirim.store.postgres import nodes
from terkirim.store.postgres import store as store_module
from terkirim.store.postgres.clock import ServerClock
from terkirim.store.postgres.gates import save_pause
from terkirim.store.postgres.store import PostgresStore
from tests.contract.conftest import GATES, LEASE, SECOND, START, UNCLEAR_WAIT, Node, an_email
from tests.integration.postgres_line import SOON, Line, somebody_waits, until


@pytest.fixture
async def open_store(postgres):
    url = await postgres.database()
    opened = []

    async def opening(name="a", *, address=url, gates=GATES, clock=None):
        store = await PostgresStore.open(
            lambda: address, node=name, settings=gates, clock=clock or SystemClock()
        )
        opened.append(store)
        return Node(store)

    yield opening
    for store in opened:
        await store.close()


@pytest.fixture
async def masked_line(postgres):
    await postgres.database()
    async with Line(postgres.folder, masked=True) as line:
        yield line


async def test_many_claims_at_once_never_lease_a_message_twice(open_store):
    some = [await open_store(name) for name in "abcd"]
    await some[0].accept(*[an_email() for _ in range(400)])

    async def drain(node):
        ids = []
        while works := await node.take(25):
            ids += [work.lease.message_id for work in works]
            await asyncio.gather(*[node.settle(work) for work in works])
        return ids

    taken = [id_ for ids in await asyncio.gather(*map(drain, some)) for id_ in ids]
    assert len(taken) == len(set(taken)) == 400


async def test_leases_of_a_process_that_was_killed_become_unclear_at_once(
    open_store, postgres, tmp_path
):
    node = await open_store("a")
    email = an_email()
    await node.accept(email)
    script = tmp_path / "node.py"
    script.write_text(
        "import asyncio\n"
        "from tests.contract.conftest import Node, PostgresDatabase\n"
        "async def main():\n"
        f"    database = PostgresDatabase({postgres.url('terkirim')!r})\n"
        "    node = Node(await database.opened('killed'))\n"
        "    print(len(await node.take()), flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, cwd=root, env={"PYTHONPATH": str(root)}
    ) as process:
        assert await asyncio.to_thread(process.stdout.readline) == b"1\n"
        assert await node.store.rescue(now=START, unclear_for=UNCLEAR_WAIT) == 0
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    # The server sees the closed line within a moment.
    await until(lambda: node.store.rescue(now=START, unclear_for=UNCLEAR_WAIT))
    assert await node.state(email.id) is State.UNCLEAR


async def test_a_node_that_only_lost_its_line_takes_its_lock_again(open_store, postgres):
    node, other = await open_store("a"), await open_store("b")
    await node.accept(an_email())
    await node.take()
    pid = node.store._presence._line.get_server_pid()
    await postgres.command(f"SELECT pg_terminate_backend({pid})")

    async def is_there_again():
        return node.store._presence.is_listening and pid != _pid(node)

    await until(is_there_again)
    assert await other.store.rescue(now=START, unclear_for=UNCLEAR_WAIT) == 0


def _pid(node):
    return node.store._presence._line.get_server_pid()


async def test_another_node_is_woken_at_once(open_store):
    one, other = await open_store("a"), await open_store("b")
    await one.store.changed(within=timedelta())
    for cause in (
        lambda: other.accept(an_email()),
        lambda: other.store.resume("first"),
    ):
        waiting = asyncio.create_task(one.store.changed(within=SOON))
        await asyncio.sleep(0)
        await cause()
        assert await waiting


async def test_behind_a_pooler_a_node_keeps_nothing_in_its_session_and_still_hears_of_others(
    open_store, masked_line, postgres
):
    pooled, direct = await open_store("p", address=masked_line.url()), await open_store("d")
    assert not pooled.store._presence.is_listening
    assert direct.store._presence.is_listening
    email = an_email()
    await pooled.accept(email)
    (work,) = await pooled.take()
    await pooled.settle(work, Deferred("busy"))

    for one, other in ((pooled, direct), (direct, pooled)):
        await one.store.changed(within=timedelta(seconds=2 * store_module.LOOK_EVERY))
        waiting = asyncio.create_task(one.store.changed(within=SOON))
        await asyncio.sleep(0)
        await other.accept(an_email())
        assert await waiting
    prepared = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    assert [tuple(row) for row in await postgres.command(prepared)] == [(1,)]  # the direct one's


async def test_a_node_behind_a_pooler_is_dead_when_it_is_silent(open_store, masked_line):
    pooled, other = await open_store("p", address=masked_line.url()), await open_store("o")
    await pooled.accept(an_email())
    await pooled.take()
    now = datetime.now(UTC)
    pooled_lease = {"unclear_for": UNCLEAR_WAIT}
    await pooled.store.claim(ClaimWish(limit=1, now=now, lease_for=timedelta(days=1)))

    alive = await other.store.rescue(now=START, **pooled_lease)
    assert alive == 0
    silent = START + (datetime.now(UTC) - START) + nodes.SILENT_FOR + SECOND
    await other.store.write_alone(_lease_until(silent + timedelta(days=1)))
    assert await other.store.rescue(now=silent, **pooled_lease) == 1


def _lease_until(at):
    async def moved(db):
        us = int(at.timestamp() * 1_000_000)
        await db.rows("UPDATE outbox SET leased_until = :at", at=us)

    return moved


async def test_prepared_statements_that_a_pooler_forgot_are_not_used_again(open_store):
    node = await open_store("a")
    await node.accept(an_email())
    for writer in (node.store._accepts, node.store._works):
        if writer._connection is not None:
            await writer._connection.execute("DEALLOCATE ALL")
    await node.accept(an_email())
    assert len(await node.take()) == 2
    assert node.store._accepts._connector.is_pooled


async def test_rates_hold_across_nodes(open_store):
    gates = replace(
        GATES, routes={"default": ("first",)}, limits={"first": (Rate(10, "m"), Rate(30, "d"))}
    )
    some = [await open_store(name, gates=gates) for name in "abc"]
    await some[0].accept(*[an_email() for _ in range(100)])
    taken = await asyncio.gather(*[node.take(20) for node in some])
    assert sum(map(len, taken)) == 10
    later = await asyncio.gather(*[node.take(20, now=START + 9 * 60 * SECOND) for node in some])
    assert sum(map(len, later)) == 10
    await some[0].store.release([work.lease for work in taken[0]], now=START + 9 * 60 * SECOND)
    last = await asyncio.gather(*[node.take(50, now=START + 59 * 60 * SECOND) for node in some])
    assert sum(map(len, last)) == 10


async def test_one_node_only_sends_the_probe_of_a_shut_breaker(open_store):
    gates = replace(GATES, routes={"default": ("first",)})
    some = [await open_store(name, gates=gates) for name in "abc"]
    await some[0].accept(*[an_email() for _ in range(30)])
    works = await some[0].take(9)
    down = Deferred("refused", is_provider_down=True)
    await asyncio.gather(*[some[index % 3].settle(work, down) for index, work in enumerate(works)])
    (status,) = await some[0].store.providers(now=START)
    assert (status.breaker, status.faults) == ("open", 3)

    later = START + 31 * SECOND
    probes = [work for taken in await _all(some, now=later) for work in taken]
    assert [work.lease.is_probe for work in probes] == [True]
    await some[1].settle(probes[0], now=later)
    assert sum(map(len, await _all(some, now=later))) == 1  # recovering: one in the air, of all


async def _all(some, *, now):
    return await asyncio.gather(*[node.take(10, now=now) for node in some])


async def test_a_key_that_another_node_is_using_is_waited_for(open_store, postgres, monkeypatch):
    node = await open_store("a")
    key = IdempotencyKey(owner="o", route="r", key="k", fingerprint="f")
    other = await asyncpg.connect(postgres.url("terkirim"))
    await other.execute("BEGIN")
    await _hold_key(other, key)
    waiting = asyncio.create_task(node.accept(an_email(), idempotency=key, answer="mine"))
    await node.accept(an_email())  # no other submission waits with it
    assert not waiting.done()
    await other.execute("COMMIT")
    receipt = await waiting
    assert (receipt.is_repeat, receipt.answer) == (True, "theirs")

    monkeypatch.setattr(store_module, "KEY_LOOKS", 2)
    held = replace(key, key="held")
    await other.execute("BEGIN")
    await _hold_key(other, held)
    with pytest.raises(IdempotencyConflict) as conflict:
        await node.accept(an_email(), idempotency=held, answer="mine")
    assert conflict.value.is_running
    await other.execute("ROLLBACK")
    await other.close()
    assert not (await node.accept(an_email(), idempotency=held, answer="mine")).is_repeat


async def _hold_key(connection, key):
    from terkirim.store.postgres.accepting import _lock, _scope

    await connection.execute(f"SELECT pg_advisory_xact_lock({_lock(_scope(key))})")
    await connection.execute(
        "INSERT INTO idempotency (owner, route, key, fingerprint, answer, created_at)"
        " VALUES ($1, $2, $3, $4, 'theirs', $5)",
        key.owner,
        key.route,
        key.key,
        key.fingerprint,
        int(START.timestamp() * 1_000_000),
    )


async def test_one_key_used_many_times_at_once_stores_one_email(open_store):
    some = [await open_store(name) for name in "abc"]
    key = IdempotencyKey(owner="o", route="r", key="k", fingerprint="f")
    receipts = await asyncio.gather(
        *[
            some[index % 3].accept(an_email(), idempotency=key, answer=f"answer {index}")
            for index in range(60)
        ]
    )
    assert Counter(receipt.is_repeat for receipt in receipts) == {False: 1, True: 59}
    assert len({receipt.answer for receipt in receipts}) == 1
    assert len(await some[0].take()) == 1


async def test_a_settle_waits_for_evidence_that_is_being_written_and_reads_it(open_store, postgres):
    node = await open_store()
    email = an_email()
    await node.accept(email)
    (work,) = await node.take()
    other = await asyncpg.connect(postgres.url("terkirim"))
    await other.execute("BEGIN; SELECT id FROM outbox FOR UPDATE")
    await other.execute("UPDATE messages SET evidence = 'delivered'")
    settling = asyncio.create_task(node.settle(work, Deferred("busy")))
    await somebody_waits(postgres)
    await other.execute("COMMIT")
    await other.close()
    assert await settling is State.DELIVERED


async def test_evidence_waits_for_a_settle_that_is_being_written(open_store):
    node, teller = await open_store("a"), await open_store("b")
    emails = [an_email() for _ in range(60)]
    await node.accept(*emails)
    works = await node.take()
    told = [
        teller.store.record_evidence(email.id, Evidence.DELIVERED, at=START) for email in emails
    ]
    await asyncio.gather(*[node.settle(work, Deferred("busy")) for work in works], *told)
    states = Counter([await node.state(email.id) for email in emails])
    assert states == {State.DELIVERED: 60}
    assert not await node.take(now=START + timedelta(days=1))


async def test_a_pause_that_mail_is_being_held_for_ends_only_after_that(open_store, postgres):
    node, person = await open_store("a"), await open_store("b")
    pause = Pause(
        provider="first",
        sender="toko@example.com",
        fault="SenderRefused",
        reason="not approved",
        since=START,
        until=None,
    )
    await node.store.pause(pause)
    await node.accept(an_email())
    resuming = []

    async def hold(db):
        assert not await save_pause(db, pause)  # it stands, and mail may be held for it
        await db.rows("UPDATE outbox SET hold = 'first/toko@example.com'")
        resuming.append(
            asyncio.create_task(person.store.resume("first", sender="toko@example.com"))
        )
        await somebody_waits(postgres)

    await node.store.write_alone(hold)
    assert await resuming[0]
    assert len(await node.take()) == 1


async def test_a_claim_holds_mail_only_for_a_pause_that_stands(open_store):
    gates = replace(GATES, routes={"default": ("first",)})
    node, person = await open_store("a", gates=gates), await open_store("b", gates=gates)
    refused = SenderRefused("not approved", sender="toko@example.com")
    for _ in range(10):
        await node.accept(*[an_email() for _ in range(20)])
        for work in await node.take(1):
            await node.settle(work, refused)
        resume = person.store.resume("first", sender="toko@example.com")
        await asyncio.gather(node.take(20), resume)
        await person.store.resume("first", sender="toko@example.com")
    (waiting,) = await node.store.providers(now=START)
    assert waiting.waiting + waiting.in_air == 200


async def test_of_nodes_that_start_at_once_one_makes_what_all_share(open_store):
    some = [await open_store(name) for name in "abcd"]
    turns = [node.store.take_turn("x", every=SECOND, now=START) for node in some]
    kept = [node.store.keep_option("x", node.store.node) for node in some]
    assert Counter(await asyncio.gather(*turns)) == {True: 1, False: 3}
    assert len(set(await asyncio.gather(*kept))) == 1


class WrongClock:
    """A machine whose clock is an hour behind."""

    def now(self):
        return datetime.now(UTC) - timedelta(hours=1)

    def monotonic(self):
        return asyncio.get_running_loop().time()


async def test_every_node_goes_by_the_clock_of_the_server(open_store):
    node = await open_store("a", clock=WrongClock())
    apart = abs(node.store.clock.now() - datetime.now(UTC))
    assert apart < SECOND
    assert ServerClock(WrongClock()).offset == timedelta()


async def test_overdue_leases_are_rescued_by_one_of_many_nodes(open_store):
    some = [await open_store(name) for name in "abc"]
    await some[0].accept(*[an_email() for _ in range(50)])
    await some[0].take(50)
    late = START + LEASE + SECOND
    counts = await asyncio.gather(
        *[node.store.rescue(now=late, unclear_for=UNCLEAR_WAIT) for node in some]
    )
    assert counts[0] == 0
    assert sum(counts) == 50
