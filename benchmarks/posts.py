"""Single `POST /v1/emails` to `terkirim serve`: accept only, or with the provider out beside it.

`python -m benchmarks.posts --seconds 8 --connections 200 [--send]`
"""

import argparse
import time

from benchmarks.shared.databases import KINDS, Database, database
from benchmarks.shared.load import Pressure, post_emails
from benchmarks.shared.machine import grown, thread_cpu, tree_cpu, tree_memory
from benchmarks.shared.provider import Provider, provider
from benchmarks.shared.readings import (
    CPU,
    MB,
    MS,
    PER_SECOND,
    Reading,
    arguments,
    refuse_unless,
    report,
)
from benchmarks.shared.served import pause, served, workers

LOOK_EVERY = 0.02  # seconds between looks whether everything is settled
GIVE_UP_AFTER = 120.0


def measure(options: argparse.Namespace) -> list[Reading]:
    with database(options.database) as store, provider(store.folder) as partner:
        if not options.send:
            pause(store)
        return _measured(store, partner, options)


def _measured(store: Database, partner: Provider, options: argparse.Namespace) -> list[Reading]:
    with (
        served(store, partner) as gateway,
        workers(store, partner, options.workers) as beside,
    ):
        threads = thread_cpu(gateway.pids[0])
        before, began = gateway.cpu() + tree_cpu(beside), time.perf_counter()
        pressure = Pressure(options.seconds, options.connections)
        posted = post_emails(gateway.url, pressure, folder=store.folder)
        if options.send:
            _wait_until_drained(store)
        seconds, cpu = time.perf_counter() - began, gateway.cpu() + tree_cpu(beside) - before
        memory = gateway.memory() + tree_memory(beside)
        busy = grown(threads, thread_cpu(gateway.pids[0]))
    n = int(store.one("SELECT count(*) FROM messages"))
    refuse_unless(n >= posted.requests, f"{posted.requests} answered, {n} on disk")
    name = f"terkirim, single posts{', sent beside' if options.send else ''}, {store.kind}"
    if options.workers:
        name += f", workers beside: {options.workers}"
    readings = [
        Reading(f"{name}: answered", posted.requests / posted.seconds, "posts/s"),
        Reading(f"{name}: p50", posted.p50, MS),
        Reading(f"{name}: p99", posted.p99, MS),
        Reading(f"{name}: CPU", cpu / n * 1e6, CPU),
        Reading(f"{name}: CPU of wrk", posted.cpu / n * 1e6, CPU),
        Reading(f"{name}: memory", memory / 1e6, MB),
        *(Reading(f"{name}: CPU of thread {thread}", used / n * 1e6, CPU) for thread, used in busy),
    ]
    if options.send:
        refuse_unless(store.accepted() == n, f"{store.accepted()} of {n} accepted")
        readings.insert(0, Reading(f"{name}: settled", n / seconds, PER_SECOND))
    return readings


def _wait_until_drained(store: Database) -> None:
    end = time.monotonic() + GIVE_UP_AFTER
    while not store.is_drained():
        refuse_unless(time.monotonic() < end, f"unsettled after {GIVE_UP_AFTER:.0f} s")
        time.sleep(LOOK_EVERY)


def main() -> None:
    parser = arguments(__doc__, seconds=8, connections=200)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--send", action="store_true", help="the provider is out at the same time")
    parser.add_argument("--workers", type=int, default=0, help="`terkirim worker` that send too")
    options = parser.parse_args()
    report(measure(options), options.into)


if __name__ == "__main__":
    main()
