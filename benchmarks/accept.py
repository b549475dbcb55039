"""E-mails through the library: submitted, on disk, taken by the provider, settled.

`python -m benchmarks.accept --n 20000 --per-call 1 --callers 200 --database sqlite`
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import uvloop

from benchmarks.shared.databases import KINDS, Database, database
from benchmarks.shared.letters import SENDER, draft
from benchmarks.shared.machine import grown, own_cpu, own_peak, thread_cpu, tree_cpu, tree_memory
from benchmarks.shared.provider import Provider, provider
from benchmarks.shared.readings import (
    CPU,
    MB,
    MS,
    PER_SECOND,
    Reading,
    arguments,
    at,
    refuse_unless,
    report,
)
from benchmarks.shared.served import workers
from terkirim import Gateway

LOOK_AT_LEAST = 0.005  # seconds between looks whether everything is settled
AT_MOST_A_SECOND = 50_000  # e-mails; a look counts what waits, so the next one waits for so many


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is submitted, and how."""

    n: int
    per_call: int
    callers: int
    concurrency: int
    workers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a run took: `waits` are the seconds of each call."""

    seconds: float
    accepting: float
    waits: list[float]
    cpu: float
    threads: list[tuple[str, float]]


def measure(options: argparse.Namespace) -> list[Reading]:
    load = Load(
        n=options.n,
        per_call=options.per_call,
        callers=options.callers,
        concurrency=options.concurrency,
        workers=options.workers,
    )
    with (
        database(options.database) as store,
        provider(store.folder, delay_ms=options.delay_ms) as partner,
        workers(store, partner, load.workers, TERKIRIM_CONCURRENCY=str(load.concurrency)) as beside,
    ):
        pids = (*store.pids, *beside)
        course = uvloop.run(run(store, partner, load, pids=pids))
        memory = own_peak() + tree_memory(pids)
        refuse_unless(store.accepted() == load.n, f"{store.accepted()} of {load.n} accepted")
        refuse_unless(partner.seen() >= load.n, f"the provider saw {partner.seen()}")
        name = f"terkirim, {load.per_call} per call, {store.kind}"
        if load.workers:
            name += f", workers beside: {load.workers}"
        if options.delay_ms:
            name += f", {options.delay_ms} ms, {load.concurrency} in the air"
        return [
            Reading(f"{name}: settled", load.n / course.seconds, PER_SECOND),
            Reading(f"{name}: CPU", course.cpu / load.n * 1e6, CPU),
            Reading(f"{name}: CPU of the provider", partner.cpu() / load.n * 1e6, CPU),
            Reading(f"{name}: accepted", load.n / course.accepting, PER_SECOND),
            Reading(f"{name}: accept p50", at(course.waits, 0.5) * 1e3, MS),
            Reading(f"{name}: accept p99", at(course.waits, 0.99) * 1e3, MS),
            Reading(f"{name}: peak memory", memory / 1e6, MB),
            *(
                Reading(f"{name}: CPU of thread {thread}", used / load.n * 1e6, CPU)
                for thread, used in course.threads
            ),
        ]


async def run(
    store: Database, partner: Provider, load: Load, *, pids: Sequence[int] = ()
) -> Course:
    """Submit, and wait until nothing is unfinished.

    Callers and gateway share this process, and it sends too where there are no workers beside it.
    """
    async with Gateway.open(
        database=store.url,
        mailketing_api_key="bench",
        mailketing_api_url=partner.url,
        mailketing_from_email=SENDER,
        concurrency=load.concurrency,
        work=not load.workers,
    ) as gateway:
        numbers = iter(range(0, load.n, load.per_call))
        waits: list[float] = []
        before = thread_cpu()
        cpu, began = own_cpu() + tree_cpu(pids), time.perf_counter()
        calls = (_calls(gateway, numbers, waits, load) for _ in range(load.callers))
        await asyncio.gather(*calls)
        accepting = time.perf_counter() - began
        while left := await _left(gateway):
            await asyncio.sleep(max(left / AT_MOST_A_SECOND, LOOK_AT_LEAST))
        seconds = time.perf_counter() - began
        return Course(
            seconds=seconds,
            accepting=accepting,
            waits=waits,
            cpu=own_cpu() + tree_cpu(pids) - cpu,
            threads=grown(before, thread_cpu()),
        )


async def _left(gateway: Gateway) -> int:
    return sum((await gateway.store.backlog(now=gateway.clock.now())).by_state.values())


async def _calls(gateway, numbers, waits, load: Load) -> None:
    clock = time.perf_counter
    for first in numbers:
        drafts = [draft(number) for number in range(first, min(first + load.per_call, load.n))]
        began = clock()
        if load.per_call == 1:
            one = drafts[0]
            await gateway.send_email(
                sender=one.sender, to=one.to, subject=one.subject, html=one.html
            )
        else:
            await gateway.send(drafts, owner="bench")
        waits.append(clock() - began)


def main() -> None:
    parser = arguments(
        __doc__, n=20_000, per_call=1, callers=200, concurrency=200, delay_ms=0, workers=0
    )
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    options = parser.parse_args()
    report(measure(options), options.into)


if __name__ == "__main__":
    main()
