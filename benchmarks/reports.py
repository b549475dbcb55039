"""How long `serve` takes to answer a question, with few and with ten million messages behind it.

`python -m benchmarks.reports --history 10000000`
"""

import argparse
import time
import urllib.request

from benchmarks.history import history
from benchmarks.shared.databases import KINDS, Database
from benchmarks.shared.provider import provider
from benchmarks.shared.readings import MS, Reading, arguments, at, report
from benchmarks.shared.served import KEY, served

FEW = 10_000
TIMES = 20
# Every question that is asked of the whole history; a new page or report gets its line here.
QUESTIONS = (
    "/v1/retries?days=30",
    "/v1/messages",
    "/v1/messages?state=dead",
    "/v1/emails?limit=100",
    "/metrics",
    "/health/ready",
)


def measure(options: argparse.Namespace) -> list[Reading]:
    readings = []
    for count in (FEW, options.history):
        with history(options.database, count) as store:
            for path, wait in _answered_within(store).items():
                name = f"GET {path}, {count:,} of history, {store.kind}"
                readings.append(Reading(name, wait * 1e3, MS))
    slowest = max(readings[len(QUESTIONS) :], key=lambda reading: reading.value)
    name = f"the slowest question, {options.history:,} of history, {options.database}"
    return [Reading(name, slowest.value, MS), *readings]


def _answered_within(store: Database) -> dict[str, float]:
    """Return the median of each question, in seconds."""
    with provider(store.folder) as partner, served(store, partner) as gateway:
        return {
            path: at([_asked(gateway.url + path) for _ in range(TIMES)], 0.5) for path in QUESTIONS
        }


def _asked(url: str) -> float:
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {KEY}"})
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()
    return time.perf_counter() - began


def main() -> None:
    parser = arguments(__doc__, history=10_000_000)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    options = parser.parse_args()
    report(measure(options), options.into)


if __name__ == "__main__":
    main()
