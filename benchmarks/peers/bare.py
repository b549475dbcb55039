"""The bare parts on SQLite: what a durable outbox costs before it checks, decides or counts.

One table, one writer thread with group commit, synced. No peer that anybody could use: the
ceiling of this machine, beside which other rates can be read.
`python -m benchmarks.peers.bare --n 20000 --delay-ms 50 --in-air 1000`
"""

import argparse
import asyncio
import json
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from pyreqwest.client import ClientBuilder

from benchmarks.shared.letters import mailketing_body
from benchmarks.shared.machine import own_cpu
from benchmarks.shared.places import run_folder
from benchmarks.shared.provider import provider
from benchmarks.shared.readings import CPU, PER_SECOND, Reading, arguments, refuse_unless, report

IDLE = 0.002  # seconds between claims that find nothing
_TABLE = "CREATE TABLE mail (id INTEGER PRIMARY KEY, body TEXT NOT NULL, state INTEGER NOT NULL)"
_DUE = "CREATE INDEX due ON mail (id) WHERE state = 0"
_ACCEPT = "INSERT INTO mail VALUES (?, ?, 0)"
_CLAIM = (
    "UPDATE mail SET state = 1 WHERE id IN"
    " (SELECT id FROM mail WHERE state = 0 ORDER BY id LIMIT ?) RETURNING id, body"
)
_SETTLE = "UPDATE mail SET state = 2 WHERE id = ?"


@dataclass(frozen=True, slots=True)
class _Task:
    kind: str
    value: Any
    future: asyncio.Future[Any]


class Writer:
    """One thread owns the connection; what waits together is committed together."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def ask(self, kind: str, value: Any) -> asyncio.Future[Any]:
        future = self._loop.create_future()
        self._tasks.put(_Task(kind, value, future))
        return future

    def close(self) -> None:
        self._tasks.put(None)
        self._thread.join()

    def _run(self) -> None:
        database = sqlite3.connect(self._file, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(_TABLE)
        database.execute(_DUE)
        while (first := self._tasks.get()) is not None:
            group = [first]
            while not self._tasks.empty() and (more := self._tasks.get()) is not None:
                group.append(more)
            results = self._committed(database, group)
            self._loop.call_soon_threadsafe(_tell, group, results)

    def _committed(self, database: sqlite3.Connection, group: list[_Task]) -> list[Any]:
        database.execute("BEGIN IMMEDIATE")
        database.executemany(_ACCEPT, [one.value for one in group if one.kind == "accept"])
        database.executemany(_SETTLE, [one.value for one in group if one.kind == "settle"])
        claims = {
            place: database.execute(_CLAIM, one.value).fetchall()
            for place, one in enumerate(group)
            if one.kind == "claim"
        }
        database.execute("COMMIT")
        return [claims.get(place) for place in range(len(group))]


def _tell(group: list[_Task], results: list[Any]) -> None:
    for task, result in zip(group, results, strict=True):
        task.future.set_result(result)


def measure(options: argparse.Namespace) -> list[Reading]:
    with run_folder() as folder, provider(folder, delay_ms=options.delay_ms) as partner:
        file = folder / "bare.db"
        seconds, cpu = uvloop.run(_run(file, f"{partner.url}/send", options))
        refuse_unless(partner.seen() >= options.n, f"the provider saw {partner.seen()}")
    name = "bare parts, 1 per call"
    if options.delay_ms:
        name += f", {options.delay_ms} ms, {options.in_air} in the air"
    return [
        Reading(f"{name}: settled", options.n / seconds, PER_SECOND),
        Reading(f"{name}: CPU", cpu / options.n * 1e6, CPU),
    ]


async def _run(file: Path, url: str, options: argparse.Namespace) -> tuple[float, float]:
    writer = Writer(file)
    sender = Sender(writer, url, in_air=options.in_air)
    cpu, began = own_cpu(), time.perf_counter()
    try:
        numbers = iter(range(options.n))
        callers = (_accepts(writer, numbers) for _ in range(options.callers))
        await asyncio.gather(sender.send(options.n), *callers)
        return time.perf_counter() - began, own_cpu() - cpu
    finally:
        writer.close()


async def _accepts(writer: Writer, numbers: Iterator[int]) -> None:
    for number in numbers:
        await writer.ask("accept", (number, json.dumps(mailketing_body(number))))


class Sender:
    """Claims as much as there is room for, posts each once, settles it."""

    def __init__(self, writer: Writer, url: str, *, in_air: int) -> None:
        self._writer = writer
        self._url = url
        self._client = ClientBuilder().http1_only().no_proxy().build()
        self._free = in_air
        self._freed = asyncio.Event()

    async def send(self, n: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            while n:
                claimed = await self._writer.ask("claim", (self._free,))
                self._free -= len(claimed)
                n -= len(claimed)
                for number, body in claimed:
                    tasks.create_task(self._sent(number, body))
                if not claimed:
                    await asyncio.sleep(IDLE)
                if not self._free:
                    self._freed.clear()
                    await self._freed.wait()

    async def _sent(self, number: int, body: str) -> None:
        request = self._client.post(self._url).header("x-api-token", "bench").body_text(body)
        response = await request.header("content-type", "application/json").build().send()
        refuse_unless(response.status == 200, f"the provider answered {response.status}")
        self._free += 1
        self._freed.set()
        await self._writer.ask("settle", (number,))


def main() -> None:
    options = arguments(__doc__, n=20_000, callers=200, in_air=200, delay_ms=0).parse_args()
    report(measure(options), options.into)


if __name__ == "__main__":
    main()
