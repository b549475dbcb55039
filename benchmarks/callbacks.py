"""Callbacks of the provider: posted, kept raw, applied to their messages; mail goes out beside.

`python -m benchmarks.callbacks --seconds 6 --sending 500`;
`--sending 0` leaves the dispatcher idle.
"""

import argparse
import asyncio
import time
from datetime import timedelta
from pathlib import Path

from benchmarks.history import indexed
from benchmarks.shared.bulk import add_history, add_waiting
from benchmarks.shared.databases import KINDS, Database, database, with_schema
from benchmarks.shared.load import Pressure, post_clicks
from benchmarks.shared.machine import grown, thread_cpu
from benchmarks.shared.provider import Provider, provider
from benchmarks.shared.readings import MS, Reading, arguments, refuse_unless, report
from benchmarks.shared.served import served
from terkirim import Gateway

SECRET = "bench-0123456789abcdef"
PATH = f"/api/webhooks/mailketing?secret={SECRET}"
CPU_EACH = "µs CPU/callback"
AN_HOUR = timedelta(hours=1)
LOOK_EVERY = 0.02  # seconds between looks whether everything is applied
GIVE_UP_AFTER = 120.0
UNAPPLIED = "SELECT EXISTS (SELECT 1 FROM callbacks WHERE state IN ('new', 'again'))"
SENT = "SELECT count(*) FROM attempts WHERE started_at > {}"


def measure(options: argparse.Namespace) -> list[Reading]:
    with database(options.database) as store, provider(store.folder) as partner:
        with_schema(store)
        now_us = time.time_ns() // 1_000
        add_history(store, count=options.mails, until_us=now_us, days=1)
        if options.sending:
            add_waiting(store, count=options.sending * options.seconds * 3, until_us=now_us)
        asyncio.run(_indexed(store))  # as it was done when this mail came: else it is done beside
        return _measured(store, partner, options, _mails(store))


async def _indexed(store: Database) -> None:
    async with Gateway.open(database=store.url, work=False) as gateway:
        await indexed(gateway, ahead=AN_HOUR)


def _mails(store: Database) -> Path:
    """Write the mails that callbacks are about into a file, one "id address" a line."""
    file = store.folder / "mails"
    rows = store.column("SELECT id || ' ' || recipient FROM messages WHERE state = 'accepted'")
    file.write_text("\n".join(rows) + "\n", "utf-8")
    return file


def _measured(
    store: Database, partner: Provider, options: argparse.Namespace, mails: Path
) -> list[Reading]:
    settings = {"MAILKETING_WEBHOOK_SECRET": SECRET}
    if options.sending:
        settings["TERKIRIM_RATE"] = f"{options.sending}/s"
    pressure = Pressure(options.seconds, options.connections)
    with served(store, partner, **settings) as gateway:
        start_us, threads = time.time_ns() // 1_000, thread_cpu(gateway.pids[0])
        cpu, began = gateway.cpu(), time.perf_counter()
        posted = post_clicks(gateway.url, pressure, mails=mails, path=PATH)
        _wait_until_applied(store)
        seconds, spent = time.perf_counter() - began, gateway.cpu() - cpu
        busy = grown(threads, thread_cpu(gateway.pids[0]))
        sent = int(store.one(SENT.format(start_us)))
    kept = int(store.one("SELECT count(*) FROM callbacks"))
    events = int(store.one("SELECT count(*) FROM events"))
    refuse_unless(kept >= posted.requests, f"{posted.requests} answered, {kept} on disk")
    refuse_unless(events == kept, f"{kept} callbacks became {events} events")
    name = f"terkirim, callbacks{', mail beside' if options.sending else ''}, {store.kind}"
    return [
        Reading(f"{name}: applied", kept / seconds, "callbacks/s"),
        Reading(f"{name}: answered", posted.requests / posted.seconds, "callbacks/s"),
        Reading(f"{name}: p50", posted.p50, MS),
        Reading(f"{name}: p99", posted.p99, MS),
        Reading(f"{name}: CPU, the mail's included", spent / kept * 1e6, CPU_EACH),
        Reading(f"{name}: mail sent beside", sent / seconds, "e-mails/s"),
        *(
            Reading(f"{name}: CPU of thread {thread}", used / kept * 1e6, CPU_EACH)
            for thread, used in busy
        ),
    ]


def _wait_until_applied(store: Database) -> None:
    end = time.monotonic() + GIVE_UP_AFTER
    while store.one(UNAPPLIED):
        refuse_unless(time.monotonic() < end, f"unapplied after {GIVE_UP_AFTER:.0f} s")
        time.sleep(LOOK_EVERY)


def main() -> None:
    parser = arguments(__doc__, seconds=6, connections=200, mails=100_000, sending=500)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    options = parser.parse_args()
    report(measure(options), options.into)


if __name__ == "__main__":
    main()
