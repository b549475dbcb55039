"""Memory with many requests in the air, the time of `--help`, the start on a long history.

`python -m benchmarks.footprint --in-air 200 --history 10000000`
"""

import argparse
import subprocess
import threading
import time
from typing import Self

from benchmarks.history import history
from benchmarks.shared.children import clean_environment
from benchmarks.shared.databases import KINDS, Database, database
from benchmarks.shared.load import post
from benchmarks.shared.provider import provider
from benchmarks.shared.readings import MB, MS, Reading, arguments, refuse_unless, report
from benchmarks.shared.served import TERKIRIM, Served, served

SAMPLED_EVERY = 0.05  # seconds
CONNECTIONS = 200
ENOUGH_IN_AIR = 0.9  # of the wanted requests, held by the provider at once


def measure(options: argparse.Namespace) -> list[Reading]:
    readings = [Reading("terkirim --help", _help_within() * 1e3, MS)]
    readings += [_memory(options, in_air) for in_air in options.in_air]
    with history(options.database, options.history) as store:
        readings.append(_start(store, options.history))
    return readings


def _help_within() -> float:
    """Return the seconds of the fastest of ten."""
    times = []
    for _ in range(10):
        began = time.perf_counter()
        subprocess.run(
            [TERKIRIM, "--help"], env=clean_environment(), check=True, stdout=subprocess.DEVNULL
        )
        times.append(time.perf_counter() - began)
    return min(times)


def _memory(options: argparse.Namespace, in_air: int) -> Reading:
    """Return the most that all processes held while so many requests were in the air."""
    with (
        database(options.database) as store,
        provider(store.folder, delay_ms=options.delay_ms) as partner,
        served(store, partner, concurrency=in_air) as gateway,
    ):
        with Peak(gateway) as peak:
            post(
                gateway.url,
                seconds=options.seconds,
                connections=CONNECTIONS,
                folder=store.folder,
            )
        held = partner.peak()
        refuse_unless(held >= in_air * ENOUGH_IN_AIR, f"only {held} were in the air")
    name = f"terkirim serve, {in_air} in the air, {options.database}: peak memory"
    return Reading(name, peak.bytes / 1e6, MB)


class Peak:
    """Samples the memory of a gateway's processes while the block runs."""

    def __init__(self, gateway: Served) -> None:
        self.bytes = 0
        self._gateway = gateway
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLED_EVERY):
            self.bytes = max(self.bytes, self._gateway.memory())


def _start(store: Database, count: int) -> Reading:
    """Return how long `serve` takes until it is ready: the faster of two."""
    times = []
    for _ in range(2):
        with provider(store.folder) as partner, served(store, partner) as gateway:
            times.append(gateway.started_within)
    return Reading(
        f"terkirim serve, {count:,} of history, {store.kind}: ready", min(times) * 1e3, MS
    )


def main() -> None:
    parser = arguments(__doc__, seconds=6, delay_ms=2_000, history=10_000_000)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--in-air", type=int, nargs="+", default=[200, 1_000])
    options = parser.parse_args()
    report(measure(options), options.into)


if __name__ == "__main__":
    main()
