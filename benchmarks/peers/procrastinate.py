"""Procrastinate: jobs in PostgreSQL, one deferred per call, a worker that posts to the provider.

`python -m benchmarks.peers.procrastinate --n 3000 --callers 200`
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator

import uvloop
from procrastinate import App, PsycopgConnector
from pyreqwest.client import ClientBuilder

from benchmarks.peers.course import Peer, measured
from benchmarks.shared.children import child
from benchmarks.shared.databases import database
from benchmarks.shared.letters import mailketing_body
from benchmarks.shared.provider import provider
from benchmarks.shared.readings import Reading, arguments, report

CONNECTIONS = 20
IN_AIR = 20
TASK = "send"
UNFINISHED = "SELECT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))"


def measure(options: argparse.Namespace) -> list[Reading]:
    with database("postgres") as store, provider(store.folder) as partner:
        uvloop.run(_install(store.url))
        command = [sys.executable, "-m", "benchmarks.peers.procrastinate", "--work", store.url]
        command += ["--provider", partner.url]
        with child(command, log=store.folder / "worker.log") as worker:
            peer = Peer(
                name="Procrastinate, 1 per call",
                submit=lambda: uvloop.run(_submit(store.url, options)),
                is_drained=lambda: not store.one(UNFINISHED),
                pids=[*store.pids, worker.pid],
            )
            return measured(peer, partner, n=options.n)


def _app(url: str) -> App:
    return App(connector=PsycopgConnector(conninfo=url, min_size=4, max_size=CONNECTIONS))


async def _install(url: str) -> None:
    app = _app(url)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


async def _submit(url: str, options: argparse.Namespace) -> None:
    app = _app(url)
    async with app.open_async():
        numbers = iter(range(options.n))
        await asyncio.gather(*(_calls(app, numbers) for _ in range(options.callers)))


async def _calls(app: App, numbers: Iterator[int]) -> None:
    for number in numbers:
        await app.configure_task(TASK).defer_async(body=mailketing_body(number))


async def work(url: str, provider_url: str) -> None:
    """Run the worker until it is terminated."""
    app = _app(url)
    client = ClientBuilder().http1_only().no_proxy().max_connections(IN_AIR).build()

    @app.task(name=TASK)
    async def send(body: dict[str, str]) -> None:
        request = client.post(f"{provider_url}/send").header("x-api-token", "bench")
        response = await request.body_json(body).build().send()
        if response.status != 200:
            raise RuntimeError(f"the provider answered {response.status}")

    async with app.open_async():
        await app.run_worker_async(concurrency=IN_AIR)


def main() -> None:
    parser = arguments(__doc__, n=3_000, callers=200)
    parser.add_argument("--work", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--provider", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        uvloop.run(work(options.work, options.provider))
    else:
        report(measure(options), options.into)


if __name__ == "__main__":
    main()
