"""PgQueuer: jobs in PostgreSQL, enqueued one per call or many, workers that post to the provider.

`python -m benchmarks.peers.pgqueuer --n 20000 --per-call 1 --workers 1`
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import asyncpg
import uvloop
from pgqueuer import AsyncpgPoolDriver, Job, PgQueuer, Queries
from pyreqwest.client import ClientBuilder

from benchmarks.peers.course import Peer, measured
from benchmarks.shared.children import STARTS_WITHIN, child
from benchmarks.shared.databases import Database, database
from benchmarks.shared.letters import mailketing_body
from benchmarks.shared.provider import provider
from benchmarks.shared.readings import Reading, arguments, refuse_unless, report

JOB = "send"
CONNECTIONS = 20  # of the enqueuing pool: more of them made no difference
IN_AIR = 200


def measure(options: argparse.Namespace) -> list[Reading]:
    with database("postgres") as store, provider(store.folder) as partner, ExitStack() as stack:
        uvloop.run(_install(store.url))
        workers = [
            stack.enter_context(_worker(store, partner.url, options.batch, number))
            for number in range(options.workers)
        ]
        _wait_for_workers(store, options.workers)
        peer = Peer(
            name=f"PgQueuer, {options.per_call} per call",
            submit=lambda: uvloop.run(_enqueue(store.url, options)),
            is_drained=lambda: not store.one("SELECT EXISTS (SELECT 1 FROM pgqueuer)"),
            pids=[*store.pids, *(worker.pid for worker in workers)],
        )
        return measured(peer, partner, n=options.n)


async def _install(url: str) -> None:
    async with asyncpg.create_pool(url, min_size=1) as pool:
        await Queries(AsyncpgPoolDriver(pool)).install()


async def _enqueue(url: str, options: argparse.Namespace) -> None:
    async with asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        numbers = iter(range(0, options.n, options.per_call))
        calls = (_calls(queries, numbers, options) for _ in range(options.callers))
        await asyncio.gather(*calls)


async def _calls(queries: Queries, numbers: Iterator[int], options: argparse.Namespace) -> None:
    for first in numbers:
        count = min(options.per_call, options.n - first)
        payloads = [_payload(number) for number in range(first, first + count)]
        if options.per_call == 1:
            await queries.enqueue(JOB, payloads[0])
        else:
            await queries.enqueue([JOB] * count, payloads, [0] * count)


def _payload(number: int) -> bytes:
    return json.dumps(mailketing_body(number)).encode()


def _worker(store: Database, provider_url: str, batch: int, number: int):
    command = [sys.executable, "-m", "benchmarks.peers.pgqueuer", "--work", store.url]
    command += ["--provider", provider_url, "--batch", str(batch)]
    return child(command, log=store.folder / f"worker{number}.log")


def _wait_for_workers(store: Database, workers: int) -> None:
    listening = "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'LISTEN %'"
    end = time.monotonic() + STARTS_WITHIN
    while store.one(listening) < workers:
        refuse_unless(time.monotonic() < end, "the workers did not start")
        time.sleep(0.05)


async def work(url: str, provider_url: str, batch: int) -> None:
    """Run one worker until it is terminated."""
    client = ClientBuilder().http1_only().no_proxy().max_connections(IN_AIR).build()
    async with asyncpg.create_pool(url, min_size=4, max_size=CONNECTIONS) as pool:
        queuer = PgQueuer(AsyncpgPoolDriver(pool))

        @queuer.entrypoint(JOB)
        async def send(job: Job) -> None:
            request = client.post(f"{provider_url}/send").header("x-api-token", "bench")
            response = await request.body_bytes(job.payload or b"").build().send()
            if response.status != 200:
                raise RuntimeError(f"the provider answered {response.status}")

        await queuer.run(batch_size=batch, max_concurrent_tasks=max(IN_AIR, 2 * batch))


def main() -> None:
    parser = arguments(__doc__, n=20_000, per_call=1, callers=200, workers=1, batch=100)
    parser.add_argument("--work", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--provider", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        uvloop.run(work(options.work, options.provider, options.batch))
    else:
        report(measure(options), options.into)


if __name__ == "__main__":
    main()
