"""Single `POST /v1/emails` to `terkirim serve`: accept only, or with the provider out beside it.

`python -m benchmarks.posts --seconds 8 --connections 200 [--send]`
"""

import argparse
import time

from benchmarks.shared.databases import KINDS, Database, database
from benchmarks.shared.load import Posted, post
from benchmarks.shared.machine import grown, thread_cpu
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
from benchmarks.shared.served import pause, served

LOOK_EVERY = 0.02  # seconds between looks whether everything is settled
GIVE_UP_AFTER = 120.0


def measure(options: argparse.Namespace) -> list[Reading]:
    with database(options.database) as store, provider(store.folder) as partner:
        if not options.send:
            pause(store)
        return _measured(store, partner, options)


def _measured(store: Database, partner: Provider, options: argparse.Namespace) -> list[Reading]:
    with served(store, partner) as gateway:
        threads = thread_cpu(gateway.pids[0])
        before, began = gateway.cpu(), time.perf_counter()
        posted = post(
            gateway.url,
            seconds=options.seconds,
            connections=options.connections,
            folder=store.folder,
        )
        if options.send:
            _wait_until_drained(store)
        seconds, cpu = time.perf_counter() - began, gateway.cpu() - before
        memory = gateway.memory()
        busy = grown(threads, thread_cpu(gateway.pids[0]))
    n = int(store.one("SELECT count(*) FROM messages"))
    _refuse_what_is_no_figure(posted, n)
    name = f"terkirim, single posts{', sent beside' if options.send else ''}, {store.kind}"
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


def _refuse_what_is_no_figure(posted: Posted, stored: int) -> None:
    refuse_unless(posted.requests > 0, "nothing was answered")
    refuse_unless(posted.refused == 0, f"{posted.refused} posts were refused")
    refuse_unless(posted.broken == 0, f"{posted.broken} posts broke")
    refuse_unless(stored >= posted.requests, f"{posted.requests} answered, {stored} on disk")


def _wait_until_drained(store: Database) -> None:
    end = time.monotonic() + GIVE_UP_AFTER
    while not store.is_drained():
        refuse_unless(time.monotonic() < end, f"unsettled after {GIVE_UP_AFTER:.0f} s")
        time.sleep(LOOK_EVERY)


def main() -> None:
    parser = arguments(__doc__, seconds=8, connections=200)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--send", action="store_true", help="the provider is out at the same time")
    options = parser.parse_args()
    report(measure(options), options.into)


if __name__ == "__main__":
    main()
