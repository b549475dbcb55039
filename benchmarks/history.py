"""What a claim and a settle cost when much was sent before, or much is waiting.

`python -m benchmarks.history --n 5000 --history 10000000 --waiting 1000000 --rounds 3`; without
HTTP, so that nothing but the database is compared. The large databases are made at the first run
and kept in /var/tmp.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import uvloop

from benchmarks.shared.bulk import US, add_figures, add_history, add_waiting
from benchmarks.shared.databases import KINDS, Database, database, kept_database, with_schema
from benchmarks.shared.letters import SENDER
from benchmarks.shared.machine import own_cpu, tree_cpu
from benchmarks.shared.readings import Reading, arguments, refuse_unless, report
from terkirim import Gateway
from terkirim.domain.lease import Settlement
from terkirim.domain.outcome import Accepted
from terkirim.policy.retry import RetrySchedule
from terkirim.policy.verdict import Facts, verdict
from terkirim.ports import ClaimWish, Work

IN_AIR = 200
LEASE = timedelta(seconds=120)
AN_HOUR = 3_600 * US


@dataclass(frozen=True, slots=True)
class Cost:
    """What one message cost, in µs."""

    wall: float
    cpu: float


def measure(options: argparse.Namespace) -> list[Reading]:
    with ExitStack() as stack:
        stores = {
            "empty": stack.enter_context(database(options.database)),
            f"{options.history:,} of history": stack.enter_context(
                history(options.database, options.history)
            ),
            f"{options.waiting:,} waiting": stack.enter_context(
                waiting(options.database, options.waiting)
            ),
        }
        with_schema(stores["empty"])
        costs: dict[str, list[Cost]] = {name: [] for name in stores}
        for _ in range(options.rounds):
            for name, store in stores.items():
                add_waiting(store, count=options.n, until_us=_now_us())
                costs[name].append(uvloop.run(claimed_and_settled(store, options.n)))
    readings = []
    for name, rounds in costs.items():
        title = f"claim + settle, {name}, {options.database}"
        readings += [
            Reading(f"{title}: wall", min(one.wall for one in rounds), "µs/message"),
            Reading(f"{title}: CPU", min(one.cpu for one in rounds), "µs CPU/message"),
        ]
    return readings


def history(kind: str, count: int):
    """Return a kept database of that many accepted messages, the last of them an hour old."""
    until = _now_us() - AN_HOUR
    return kept_database(
        kind, f"history-{count}", lambda store: add_history(store, count=count, until_us=until)
    )


async def indexed(gateway: Gateway, *, ahead: timedelta = timedelta(0)) -> float | None:
    """Index what is not indexed yet; return how many messages a second, None where nothing was.

    The newest are left for later, as they may still come out of order, unless the clock is `ahead`.
    """
    began, total = time.perf_counter(), 0
    while count := await gateway.desk.search.index(now=gateway.clock.now() + ahead):
        total += count
    return total / (time.perf_counter() - began) if total else None


@contextmanager
def counted_history(kind: str, count: int) -> Iterator[Database]:
    """Give a history, counted as a busy one of many tags is."""
    with history(kind, count) as store:
        if not store.one("SELECT EXISTS (SELECT 1 FROM rollups WHERE kind = 'event_tag_month')"):
            add_figures(store, count=count, until_us=_now_us())
        yield store


def waiting(kind: str, count: int):
    """Return a kept database in which that many messages are due, and stay so."""
    until = _now_us() - AN_HOUR
    return kept_database(
        kind, f"waiting-{count}", lambda store: add_waiting(store, count=count, until_us=until)
    )


async def claimed_and_settled(store: Database, n: int) -> Cost:
    """Lease and settle the oldest `n`, as a dispatcher does whose requests take no time."""
    async with Gateway.open(
        database=store.url,
        mailketing_api_key="bench",
        mailketing_from_email=SENDER,
        concurrency=IN_AIR,
        work=False,
    ) as gateway:
        cpu, began = own_cpu() + tree_cpu(store.pids), time.perf_counter()
        turn, left = 0, n
        while left > 0:
            now = gateway.clock.now()
            wish = ClaimWish(limit=min(IN_AIR, left), now=now, lease_for=LEASE, turn=turn)
            claim = await gateway.store.claim(wish)
            refuse_unless(bool(claim.works), f"nothing to claim, {left} missing")
            settles = (gateway.store.settle(settlement(work, now)) for work in claim.works)
            await asyncio.gather(*settles)
            turn, left = claim.turn, left - len(claim.works)
        wall = time.perf_counter() - began
        spent = own_cpu() + tree_cpu(store.pids) - cpu
        return Cost(wall / n * 1e6, spent / n * 1e6)


def settlement(work: Work, now: datetime) -> Settlement:
    """Return the end of a lease whose message was accepted at once."""
    facts = Facts(
        now=now,
        started_at=now,
        duration_us=7_000,
        schedule=RetrySchedule(),
        unclear_wait=timedelta(seconds=60),
        spread=0.5,
        route=("mailketing",),
    )
    return verdict(work.lease, Accepted("0f8a54b7c1", answer="{}"), facts)


def _now_us() -> int:
    return time.time_ns() // 1_000


def main() -> None:
    parser = arguments(__doc__, n=5_000, history=10_000_000, waiting=1_000_000, rounds=3)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    options = parser.parse_args()
    report(measure(options), options.into)


if __name__ == "__main__":
    main()
