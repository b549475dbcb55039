"""What each stage of an e-mail costs by itself, by thread: a map for whoever wants it cheaper.

`python -m benchmarks.stages --n 10000`. The sum is less than a whole run: nothing contends here.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import uvloop

from benchmarks.history import LEASE, settlement
from benchmarks.shared.databases import KINDS, Database, database
from benchmarks.shared.letters import SENDER, draft
from benchmarks.shared.machine import grown, thread_cpu, tree_cpu
from benchmarks.shared.provider import Provider, provider
from benchmarks.shared.readings import CPU, Reading, arguments, report
from terkirim import Gateway
from terkirim.content.outgoing import outgoing
from terkirim.ports import ClaimWish, Work
from terkirim.providers.registry import build

AT_ONCE = 200
WITHIN = timedelta(seconds=30)


def measure(options: argparse.Namespace) -> list[Reading]:
    with database(options.database) as store, provider(store.folder) as partner:
        return uvloop.run(_stages(store, partner, options.n))


async def _stages(store: Database, partner: Provider, n: int) -> list[Reading]:
    async with Gateway.open(
        database=store.url, mailketing_api_key="bench", mailketing_from_email=SENDER, work=False
    ) as gateway:
        sender = build(
            "mailketing",
            {"key": lambda: "bench", "base_url": partner.url, "connections": AT_ONCE},
            clock=gateway.clock,
        )
        numbers = range(n)
        works: list[Work] = []
        costs = {
            "check": await _cost(store, lambda: _checked(gateway, numbers)),
            "accept, check included": await _cost(
                store, lambda: _each(numbers, partial(_accepted, gateway))
            ),
            "claim": await _cost(store, lambda: _claimed(gateway, works, n)),
            "send": await _cost(store, lambda: _each(works, partial(_sent, gateway, sender))),
            "settle": await _cost(store, lambda: _each(works, partial(_settled, gateway))),
        }
        await sender.close()
    return [
        Reading(f"{stage}, {store.kind}: {who}", seconds / n * 1e6, CPU)
        for stage, cost in costs.items()
        for who, seconds in cost
    ]


async def _cost(store: Database, stage: Callable[[], Awaitable[object]]) -> list[tuple[str, float]]:
    """Return the CPU seconds of each thread, and of the database's server."""
    server, threads, began = tree_cpu(store.pids), thread_cpu(), time.perf_counter()
    await stage()
    wall = time.perf_counter() - began
    used = grown(threads, thread_cpu())
    if store.pids:
        used.append(("database server", tree_cpu(store.pids) - server))
    return [*used, ("wall, not CPU", wall)]


async def _checked(gateway: Gateway, numbers: Sequence[int]) -> None:
    for number in numbers:
        gateway.check(draft(number), owner="bench")


async def _each(items: Sequence[Any], one: Callable[[Any], Awaitable[object]]) -> None:
    """Run `one` for each item, so many at once."""
    waiting = iter(items)

    async def caller() -> None:
        for item in waiting:
            await one(item)

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))


async def _accepted(gateway: Gateway, number: int) -> None:
    one = draft(number)
    await gateway.send_email(sender=one.sender, to=one.to, subject=one.subject, html=one.html)


async def _claimed(gateway: Gateway, works: list[Work], n: int) -> None:
    turn = 0
    while len(works) < n:
        now = gateway.clock.now()
        wish = ClaimWish(limit=AT_ONCE, now=now, lease_for=LEASE, turn=turn)
        claim = await gateway.store.claim(wish)
        works += claim.works
        turn = claim.turn


async def _sent(gateway: Gateway, sender: Any, work: Work) -> None:
    await sender.send(outgoing(work, links=None, now=gateway.clock.now()), within=WITHIN)


async def _settled(gateway: Gateway, work: Work) -> None:
    await gateway.store.settle(settlement(work, gateway.clock.now()))


def main() -> None:
    parser = arguments(__doc__, n=10_000)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    options = parser.parse_args()
    report(measure(options), options.into)


if __name__ == "__main__":
    main()
