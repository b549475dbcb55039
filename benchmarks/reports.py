"""How long `serve` takes to answer a question, with few and with ten million messages behind it.

`python -m benchmarks.reports --history 10000000`. The search index is brought up to date first.
"""

import argparse
import asyncio
import time
import urllib.request

from benchmarks.history import counted_history, indexed
from benchmarks.shared.databases import KINDS, Database
from benchmarks.shared.provider import provider
from benchmarks.shared.readings import MS, Reading, arguments, at, report
from benchmarks.shared.served import KEY, served
from terkirim import Gateway
from terkirim.reports import delivery, latency

FEW = 10_000
TIMES = 20
SLOW = 0.5  # seconds after which a question is asked no further time
LONGEST = 10.0  # seconds after which it is given up, and stands in the table as so many
# Every question that is asked of the whole history; a new page or report gets its line here.
QUESTIONS = (
    "/v1/retries?days=30",
    "/v1/retries?days=365",
    *(f"/v1/statistics/delivery?by={by}&days=30" for by in delivery.BY),
    *(f"/v1/statistics/delivery?by={by}&days=365" for by in delivery.BY if by != delivery.HOURS),
    *(f"/v1/statistics/latency?by={by}&days=30" for by in latency.BY),
    "/v1/statistics/latency?days=365",
    "/v1/activity",
    "/v1/messages",
    "/v1/messages?state=dead",
    "/v1/emails?limit=100",
    "/v1/status",
    "/v1/providers",
    "/health/ready",
    "/v1/messages?recipient=pelanggan7@example.com",
)


def measure(options: argparse.Namespace) -> list[Reading]:
    readings = []
    for count in (FEW, options.history):
        with counted_history(options.database, count) as store:
            asyncio.run(_prepared(store))
            for path, wait in _answered_within(store).items():
                name = f"GET {path}, {count:,} of history, {store.kind}"
                readings.append(Reading(name, wait * 1e3, MS))
    slowest = max(readings[len(QUESTIONS) :], key=lambda reading: reading.value)
    name = f"the slowest question, {options.history:,} of history, {options.database}"
    return [Reading(name, slowest.value, MS), *readings]


async def _prepared(store: Database) -> None:
    async with Gateway.open(database=store.url, work=False) as gateway:
        await indexed(gateway)


def _answered_within(store: Database) -> dict[str, float]:
    """Return the median of each question, in seconds; what it reads first is not counted."""
    with provider(store.folder) as partner, served(store, partner) as gateway:
        return {path: _median(gateway.url + path) for path in QUESTIONS}


def _median(url: str) -> float:
    if _asked(url) >= LONGEST:
        return LONGEST
    times = [_asked(url)]
    while len(times) < TIMES and times[-1] < SLOW:
        times.append(_asked(url))
    return at(times, 0.5)


def _asked(url: str) -> float:
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {KEY}"})
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=LONGEST) as answer:
            answer.read()
    except TimeoutError:
        return LONGEST
    return time.perf_counter() - began


def main() -> None:
    parser = arguments(__doc__, history=10_000_000)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    options = parser.parse_args()
    report(measure(options), options.into)


if __name__ == "__main__":
    main()
